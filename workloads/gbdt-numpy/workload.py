"""Gradient-boosted trees judge tumours, in numpy: all trees and rows descend together.

The same trees and rows as gbdt-python. What the trees' branches become here is a
table look-up per level for every pair of tree and row.
"""

import numpy as np

FEATURES = 30
DEPTH = 5  # levels below a root


def load(assets):
    """Returns the nodes of all trees as one array per attribute, and the trees' roots."""
    names = "features", "thresholds", "lefts", "rights", "values", "roots"
    features, thresholds, lefts, rights, values, roots = (np.load(f"{assets}/{name}.npy") for name in names)
    # numpy would convert narrower indices to intp in every look-up.
    features, lefts, rights, roots = (array.astype(np.intp) for array in (features, lefts, rights, roots))
    return features, thresholds, lefts, rights, values, roots


def decode(request):
    """Returns float64 features, shape (rows, 30): thresholds lie between float32 values."""
    return np.frombuffer(request, dtype="<f4").reshape(-1, FEATURES).astype(np.float64)


def infer(model, rows):
    """Returns float64 probabilities that a tumour is benign, shape (rows,)."""
    features, thresholds, lefts, rights, values, roots = model
    row_numbers = np.arange(len(rows))
    nodes = np.repeat(roots[:, np.newaxis], len(rows), axis=1)
    # A leaf is its own child: who arrives early stays.
    for _ in range(DEPTH):
        goes_left = rows[row_numbers, features[nodes]] <= thresholds[nodes]
        nodes = np.where(goes_left, lefts[nodes], rights[nodes])
    # cumsum adds tree by tree, as gbdt-python does; the order of sum depends on the shape.
    scores = values[nodes].cumsum(axis=0)[-1]
    return 1 / (1 + np.exp(-scores))


def encode(probabilities):
    """Returns the probabilities as little-endian float64, row after row."""
    return probabilities.astype("<f8", copy=False).tobytes()


def make_request(index, batch):
    """Returns the batch's held-out rows: 30 features each, little-endian float32."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    path = Path(__file__).parent / "assets" / "held_out_rows.f32"
    rows = np.fromfile(path, dtype="<f4").reshape(-1, FEATURES)
    # Large batches go round the held-out set, each from its own starting row.
    wanted = np.arange(index * batch, (index + 1) * batch) % len(rows)
    return rows[wanted].tobytes()
