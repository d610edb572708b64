"""Turns text into the token ids BERT reads: WordPiece in plain Python.

The algorithm is that of BERT's own tokenizer with lower-casing (J. Devlin and
others, "BERT", 2018; google-research/bert, tokenization.py): text is cleaned and
split into words and single punctuation marks, and each word into the longest
pieces the vocabulary has. Texts are not cut to a model's window.
"""

import struct
import unicodedata

LONGEST_WORD = 100  # characters; BERT calls longer words unknown without looking

# The CJK ideographs BERT treats as words of their own (ranges from tokenization.py).
IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def load(assets):
    """Returns the vocabulary: token to id, which is the token's line number."""
    with open(f"{assets}/vocab.txt", encoding="utf-8") as lines:
        return {line.rstrip("\n"): number for number, line in enumerate(lines)}


def decode(request):
    """Returns the text of a UTF-8 request."""
    return request.decode("utf-8")


def infer(vocabulary, text):
    """Returns the token ids, from [CLS] to [SEP]."""
    tokens = ["[CLS]"]
    for word in _split_words(text):
        tokens.extend(_split_pieces(vocabulary, word))
    tokens.append("[SEP]")
    return [vocabulary[token] for token in tokens]


def encode(ids):
    """Returns the ids as little-endian uint32."""
    return struct.pack(f"<{len(ids)}I", *ids)


def make_request(index):
    """Returns one passage as UTF-8."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    passages = (Path(__file__).parent / "assets" / "passages.txt").read_bytes()
    return passages.split(b"\f")[index]


def _split_words(text):
    """Splits cleaned, lower-cased, accent-free text into words and punctuation marks."""
    words = []
    word = ""
    for character in unicodedata.normalize("NFD", text.lower()):
        if _is_dropped(character):
            continue
        if not (character.isspace() or _stands_alone(character)):
            word += character
            continue
        if word:
            words.append(word)
            word = ""
        if not character.isspace():
            words.append(character)
    if word:
        words.append(word)
    return words


def _split_pieces(vocabulary, word):
    """Splits a word into the longest known pieces, left to right."""
    if len(word) > LONGEST_WORD:
        return ["[UNK]"]
    pieces = []
    start = 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = word[start:end] if start == 0 else "##" + word[start:end]
            if piece in vocabulary:
                break
        else:
            return ["[UNK]"]
        pieces.append(piece)
        start = end
    return pieces


def _is_dropped(character):
    """Whether a character is an accent, a control character or U+FFFD."""
    if character in "\t\n\r":
        return False
    return unicodedata.category(character) in ("Mn", "Cc", "Cf") or character == "\ufffd"


def _stands_alone(character):
    """Whether a character is a word by itself: punctuation or an ideograph."""
    # BERT counts every ASCII symbol as punctuation, such as "$" and "~", which Unicode does not.
    if character < "\x80":
        return not character.isalnum()
    if unicodedata.category(character)[0] == "P":
        return True
    return any(first <= ord(character) <= last for first, last in IDEOGRAPHS)
