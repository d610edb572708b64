"""Projects digits onto principal components and says how well they fit, behind a JSON API.

Requests and responses are those of KServe's V1 protocol, which is TensorFlow
Serving's REST API: {"instances": [...]} in, {"predictions": [...]} out. Each
prediction has the image's principal components and the two statistics by which
PCA models find outliers: Hotelling's T^2, how far from the mean the image lies
within the model's plane, and Q, the squared distance from that plane
(J. E. Jackson, G. S. Mudholkar, "Control Procedures for Residuals Associated
With Principal Component Analysis", 1979).
"""

import json

import numpy as np


def load(assets):
    """Returns mean, shape (64,), components, shape (16, 64), and their variances, shape (16,)."""
    return [np.load(f"{assets}/{name}.npy") for name in ("mean", "components", "variances")]


def decode(request):
    """Returns float64 pixels of 0..16, shape (images, 64)."""
    return np.array(json.loads(request)["instances"], dtype=np.float64)


def infer(model, images):
    """Returns components, shape (images, 16), T^2 and Q, both of shape (images,)."""
    mean, components, variances = model
    centred = images - mean
    projected = centred @ components.T
    residual = centred - projected @ components
    return projected, (projected**2 / variances).sum(axis=1), (residual**2).sum(axis=1)


def encode(outputs):
    """Returns one JSON object per image."""
    rows = zip(*(values.tolist() for values in outputs))
    predictions = [{"components": row, "t2": t2, "q": q} for row, t2, q in rows]
    return json.dumps({"predictions": predictions}).encode()


def make_request(index, batch):
    """Returns the batch's held-out images as JSON: 64 numbers of 0..16 each."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    path = Path(__file__).parent / "assets" / "held_out_images.u8"
    images = np.fromfile(path, dtype=np.uint8).reshape(-1, 64)
    # Large batches go round the held-out set, each from its own starting image.
    wanted = np.arange(index * batch, (index + 1) * batch) % len(images)
    return json.dumps({"instances": images[wanted].astype(np.float64).tolist()}).encode()
