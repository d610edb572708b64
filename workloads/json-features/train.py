"""Trains the model of json-features and writes it with the held-out records.

    python -m pip install numpy==2.5.2 scipy==1.18.1 scikit-learn==1.9.1
    python workloads/json-features/train.py [assets folder]

The model is trained on standardised features; mean and deviation are then folded
into weights and bias, so that the service takes the features as they are.
"""

import csv
import json
import sys
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 0
HELD_OUT_RECORDS = 171  # three in ten
LABELS = "benign", "malignant"  # negative, positive


def train():
    """Returns the trained pipeline, the feature names, and the held-out records with their labels (0, 1)."""
    data = load_breast_cancer()
    malignant = (data.target_names == "malignant")[data.target].astype(int)
    train_records, held_out_records, train_labels, held_out_labels = train_test_split(
        data.data, malignant, test_size=HELD_OUT_RECORDS, stratify=malignant, random_state=SEED
    )
    # Newton's method converges to the last digits, so that the BLAS in use hardly shows.
    classifier = LogisticRegression(solver="newton-cholesky", tol=1e-12)
    pipeline = make_pipeline(StandardScaler(), classifier).fit(train_records, train_labels)
    return pipeline, [str(name) for name in data.feature_names], held_out_records, held_out_labels


def main():
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    pipeline, names, records, labels = train()
    print(f"held-out accuracy: {pipeline.score(records, labels):.4f}")

    scaler, classifier = pipeline
    weights = classifier.coef_[0] / scaler.scale_
    model = {
        "features": names,
        "weights": weights.tolist(),
        "bias": float(classifier.intercept_[0] - weights @ scaler.mean_),
        "labels": LABELS,
    }
    (assets / "model.json").write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")
    with open(assets / "held_out.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, "label"])
        writer.writerows([*record.tolist(), LABELS[label]] for record, label in zip(records, labels))


if __name__ == "__main__":
    main()
