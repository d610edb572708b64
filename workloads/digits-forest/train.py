"""Fits three scikit-learn classifiers and writes the assets of their workloads.

    python -m pip install numpy==2.5.2 scipy==1.18.1 scikit-learn==1.9.1 joblib==1.6.0
    OPENBLAS_CORETYPE=Haswell python workloads/digits-forest/train.py [folder that holds all three]

Writes digits-forest, digits-svm and digits-knn. Each model is saved as scikit-learn
users save theirs, by joblib.dump. Settings are the defaults, except for what gives
probabilities. Only the last digits of digits-svm's calibration depend on the BLAS kernels.
"""

import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

SEED = 0
HELD_OUT_IMAGES = 360

CLASSIFIERS = {
    "digits-forest": RandomForestClassifier(random_state=SEED),
    # SVC(probability=True) is deprecated since scikit-learn 1.9, which names this instead.
    "digits-svm": CalibratedClassifierCV(SVC(), ensemble=False),
    "digits-knn": KNeighborsClassifier(weights="distance"),
}


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    images, labels = load_digits(return_X_y=True)
    train_images, held_out_images, train_labels, held_out_labels = train_test_split(
        images, labels, test_size=HELD_OUT_IMAGES, stratify=labels, random_state=SEED
    )
    for name, classifier in CLASSIFIERS.items():
        assets = folder / name / "assets"
        assets.mkdir(parents=True, exist_ok=True)
        classifier.fit(train_images, train_labels)
        print(f"{name}: held-out accuracy {classifier.score(held_out_images, held_out_labels):.4f}")
        joblib.dump(classifier, assets / "model.joblib", compress=9)
        held_out_images.astype(np.uint8).tofile(assets / "held_out_images.u8")
        held_out_labels.astype(np.uint8).tofile(assets / "held_out_labels.u8")


if __name__ == "__main__":
    main()
