"""Writes categories.h and categories.rs: of which kind the characters beyond ASCII are.

    ~/.cache/wasmfit/python-3.15/bin/python workloads/bpe-tokenizer/rewrite/make_categories.py
"""

import sys
import unicodedata
from itertools import groupby
from pathlib import Path

# By general category, as workload.py tells them apart; all others are marks, 0.
KINDS = {"L": 1, "N": 2, "Z": 3}
NEXT_LINE = "\x85"  # white space, but a control character by its category
MARK = 0
PER_LINE = 12

HEAD = f"""\
// Made by make_categories.py of Unicode {unicodedata.unidata_version}; not to be edited.
//
// An entry is four times a character, plus the kind of all from it up to the next entry's:
// 0 mark, 1 letter, 2 number, 3 white space.
"""


def kind(code):
    if chr(code) == NEXT_LINE:
        return KINDS["Z"]
    return KINDS.get(unicodedata.category(chr(code))[0], MARK)


def entries():
    runs = groupby(range(0x80, sys.maxunicode + 1), kind)
    return [4 * next(codes) + kind for kind, codes in runs]


def main():
    numbers = entries()
    lines = [numbers[start : start + PER_LINE] for start in range(0, len(numbers), PER_LINE)]
    body = "".join(f"    {', '.join(map(str, line))},\n" for line in lines)
    folder = Path(__file__).parent
    (folder / "categories.h").write_text(
        f"{HEAD}static const uint32_t CATEGORIES[] = {{\n{body}}};\n", encoding="ascii")
    (folder / "categories.rs").write_text(
        f"{HEAD}static CATEGORIES: [u32; {len(numbers)}] = [\n{body}];\n", encoding="ascii")


if __name__ == "__main__":
    main()
