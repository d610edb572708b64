"""Trains the palette of kmeans-assign and writes its assets.

    python -m pip install numpy==2.5.2 scipy==1.18.1 scikit-learn==1.9.1 pillow==13.0.0
    python workloads/kmeans-assign/train.py [assets folder]

The palette is trained on the whole photograph; requests come from a part of it.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_image

SEED = 0
COLOURS = 256
TRAINING_STEP = 8  # every eighth pixel: 34,160 of 273,280
PART = np.s_[100:356, 128:512]  # rows, columns


def main():
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    photograph = load_sample_image("china.jpg")
    pixels = photograph.reshape(-1, 3).astype(np.float64)
    model = KMeans(n_clusters=COLOURS, n_init=1, random_state=SEED).fit(pixels[::TRAINING_STEP])

    # A palette holds colours of eight bits. It also makes every distance a whole number.
    palette = np.rint(model.cluster_centers_).astype(np.uint8)
    np.save(assets / "palette.npy", palette)
    np.save(assets / "photograph.npy", np.ascontiguousarray(photograph[PART]))

    part = photograph[PART].reshape(-1, 3).astype(np.float64)
    nearest = model.predict(part)
    for name, colours in ("as trained", model.cluster_centers_), ("in eight bits", palette):
        print(f"PSNR with colours {name}: {_psnr(part, colours[nearest]):.2f} dB")


def _psnr(pixels, quantised):
    """Returns the peak signal-to-noise ratio in decibels."""
    return 10 * np.log10(255**2 / np.mean((pixels - quantised) ** 2))


if __name__ == "__main__":
    main()
