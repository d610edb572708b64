"""Trains the convolutional digits network in plain numpy and writes its assets.

    python -m pip install numpy==2.5.2 scipy==1.18.1 scikit-learn==1.9.1
    OPENBLAS_NUM_THREADS=1 python workloads/digits-cnn/train.py [assets folder]

Cross-entropy, back-propagation by hand, Adam (D. P. Kingma, J. Ba, 2015) with its
usual constants. All in float64; the weights are rounded to float32 once, at the end.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 0
HELD_OUT_IMAGES = 360
SIDE = 8  # pixels
FIRST, SECOND, DIGITS = 16, 32, 10  # outputs of each layer
EPOCHS = 60
BATCH = 32
DROPPED = 0.5  # share of the output layer's inputs that training leaves out at random
RATE = 1e-3  # at the start; falls to zero in a straight line


def main():
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    images, labels = load_digits(return_X_y=True)
    train_images, held_out_images, train_labels, held_out_labels = train_test_split(
        images, labels, test_size=HELD_OUT_IMAGES, stratify=labels, random_state=SEED
    )
    model = train(_planes(train_images), train_labels)
    answers = forward(model, _planes(held_out_images))["probabilities"].argmax(axis=1)
    print(f"held-out accuracy in float64: {(answers == held_out_labels).mean():.4f}")

    for name, values in model.items():
        np.save(assets / f"{name}.npy", values.astype("<f4"))
    held_out_images.astype(np.uint8).tofile(assets / "held_out_images.u8")
    held_out_labels.astype(np.uint8).tofile(assets / "held_out_labels.u8")


def train(images, labels):
    """Returns the trained weights and biases by name."""
    random = np.random.default_rng(SEED)
    model = {
        "first_weights": _start(random, FIRST, 1, 3, 3),
        "first_biases": np.zeros(FIRST),
        "second_weights": _start(random, SECOND, FIRST, 3, 3),
        "second_biases": np.zeros(SECOND),
        "output_weights": _start(random, DIGITS, (SIDE // 2) ** 2 * SECOND),
        "output_biases": np.zeros(DIGITS),
    }
    means = {name: np.zeros_like(values) for name, values in model.items()}
    squares = {name: np.zeros_like(values) for name, values in model.items()}
    batches = [range(start, start + BATCH) for start in range(0, len(images) - BATCH + 1, BATCH)]
    steps = EPOCHS * len(batches)
    for step in range(steps):
        if step % len(batches) == 0:
            order = random.permutation(len(images))
        chosen = order[batches[step % len(batches)]]
        kept = (random.random((BATCH, model["output_weights"].shape[1])) >= DROPPED) / (1 - DROPPED)
        values = forward(model, images[chosen], kept)
        rate = RATE * (1 - step / steps)
        for name, gradient in gradients(model, values, labels[chosen]).items():
            means[name] += (1 - 0.9) * (gradient - means[name])
            squares[name] += (1 - 0.999) * (gradient**2 - squares[name])
            mean = means[name] / (1 - 0.9 ** (step + 1))
            square = squares[name] / (1 - 0.999 ** (step + 1))
            model[name] -= rate * mean / (np.sqrt(square) + 1e-8)
    return model


def forward(model, images, kept=1):
    """Returns what every layer gives, by name."""
    values = {"kept": kept, "first_rows": _rows(images)}
    values["first"] = _units(model, "first", values["first_rows"])
    values["second_rows"] = _rows(values["first"])
    values["second"] = _units(model, "second", values["second_rows"])
    values["pooled"] = _blocks(values["second"]).max(axis=(2, 4), keepdims=True)
    values["inputs"] = values["pooled"].reshape(len(images), -1) * kept
    logits = values["inputs"] @ model["output_weights"].T + model["output_biases"]
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    values["probabilities"] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return values


def gradients(model, values, labels):
    """Returns the derivatives of the mean cross-entropy with respect to the model, by name."""
    logits = (values["probabilities"] - np.eye(DIGITS)[labels]) / len(labels)
    pooled = (logits @ model["output_weights"] * values["kept"]).reshape(values["pooled"].shape)
    # Only the largest of each 2x2 pixels has an influence, and only where ReLU lets it through.
    largest = _blocks(values["second"]) == values["pooled"]
    second = (largest * pooled).reshape(values["second"].shape) * (values["second"] > 0)
    # The derivative of a convolution is one with the weights turned by 180 degrees.
    turned = model["second_weights"][:, :, ::-1, ::-1].swapaxes(0, 1)
    first = _rows(second) @ _matrix(turned).T * (values["first"] > 0)
    return {
        "first_weights": _weights(first, values["first_rows"], model["first_weights"].shape),
        "first_biases": first.sum(axis=(0, 1, 2)),
        "second_weights": _weights(second, values["second_rows"], model["second_weights"].shape),
        "second_biases": second.sum(axis=(0, 1, 2)),
        "output_weights": logits.T @ values["inputs"],
        "output_biases": logits.sum(axis=0),
    }


def _planes(images):
    """Returns values in 0..1, shape (images, 8, 8, 1)."""
    return images.reshape(-1, SIDE, SIDE, 1) / 16


def _start(random, *shape):
    """Returns weights of the variance that suits ReLU (K. He and others, 2015)."""
    return random.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)


def _rows(planes):
    """Returns the 3x3 surroundings of each pixel, zeros outside, shape (images, 8, 8, inputs x 9)."""
    padded = np.pad(planes, [(0, 0), (1, 1), (1, 1), (0, 0)])
    return sliding_window_view(padded, (3, 3), axis=(1, 2)).reshape(*planes.shape[:3], -1)


def _units(model, layer, rows):
    """Returns what a convolution's units give, after ReLU."""
    return np.maximum(rows @ _matrix(model[f"{layer}_weights"]).T + model[f"{layer}_biases"], 0)


def _blocks(planes):
    """Returns 2x2 pixels in axes 2 and 4, shape (images, 4, 2, 4, 2, outputs)."""
    return planes.reshape(len(planes), SIDE // 2, 2, SIDE // 2, 2, -1)


def _matrix(weights):
    """Returns weights with one row per output."""
    return weights.reshape(len(weights), -1)


def _weights(derivatives, rows, shape):
    """Returns a convolution's derivatives with respect to its weights, of that shape."""
    return (derivatives.reshape(-1, shape[0]).T @ rows.reshape(-1, rows.shape[-1])).reshape(shape)


if __name__ == "__main__":
    main()
