"""Turns text into the token ids GPT-2 reads: byte-level BPE in plain Python.

The algorithm is that of GPT-2's own encoder (A. Radford and others, "Language Models
are Unsupervised Multitask Learners", 2019; openai/gpt-2, encoder.py): text is split
into words, and in the UTF-8 bytes of each word neighbours are merged, the earliest
merge of the table first. GPT-2 remembers the words it has met; here each is merged
afresh, so that a request costs the same whatever came before it.
"""

import re
import struct
import unicodedata

# GPT-2's pattern, which says \p{L} for [A-Za-z] and \p{N} for [0-9]. Python's re has neither, so
# what is matched is a copy of the text in which an ASCII character stands for every other one.
WORD = re.compile(
    r"'(?:[sdmt]|ll|ve|re)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+",
    re.ASCII,
)
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
STAND_INS = {"L": "A", "N": "0", "Z": "\t"}  # by general category: letters, numbers, separators
NEXT_LINE = "\x85"  # white space, but a control character by its category

NO_MERGE = 1 << 32  # above every id


def load(assets):
    """Returns the id of each byte, and for each pair of ids the id they merge into."""
    symbols = _symbols()
    tokens = {symbol: number for number, symbol in enumerate(symbols.values())}
    byte_ids = [tokens[symbols[byte]] for byte in range(0x100)]
    merges = {}
    with open(f"{assets}/vocab.bpe", encoding="utf-8") as lines:
        next(lines)  # the version
        for line in lines:
            left, right = line.split()
            # Ids follow the order of the table, so the lowest is the earliest merge.
            merges[tokens[left], tokens[right]] = tokens[left + right] = len(tokens)
    return byte_ids, merges


def decode(request):
    """Returns the text of a UTF-8 request."""
    return request.decode("utf-8")


def infer(model, text):
    """Returns the token ids."""
    byte_ids, merges = model
    ids = []
    for word in _split_words(text):
        ids += _merge(merges, [byte_ids[byte] for byte in word.encode("utf-8")])
    return ids


def encode(ids):
    """Returns the ids as little-endian uint32."""
    return struct.pack(f"<{len(ids)}I", *ids)


def make_request(index):
    """Returns one passage as UTF-8."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    passages = (Path(__file__).parent / "assets" / "passages.txt").read_bytes()
    return passages.split(b"\f")[index]


def _symbols():
    """Returns the character that the table of merges writes for each byte, in the order of their ids."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    symbols = {byte: chr(byte) for byte in printable}
    return symbols | {byte: chr(0x100 + number) for number, byte in enumerate(others)}


def _split_words(text):
    """Splits text into words, numbers, runs of marks and white space; nothing is dropped."""
    kinds = BEYOND_ASCII.sub(_stand_in, text)
    return [text[match.start() : match.end()] for match in WORD.finditer(kinds)]


def _stand_in(match):
    """Returns an ASCII character of the same kind as the one matched."""
    character = match.group()
    if character == NEXT_LINE:
        return "\t"
    return STAND_INS.get(unicodedata.category(character)[0], "!")


def _merge(merges, ids):
    """Merges the pair that is earliest in the table, until no pair is in it."""
    while True:
        candidates = [merges.get(pair, NO_MERGE) for pair in zip(ids, ids[1:])]
        merged = min(candidates, default=NO_MERGE)
        if merged == NO_MERGE:
            return ids
        place = candidates.index(merged)
        ids[place : place + 2] = [merged]
