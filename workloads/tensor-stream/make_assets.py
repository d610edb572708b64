"""Writes the two photographs tensor-stream makes its requests from.

    python -m pip install numpy==2.5.2 scipy==1.18.1 scikit-learn==1.9.1 pillow==13.0.0
    python workloads/tensor-stream/make_assets.py [assets folder]

They are prepared as for ImageNet models: shorter side 256, centre crop 224.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

SHORTER_SIDE = 256
CROP = 224


def main():
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    photographs = [_crop(Image.fromarray(image)) for image in load_sample_images().images]
    np.save(assets / "photographs.npy", np.stack([np.asarray(image) for image in photographs]))


def _crop(image):
    factor = SHORTER_SIDE / min(image.size)
    width, height = (round(side * factor) for side in image.size)
    left, top = (width - CROP) // 2, (height - CROP) // 2
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    return resized.crop((left, top, left + CROP, top + CROP))


if __name__ == "__main__":
    main()
