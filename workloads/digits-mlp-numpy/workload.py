"""A perceptron with one hidden layer reads 8x8 digits, in numpy float32.

The same network, weights and images as digits-mlp-python, a batch at a time,
which spreads what numpy's own call machinery costs.
"""

import numpy as np

PIXELS = 64


def load(assets):
    """Returns weights and biases of both layers; weights have one row per unit."""
    names = "hidden_weights", "hidden_biases", "output_weights", "output_biases"
    return [np.load(f"{assets}/{name}.npy") for name in names]


def decode(request):
    """Returns float32 values in 0..1, shape (images, 64)."""
    pixels = np.frombuffer(request, dtype=np.uint8).reshape(-1, PIXELS)
    return pixels.astype(np.float32) / 16


def infer(model, images):
    """Returns float32 probabilities, shape (images, 10)."""
    hidden_weights, hidden_biases, output_weights, output_biases = model
    hidden = np.maximum(images @ hidden_weights.T + hidden_biases, 0)
    logits = hidden @ output_weights.T + output_biases
    # The largest logit is taken off first, so that exp cannot overflow.
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def encode(probabilities):
    """Returns the probabilities as little-endian float32, image after image."""
    return probabilities.astype("<f4", copy=False).tobytes()


def make_request(index, batch):
    """Returns the batch's held-out images: 64 pixels of 0..16 each, one byte per pixel."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    path = Path(__file__).parent / "assets" / "held_out_images.u8"
    images = np.fromfile(path, dtype=np.uint8).reshape(-1, PIXELS)
    # Large batches go round the held-out set, each from its own starting image.
    wanted = np.arange(index * batch, (index + 1) * batch) % len(images)
    return images[wanted].tobytes()
