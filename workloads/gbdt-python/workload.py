"""Gradient-boosted trees judge tumours, in plain Python: row by row, tree by tree.

The same trees and rows as gbdt-numpy: what differs is only that every step from a
node to its child passes through the interpreter.
"""

import math
import struct

FEATURES = 30
ROW_BYTES = FEATURES * 4


def load(assets):
    """Returns the nodes of all trees as one list per attribute, and the trees' roots."""
    names = "features.i32", "thresholds.f64", "lefts.i32", "rights.i32", "values.f64", "roots.i32"
    return [_load_numbers(f"{assets}/{name}") for name in names]


def decode(request):
    """Returns one tuple of 30 features per row."""
    return list(struct.iter_unpack(f"<{FEATURES}f", request))


def infer(model, rows):
    """Returns one probability per row: that the tumour is benign."""
    return [1 / (1 + math.exp(-_score(model, row))) for row in rows]


def encode(probabilities):
    """Returns the probabilities as little-endian float64, row after row."""
    return struct.pack(f"<{len(probabilities)}d", *probabilities)


def make_request(index, batch):
    """Returns the batch's held-out rows: 30 features each, little-endian float32."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    content = (Path(__file__).parent / "assets" / "held_out_rows.f32").read_bytes()
    rows = [content[start : start + ROW_BYTES] for start in range(0, len(content), ROW_BYTES)]
    # Large batches go round the held-out set, each from its own starting row.
    return b"".join(rows[number % len(rows)] for number in range(index * batch, (index + 1) * batch))


def _load_numbers(path):
    with open(path, "rb") as file:
        content = file.read()
    code, size = {"i32": ("i", 4), "f64": ("d", 8)}[path[-3:]]
    return list(struct.unpack(f"<{len(content) // size}{code}", content))


def _score(model, row):
    features, thresholds, lefts, rights, values, roots = model
    score = 0.0
    for node in roots:
        # A leaf is its own child.
        while (left := lefts[node]) != node:
            node = left if row[features[node]] <= thresholds[node] else rights[node]
        # Not sum(), which has compensated for rounding since Python 3.12: numpy does not.
        score += values[node]
    return score
