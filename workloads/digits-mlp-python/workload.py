"""A perceptron with one hidden layer reads 8x8 digits, in plain Python lists.

The same network, weights and images as digits-mlp-numpy: what differs is only
that every multiplication passes through the interpreter.
"""

import math
import struct

PIXELS = 64


def load(assets):
    """Returns the two layers, each as (one row of weights per unit, biases)."""
    return _load_layer(assets, "hidden"), _load_layer(assets, "output")


def decode(request):
    """Returns one list of 64 values in 0..1 per image."""
    images = [request[start : start + PIXELS] for start in range(0, len(request), PIXELS)]
    return [[pixel / 16 for pixel in image] for image in images]


def infer(model, images):
    """Returns one list of ten probabilities per image."""
    hidden, output = model
    return [_softmax(_dense(output, _relu(_dense(hidden, image)))) for image in images]


def encode(rows):
    """Returns the probabilities as little-endian float64, image after image."""
    values = [value for row in rows for value in row]
    return struct.pack(f"<{len(values)}d", *values)


def make_request(index):
    """Returns one held-out image: 64 pixels of 0..16, one byte each."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    images = (Path(__file__).parent / "assets" / "held_out_images.u8").read_bytes()
    return images[index * PIXELS : (index + 1) * PIXELS]


def _load_layer(assets, name):
    weights = _load_floats(f"{assets}/{name}_weights.f32")
    biases = _load_floats(f"{assets}/{name}_biases.f32")
    inputs = len(weights) // len(biases)
    return [weights[start : start + inputs] for start in range(0, len(weights), inputs)], biases


def _load_floats(path):
    with open(path, "rb") as file:
        content = file.read()
    return list(struct.unpack(f"<{len(content) // 4}f", content))


def _dense(layer, inputs):
    rows, biases = layer
    return [sum(w * x for w, x in zip(row, inputs)) + bias for row, bias in zip(rows, biases)]


def _relu(values):
    return [max(value, 0.0) for value in values]


def _softmax(logits):
    # The largest logit is taken off first, so that exp cannot overflow.
    largest = max(logits)
    exponentials = [math.exp(logit - largest) for logit in logits]
    total = sum(exponentials)
    return [exponential / total for exponential in exponentials]
