"""Scores rows of features with a logistic model.

A beginning that works: replace the five functions by your own inference path.
The same file runs natively and in every guest, so it may read no clock, no
network, and no chance without a seed.
"""

import json
import math
import struct


def load(assets):
    """Returns the model: weights and bias. `assets` is the path of the folder of that name."""
    with open(f"{assets}/model.json", encoding="utf-8") as file:
        return json.load(file)


def decode(request):
    """Returns one list of features per row. Whatever turns bytes into the model's input goes here."""
    features = struct.unpack(f"<{len(request) // 8}d", request)
    return [features[start : start + 4] for start in range(0, len(features), 4)]


def infer(model, rows):
    """Returns one probability per row. The inference itself, without parsing."""
    return [_probability(model, row) for row in rows]


def encode(probabilities):
    """Returns the probabilities as little-endian float64. Whatever turns results into bytes goes here."""
    return struct.pack(f"<{len(probabilities)}d", *probabilities)


def make_request(index):
    """Returns 64 rows of 4 features, little-endian float64. Better: your own requests, kept in assets/."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    import random

    generator = random.Random(index)
    return struct.pack("<256d", *(generator.uniform(-2, 2) for _ in range(256)))


def _probability(model, row):
    score = model["bias"] + sum(w * x for w, x in zip(model["weights"], row))
    return 1 / (1 + math.exp(-score))
