"""Turns sentences into vectors for search: all-MiniLM-L6-v2, in numpy float32.

The model is a BERT encoder of six layers (J. Devlin and others, "BERT", 2018; W. Wang
and others, "MiniLM", 2020) that sentence-transformers trained to put sentences of like
meaning next to each other. Its steps here are those of its own description: WordPiece
tokens, at most 256; the encoder; the mean over a sentence's tokens; length 1.
"""

import json
import re
import unicodedata

import numpy as np

LAYERS = 6
HEADS = 12
VALUES = 384  # per token and per sentence
LONGEST_SENTENCE = 256  # tokens, with [CLS] and [SEP]; the rest is cut off
LONGEST_WORD = 100  # characters; BERT calls longer words unknown without looking
NORM_EPSILON = np.float32(1e-12)

WORD = re.compile(r"[^\W_]+|[^\w\s]|_")  # BERT counts the underscore as punctuation

# The share of a normal distribution above x >= 0, within 7.5e-8, close to what float32 resolves:
# M. Abramowitz and I. Stegun (editors), "Handbook of Mathematical Functions", 1964, 26.2.17.
TAIL_SCALE = np.float32(0.2316419)
TAIL_COEFFICIENTS = np.float32([1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.319381530])
DENSITY_AT_ZERO = np.float32(1 / np.sqrt(2 * np.pi))


def load(assets):
    """Returns the vocabulary (token to id) and the weights by their names."""
    with open(f"{assets}/vocab.txt", encoding="utf-8") as lines:
        vocabulary = {line.rstrip("\n"): number for number, line in enumerate(lines)}
    return vocabulary, _load_tensors(f"{assets}/model.safetensors")


def decode(request):
    """Returns the sentences of a UTF-8 request, one per line."""
    return request.decode("utf-8").split("\n")


def infer(model, sentences):
    """Returns float32 vectors of length 1, shape (sentences, 384)."""
    vocabulary, tensors = model
    ids, mask = _pad([_tokenize(vocabulary, sentence) for sentence in sentences])
    tokens = _encode_tokens(tensors, ids, mask)
    # The mean goes over a sentence's own tokens, not over what fills it up.
    means = (tokens * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    return means / np.sqrt((means * means).sum(axis=1, keepdims=True))


def encode(vectors):
    """Returns the vectors as little-endian float32, sentence after sentence."""
    return vectors.astype("<f4", copy=False).tobytes()


def make_request(index, batch):
    """Returns the batch's sentences as UTF-8, one per line."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    sentences = (Path(__file__).parent / "assets" / "sentences.txt").read_bytes().splitlines()
    return b"\n".join(sentences[index * batch : (index + 1) * batch])


def _load_tensors(path):
    """Returns all tensors of a safetensors file: views of one read, which is all the memory they take."""
    with open(path, "rb") as file:
        content = file.read()
    # 8 bytes give the length of the JSON header, which gives each tensor's place behind it.
    start = 8 + int.from_bytes(content[:8], "little")
    tensors = {}
    for name, entry in json.loads(content[8:start]).items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        first, last = entry["data_offsets"]
        values = np.frombuffer(content, "<f4", count=(last - first) // 4, offset=start + first)
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def _tokenize(vocabulary, sentence):
    """Returns the ids of a sentence's WordPiece tokens, from [CLS] to [SEP]."""
    bare = "".join(c for c in unicodedata.normalize("NFD", sentence) if unicodedata.category(c) != "Mn")
    ids = [vocabulary["[CLS]"]]
    for word in WORD.findall(bare.lower()):
        ids += _split_pieces(vocabulary, word)
    return ids[: LONGEST_SENTENCE - 1] + [vocabulary["[SEP]"]]


def _split_pieces(vocabulary, word):
    """Returns the ids of the longest known pieces of a word, left to right."""
    ids = []
    start = 0
    while start < len(word) <= LONGEST_WORD:
        for end in range(len(word), start, -1):
            piece = vocabulary.get(word[start:end] if start == 0 else "##" + word[start:end])
            if piece is not None:
                break
        else:
            return [vocabulary["[UNK]"]]
        ids.append(piece)
        start = end
    return ids or [vocabulary["[UNK]"]]


def _pad(rows):
    """Returns the ids, shorter rows filled with [PAD] (0), and a float32 mask that is 1 where tokens are."""
    shape = len(rows), max(map(len, rows))
    ids, mask = np.zeros(shape, dtype=np.intp), np.zeros(shape, dtype=np.float32)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = 1
    return ids, mask


def _encode_tokens(tensors, ids, mask):
    """Returns the last layer's float32 values, shape (sentences, tokens, 384)."""
    length = ids.shape[1]
    x = tensors["embeddings.word_embeddings.weight"][ids]
    x += tensors["embeddings.position_embeddings.weight"][:length]
    x += tensors["embeddings.token_type_embeddings.weight"][0]
    # One row per token, so that each layer is one product of matrices whatever the batch.
    x = _norm(tensors, "embeddings", x.reshape(-1, VALUES))
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        attended = _attend(tensors, f"{layer}.attention.self", x, mask)
        attended = _linear(tensors, f"{layer}.attention.output.dense", attended)
        x = _norm(tensors, f"{layer}.attention.output", attended + x)
        widened = _gelu(_linear(tensors, f"{layer}.intermediate.dense", x))
        x = _norm(tensors, f"{layer}.output", _linear(tensors, f"{layer}.output.dense", widened) + x)
    return x.reshape(*ids.shape, VALUES)


def _attend(tensors, name, x, mask):
    """Lets every token gather from the tokens of its sentence; takes and returns rows."""
    query, key, value = (
        _linear(tensors, f"{name}.{part}", x).reshape(*mask.shape, HEADS, -1).swapaxes(1, 2)
        for part in ("query", "key", "value")
    )
    scores = query @ key.swapaxes(2, 3)  # (sentences, heads, tokens, tokens)
    scores /= np.float32(np.sqrt(VALUES // HEADS))
    scores[np.broadcast_to(mask[:, None, None, :] == 0, scores.shape)] = -np.inf
    scores -= scores.max(axis=3, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=3, keepdims=True)
    return (scores @ value).swapaxes(1, 2).reshape(-1, VALUES)


def _linear(tensors, name, x):
    y = x @ tensors[f"{name}.weight"].T
    y += tensors[f"{name}.bias"]
    return y


def _norm(tensors, name, x):
    """Gives each row mean 0 and variance 1, then the learnt scale and shift."""
    centred = x - x.mean(axis=1, keepdims=True)
    centred /= np.sqrt((centred * centred).mean(axis=1, keepdims=True) + NORM_EPSILON)
    return centred * tensors[f"{name}.LayerNorm.weight"] + tensors[f"{name}.LayerNorm.bias"]


def _gelu(x):
    """Returns x times the share of a normal distribution below x: the GELU that is defined by erf."""
    # With the share q above |x| that is x - |x| q for positive x, and -|x| q for negative x.
    size = np.abs(x)
    return np.maximum(x, 0) - size * _normal_tail(size)


def _normal_tail(x):
    # In place, as new arrays of this size (1,536 values per token) would cost more than the arithmetic.
    t = x * TAIL_SCALE
    t += 1
    np.reciprocal(t, out=t)
    tail = np.zeros_like(t)
    for coefficient in TAIL_COEFFICIENTS:
        tail += coefficient
        tail *= t
    density = np.square(x, out=t)
    density *= np.float32(-0.5)
    np.exp(density, out=density)
    density *= DENSITY_AT_ZERO
    tail *= density
    return tail
