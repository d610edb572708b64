"""Prepares photographs for an image classifier: resize, crop, normalise.

The preset of torchvision's ImageNet models: the shorter side becomes 256 by
bilinear interpolation with antialiasing, the centre 224x224 is cut out, each
colour plane is shifted and scaled. As in jax.image.resize, the interpolation of
each axis is one matrix product; rows of the matrix that the crop would drop are
not made.
"""

import struct

import numpy as np

SHORTER_SIDE = 256  # pixels, after resizing
CROP = 224

# torchvision, "Models and pre-trained weights": images in 0..1, red, green, blue.
MEAN = 0.485, 0.456, 0.406
STANDARD_DEVIATION = 0.229, 0.224, 0.225


def load(assets):
    """Returns scale and shift per channel for pixels of 0..255; this model has no files."""
    deviation = np.array(STANDARD_DEVIATION).reshape(3, 1, 1)
    mean = np.array(MEAN).reshape(3, 1, 1)
    return (1 / (255 * deviation)).astype(np.float32), (-mean / deviation).astype(np.float32)


def decode(request):
    """Returns uint8 pixels, shape (height, width, 3)."""
    height, width = struct.unpack_from("<II", request)
    return np.frombuffer(request, dtype=np.uint8, offset=8).reshape(height, width, 3)


def infer(model, pixels):
    """Returns the normalised centre of the resized image, float32, shape (3, 224, 224)."""
    scale, shift = model
    height, width, _ = pixels.shape
    shorter = min(height, width)
    rows = _interpolation(height, SHORTER_SIDE * height // shorter)
    columns = _interpolation(width, SHORTER_SIDE * width // shorter)
    planes = pixels.transpose(2, 0, 1).astype(np.float32, order="C")
    return rows @ (planes @ columns.T) * scale + shift


def encode(planes):
    """Returns the values as little-endian float32, plane after plane."""
    return planes.astype("<f4", copy=False).tobytes()


def make_request(index):
    """Returns a part of a photograph: height and width as uint32, then three bytes per pixel."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    variant, which = divmod(index, 2)
    name = ("china", "flower")[which]
    photograph = np.load(Path(__file__).parent / "assets" / f"{name}.npy")
    # Each variant leaves another margin, so that sizes and positions differ.
    pixels = photograph[4 * variant :, 8 * variant :]
    if variant % 2:
        pixels = pixels[:, ::-1]
    return struct.pack("<II", *pixels.shape[:2]) + pixels.tobytes()


def _interpolation(size, resized):
    """Returns the weights, shape (224, size), of the pixels along an axis in those of the crop.

    Each pixel's weight falls linearly with its distance from the new pixel's centre. When
    shrinking, the triangle is as wide as two new pixels, so that no pixel is passed over.
    """
    step = size / resized
    first = round((resized - CROP) / 2)
    centres = (np.arange(first, first + CROP) + 0.5) * step
    distances = np.abs(np.arange(size) + 0.5 - centres[:, np.newaxis])
    weights = np.maximum(1 - distances / max(step, 1), 0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
