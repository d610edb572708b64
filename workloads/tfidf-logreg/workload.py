"""Tells which library a passage of documentation is about: TF-IDF and logistic regression.

A scikit-learn pipeline, raw text in, the way text classifiers are trained and then
served: words and pairs of words are counted in Python, the counts weighed in sparse
matrices.
"""

import joblib
import sklearn.feature_extraction.text  # unpickling would import it anyway: this way it counts as import
import sklearn.linear_model  # likewise
import sklearn.pipeline  # likewise


def load(assets):
    """Returns the fitted pipeline."""
    return joblib.load(f"{assets}/pipeline.joblib")


def decode(request):
    """Returns the passages, one per line."""
    return request.decode("utf-8").split("\n")


def infer(pipeline, passages):
    """Returns float64 probabilities, shape (passages, 3)."""
    return pipeline.predict_proba(passages)


def encode(probabilities):
    """Returns the probabilities as little-endian float64, passage after passage."""
    return probabilities.astype("<f8", copy=False).tobytes()


def make_request(index, batch):
    """Returns the batch's held-out passages as UTF-8, one per line."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    content = (Path(__file__).parent / "assets" / "held_out_passages.txt").read_bytes()
    return b"\n".join(content.split(b"\n")[index * batch : (index + 1) * batch])
