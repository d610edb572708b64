"""Trains the PCA model of pca-project and writes its assets.

    python -m pip install numpy==2.5.2 scipy==1.18.1 scikit-learn==1.9.1
    python workloads/pca-project/train.py [assets folder]

The images held out are those of the digits workloads.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

SEED = 0
COMPONENTS = 16
HELD_OUT_IMAGES = 360


def main():
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    images, labels = load_digits(return_X_y=True)
    train_images, held_out_images = train_test_split(
        images, test_size=HELD_OUT_IMAGES, stratify=labels, random_state=SEED
    )
    model = PCA(n_components=COMPONENTS, svd_solver="full").fit(train_images)
    np.save(assets / "mean.npy", model.mean_)
    np.save(assets / "components.npy", _with_fixed_signs(model.components_))
    np.save(assets / "variances.npy", model.explained_variance_)
    held_out_images.astype(np.uint8).tofile(assets / "held_out_images.u8")

    centred = held_out_images - model.mean_
    kept = np.sum(model.transform(held_out_images) ** 2) / np.sum(centred**2)
    print(f"share of the variance kept: {model.explained_variance_ratio_.sum():.4f}, held out {kept:.4f}")


def _with_fixed_signs(components):
    """Makes each component's largest entry positive: the decomposition leaves the sign open."""
    largest = np.abs(components).argmax(axis=1)
    return components * np.sign(components[np.arange(len(components)), largest])[:, np.newaxis]


if __name__ == "__main__":
    main()
