"""Trains the boosted trees and writes the assets of both gbdt workloads.

    python -m pip install numpy==2.5.2 scipy==1.18.1 scikit-learn==1.9.1
    python workloads/gbdt-numpy/train.py [folder that holds both workloads]

The nodes of all trees lie in one sequence of arrays, the same values for both
workloads: numpy gets them as .npy, plain Python as the payload without the header.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import train_test_split

SEED = 0
HELD_OUT_ROWS = 169
RATE = 0.025
NO_CHILD = -1  # scikit-learn's mark of a leaf


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    rows, labels = load_breast_cancer(return_X_y=True)
    train_rows, held_out_rows, train_labels, held_out_labels = train_test_split(
        rows, labels, test_size=HELD_OUT_ROWS, stratify=labels, random_state=SEED
    )
    classifier = GradientBoostingClassifier(
        n_estimators=400,
        learning_rate=RATE,
        max_depth=5,
        min_samples_leaf=3,
        subsample=0.7,
        max_features="sqrt",
        random_state=SEED,
    )
    classifier.fit(train_rows, train_labels)
    print(f"held-out accuracy: {classifier.score(held_out_rows, held_out_labels):.4f}")

    for name, values in _nodes(classifier).items():
        np.save(_asset(folder, "numpy", f"{name}.npy"), values)
        values.tofile(_asset(folder, "python", f"{name}.{values.dtype.kind}{8 * values.itemsize}"))
    for kind in "numpy", "python":
        held_out_rows.astype("<f4").tofile(_asset(folder, kind, "held_out_rows.f32"))
        held_out_labels.astype(np.uint8).tofile(_asset(folder, kind, "held_out_labels.u8"))
    # What the tests compare both workloads with.
    reference = classifier.predict_proba(held_out_rows)[:, 1]
    reference.astype("<f8").tofile(_asset(folder, "numpy", "reference.f64"))


def _nodes(classifier):
    """Returns the trees' roots and one array per attribute of a node, all trees one after the other."""
    _, share = classifier.init_.class_prior_
    prior = np.log(share / (1 - share))
    trees = [estimator.tree_ for estimator in classifier.estimators_[:, 0]]
    roots = np.cumsum([0] + [tree.node_count for tree in trees[:-1]])
    columns = {name: [] for name in ("features", "thresholds", "lefts", "rights", "values")}
    for root, tree in zip(roots, trees):
        leaf = tree.children_left == NO_CHILD
        itself = root + np.arange(tree.node_count)
        # A leaf is its own child, so a descent may go on after it has arrived.
        columns["lefts"].append(np.where(leaf, itself, root + tree.children_left))
        columns["rights"].append(np.where(leaf, itself, root + tree.children_right))
        columns["features"].append(np.where(leaf, 0, tree.feature))
        columns["thresholds"].append(np.where(leaf, 0, tree.threshold))
        # scikit-learn starts from the prior; here the first tree's leaves already hold it.
        values = RATE * tree.value[:, 0, 0] + (prior if root == 0 else 0)
        columns["values"].append(np.where(leaf, values, 0))
    types = {"thresholds": "<f8", "values": "<f8"}
    arrays = {name: np.concatenate(parts).astype(types.get(name, "<i4")) for name, parts in columns.items()}
    return {"roots": roots.astype("<i4"), **arrays}


def _asset(folder, kind, name):
    path = folder / f"gbdt-{kind}" / "assets" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    main()
