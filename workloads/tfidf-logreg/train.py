"""Collects passages from three libraries' documentation, trains the classifier, writes the assets.

    python -m pip install numpy==2.5.2 scipy==1.18.1 scikit-learn==1.9.1 joblib==1.6.0
    OPENBLAS_CORETYPE=Haswell python workloads/tfidf-logreg/train.py [assets folder]

A passage is a paragraph of a docstring. Whole modules are held out, so
that no function has passages on both sides.
"""

import ast
import re
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import joblib
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline

SEED = 0
LIBRARIES = "numpy", "scipy", "sklearn"
# Their own names would give the answer away. The mask is too short to become a term.
NAMES = re.compile(r"numpy|scipy|sklearn|scikit[-_ ]?learn|\b(?:np|sp)\b", re.IGNORECASE)
MASK = "_"
NOT_THEIR_OWN = {"tests", "externals", "_external", "_lib"}  # the last three hold other projects' code
LENGTHS = range(150, 1001)  # characters
HELD_OUT_PASSAGES = 1024
ALIKE = 0.6  # cosine similarity of two passages


def main():
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    sources = _sources()
    passages = np.array(list(sources), dtype=object)
    libraries, modules = (np.array(column) for column in zip(*sources.values()))
    split = GroupShuffleSplit(n_splits=1, test_size=0.25, random_state=SEED)
    train, held_out = next(split.split(passages, groups=modules))
    held_out = np.random.default_rng(SEED).permutation(held_out)[:HELD_OUT_PASSAGES]

    # Not max_features: which of the terms of equal frequency that takes depends on the processor.
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=5)
    # Trained to the end: where the default stops depends on the last digits of every step.
    pipeline = make_pipeline(vectorizer, LogisticRegression(C=10, tol=1e-8, max_iter=1000))
    pipeline.fit(passages[train], libraries[train])
    joblib.dump(pipeline, assets / "pipeline.joblib", compress=9)
    for name, values in {"passages": passages, "libraries": libraries}.items():
        (assets / f"held_out_{name}.txt").write_text("\n".join(values[held_out]), encoding="utf-8")

    right = pipeline.predict(passages[held_out]) == libraries[held_out]
    commonest, count = Counter(libraries[held_out].tolist()).most_common(1)[0]
    similarity = vectorizer.transform(passages[held_out]) @ vectorizer.transform(passages[train]).T
    novel = similarity.max(axis=1).toarray().ravel() < ALIKE
    print(f"{len(train)} training passages: {dict(Counter(libraries[train].tolist()))}")
    print(f"held-out accuracy {right.mean():.4f}; always {commonest}: {count / len(held_out):.4f}")
    print(f"on the {novel.sum()} that are unlike every training passage: {right[novel].mean():.4f}")


def _sources():
    """Returns passage: (library, module). What several modules say counts for the first."""
    sources = {}
    for library in LIBRARIES:
        # Found without importing the package.
        root = Path(find_spec(library).submodule_search_locations[0])
        for path in sorted(root.rglob("*.py")):
            module = path.relative_to(root.parent).as_posix()
            if NOT_THEIR_OWN.isdisjoint(module.split("/")):
                for passage in _passages(path.read_text(encoding="utf-8")):
                    sources.setdefault(passage, (library, module))
    return sources


def _passages(code):
    """Yields the passages of a module's docstrings, each on one line."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
            # Leaves out tables, code samples, headings and what they head.
            if any(mark in paragraph for mark in ("===", "---", ">>>", "..")):
                continue
            text = re.sub(r":[\w:]+:`", "`", paragraph)  # the mark-up in :func:`name`
            passage = " ".join(NAMES.sub(MASK, text).split())
            if len(passage) in LENGTHS:
                yield passage


if __name__ == "__main__":
    main()
