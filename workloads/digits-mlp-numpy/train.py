"""Trains the digits network and writes the assets of both digits workloads.

    python -m pip install numpy==2.5.2 scipy==1.18.1 scikit-learn==1.9.1
    python workloads/digits-mlp-numpy/train.py [folder that holds both workloads]

Weights are trained in float64 and rounded to float32 once; both workloads get
these float32 values, numpy as .npy, plain Python as the same payload without
the header.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

SEED = 0
HIDDEN_UNITS = 128
HELD_OUT_IMAGES = 360


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    images, labels = load_digits(return_X_y=True)
    train_images, held_out_images, train_labels, held_out_labels = train_test_split(
        images, labels, test_size=HELD_OUT_IMAGES, stratify=labels, random_state=SEED
    )
    classifier = MLPClassifier(hidden_layer_sizes=[HIDDEN_UNITS], random_state=SEED, max_iter=500)
    classifier.fit(train_images / 16, train_labels)
    print(f"held-out accuracy in float64: {classifier.score(held_out_images / 16, held_out_labels):.4f}")

    # scikit-learn keeps weights as (inputs, units); the workloads want one row per unit.
    arrays = {
        "hidden_weights": classifier.coefs_[0].T,
        "hidden_biases": classifier.intercepts_[0],
        "output_weights": classifier.coefs_[1].T,
        "output_biases": classifier.intercepts_[1],
    }
    held_out = {"held_out_images": held_out_images, "held_out_labels": held_out_labels}
    for name, values in arrays.items():
        weights = np.ascontiguousarray(values, dtype="<f4")
        np.save(_asset(folder, "numpy", f"{name}.npy"), weights)
        weights.tofile(_asset(folder, "python", f"{name}.f32"))
    for name, values in held_out.items():
        for kind in "numpy", "python":
            values.astype(np.uint8).tofile(_asset(folder, kind, f"{name}.u8"))


def _asset(folder, kind, name):
    path = folder / f"digits-mlp-{kind}" / "assets" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    main()
