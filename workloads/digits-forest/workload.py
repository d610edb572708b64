"""A random forest reads 8x8 digits: 100 trees behind scikit-learn's predict_proba.

Every tree is a few Python calls around one compiled walk, so most of the time
is the library's own Python, for one image as for 64.
"""

import joblib
import numpy as np
import sklearn.ensemble  # unpickling would import it anyway: this way it counts as import

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
