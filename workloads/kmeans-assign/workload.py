"""Finds the nearest of 256 colours for every pixel: k-means as it is used once trained.

Squared distances are expanded, |p - c|^2 = |p|^2 - 2 p.c + |c|^2, so that one matrix
product serves all pairs; |p|^2 is the same for every colour and left out. Vector
quantisation, nearest-centroid classifiers and the coarse step of vector search
score their points the same way.
"""

import numpy as np

CHANNELS = 3  # red, green, blue


def load(assets):
    """Returns -2 c, shape (3, 256), and |c|^2, shape (256,), of the colours c in float32."""
    palette = np.load(f"{assets}/palette.npy").astype(np.float32)
    return -2 * palette.T, (palette**2).sum(axis=1)


def decode(request):
    """Returns float32 pixels of 0..255, shape (pixels, 3)."""
    return np.frombuffer(request, dtype=np.uint8).reshape(-1, CHANNELS).astype(np.float32)


def infer(model, pixels):
    """Returns the number of each pixel's colour; of equally near ones, the first."""
    products, squares = model
    distances = pixels @ products
    # In place: another array of this size would cost more than the addition.
    distances += squares
    return distances.argmin(axis=1)


def encode(colours):
    """Returns one byte per pixel."""
    return colours.astype(np.uint8).tobytes()


def make_request(index, batch):
    """Returns a square tile of the photograph: batch pixels, three bytes each."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from math import isqrt
    from pathlib import Path

    photograph = np.load(Path(__file__).parent / "assets" / "photograph.npy")
    side = isqrt(batch)
    top, left = 40 * (index // 8), 36 * (index % 8)
    return photograph[top : top + side, left : left + side].tobytes()
