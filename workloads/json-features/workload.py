"""Scores JSON records with a linear model and answers in JSON.

The arithmetic is one dot product of 30 numbers per record; most of the time goes
into reading names and digits and writing them again, as in many scoring services.
"""

import json
import math


def load(assets):
    """Returns the logistic model: feature names, their weights, bias, and the two labels."""
    with open(f"{assets}/model.json", encoding="utf-8") as file:
        return json.load(file)


def decode(request):
    """Returns one dictionary per record: its id, and a number for each named feature."""
    return json.loads(request)


def infer(model, records):
    """Returns (id, probability of the positive label, label) per record."""
    names, weights, bias = model["features"], model["weights"], model["bias"]
    negative, positive = model["labels"]
    results = []
    for record in records:
        features = [record[name] for name in names]
        # sumprod adds in extended precision: faster than a loop, and the same bits everywhere.
        logit = math.sumprod(weights, features) + bias
        probability = 1 / (1 + math.exp(-logit))
        results.append((record["id"], probability, positive if logit >= 0 else negative))
    return results


def encode(results):
    """Returns a JSON array with one object per record."""
    answers = [
        {"id": number, "probability": probability, "label": label} for number, probability, label in results
    ]
    return json.dumps(answers).encode()


def make_request(index, batch):
    """Returns a JSON array of the batch's held-out records, with running numbers as ids."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    import csv
    from pathlib import Path

    with open(Path(__file__).parent / "assets" / "held_out.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    records = []
    # Large batches go round the held-out set, each from its own starting record.
    for number in range(index * batch, (index + 1) * batch):
        row = rows[number % len(rows)]
        features = {name: float(value) for name, value in row.items() if name != "label"}
        records.append({"id": number, **features})
    return json.dumps(records).encode()
