"""A support vector machine reads 8x8 digits, behind scikit-learn's predict_proba.

An SVC with RBF kernel, its decision values calibrated to probabilities: libsvm
compares each image with every support vector.
"""

import joblib
import numpy as np
import sklearn.calibration  # unpickling would import both anyway: this way they count as import
import sklearn.svm

PIXELS = 64


def load(assets):
    """Returns the fitted classifier."""
    return joblib.load(f"{assets}/model.joblib")


def decode(request):
    """Returns float64 values of 0..16, shape (images, 64)."""
    pixels = np.frombuffer(request, dtype=np.uint8).reshape(-1, PIXELS)
    return pixels.astype(np.float64)


def infer(classifier, images):
    """Returns float64 probabilities, shape (images, 10)."""
    return classifier.predict_proba(images)


def encode(probabilities):
    """Returns the probabilities as little-endian float64, image after image."""
    return probabilities.astype("<f8", copy=False).tobytes()


def make_request(index, batch):
    """Returns the batch's held-out images: 64 pixels of 0..16 each, one byte per pixel."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    path = Path(__file__).parent / "assets" / "held_out_images.u8"
    images = np.fromfile(path, dtype=np.uint8).reshape(-1, PIXELS)
    # Large batches go round the held-out set, each from its own starting image.
    wanted = np.arange(index * batch, (index + 1) * batch) % len(images)
    return images[wanted].tobytes()
