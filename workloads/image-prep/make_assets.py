"""Writes the photographs of image-prep and what Pillow makes of them.

    python -m pip install numpy==2.5.2 scipy==1.18.1 scikit-learn==1.9.1 pillow==13.0.0
    python workloads/image-prep/make_assets.py [assets folder]

The reference is Pillow's resize, an independent implementation in C, which computes
in 8 bits and rounds between its two passes.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

SHORTER_SIDE = 256
CROP = 224
PART = np.s_[31:415, 64:576]  # rows, columns
# Every other row, which keeps the file small.
REFERENCE_ROWS = np.s_[::2]


def main():
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    references = []
    for name in "china", "flower":
        photograph = np.ascontiguousarray(load_sample_image(f"{name}.jpg")[PART])
        np.save(assets / f"{name}.npy", photograph)
        references.append(_prepared(Image.fromarray(photograph))[REFERENCE_ROWS])
    np.save(assets / "reference.npy", np.stack(references))


def _prepared(image):
    """Returns the resized image's centre, uint8, shape (224, 224, 3)."""
    width, height = (SHORTER_SIDE * side // min(image.size) for side in image.size)
    left, top = round((width - CROP) / 2), round((height - CROP) / 2)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized.crop((left, top, left + CROP, top + CROP)))


if __name__ == "__main__":
    main()
