"""A character-level GPT continues a text, token by token with a KV cache, in numpy float32.

The decoder of A. Radford and others, "Language models are unsupervised multitask
learners", 2019 (GPT-2), without biases, with rotary positions (J. Su and others,
"RoFormer", 2021), and with root mean squares for layer norms and ReLU for GELU.
A token is one character: newline is 0, then printable ASCII.
"""

import math

import numpy as np

VOCABULARY = 96
CONTEXT = 128  # tokens: the longest prompt and its continuation
NEW_TOKENS = 32
LAYERS = 4
HEADS = 4
WIDTH = 96
HEAD_WIDTH = WIDTH // HEADS

# In this order the weights follow each other in the file; all but the first per layer.
SHAPES = {
    "tokens": (VOCABULARY, WIDTH),
    "attention": (LAYERS, WIDTH, 3 * WIDTH),  # to queries, keys and values
    "projection": (LAYERS, WIDTH, WIDTH),
    "expansion": (LAYERS, WIDTH, 4 * WIDTH),
    "contraction": (LAYERS, 4 * WIDTH, WIDTH),
}


def load(assets):
    """Returns the weights by name, float32; the file holds them in half precision."""
    with open(f"{assets}/weights.f16", "rb") as file:
        weights = np.frombuffer(file.read(), dtype="<f2").astype(np.float32)
    ends = np.cumsum([math.prod(shape) for shape in SHAPES.values()])
    parts = np.split(weights, ends[:-1])
    model = {name: part.reshape(SHAPES[name]) for name, part in zip(SHAPES, parts, strict=True)}
    model["turns"] = make_turns()
    return model


def decode(request):
    """Returns the tokens of an ASCII prompt."""
    codes = np.frombuffer(request, dtype=np.uint8)
    return np.where(codes == ord("\n"), 0, codes - 31)


def infer(model, prompt):
    """Returns 32 new tokens, each the likeliest, and their natural log-probabilities."""
    cache = new_cache()
    logits = advance(model, cache, prompt, 0)
    tokens, log_probabilities = [], []
    for position in range(len(prompt), len(prompt) + NEW_TOKENS):
        token = logits.argmax()
        tokens.append(token)
        # With the largest logit taken off, the chosen token's own is 0 and exp cannot overflow.
        log_probabilities.append(-np.log(np.exp(logits - logits[token]).sum()))
        if len(tokens) < NEW_TOKENS:
            logits = advance(model, cache, [token], position)
    return tokens, log_probabilities


def encode(output):
    """Returns the tokens, then the log-probabilities, as little-endian float32."""
    return np.array(output, dtype="<f4").tobytes()


def make_request(index):
    """Returns a prompt of 96 characters."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    return (Path(__file__).parent / "assets" / "prompts.txt").read_bytes().split(b"\f")[index]


def new_cache():
    """Returns room for all keys and values: (layers, 2, heads, positions, width of a head)."""
    return np.zeros((LAYERS, 2, HEADS, CONTEXT, HEAD_WIDTH), dtype=np.float32)


def advance(model, cache, tokens, start):
    """Puts tokens at positions from start on into the cache; returns the next token's logits."""
    end = start + len(tokens)
    hidden = model["tokens"][tokens]
    turns = model["turns"][start:end]
    for layer in range(LAYERS):
        mixed = _normalise(hidden) @ model["attention"][layer]
        queries, new_keys, new_values = mixed.reshape(-1, 3, HEADS, HEAD_WIDTH).transpose(1, 2, 0, 3)
        cache[layer, 0, :, start:end] = turn(new_keys, turns)
        cache[layer, 1, :, start:end] = new_values
        keys, values = cache[layer, :, :, :end]
        attended = _weigh(turn(queries, turns) @ keys.transpose(0, 2, 1), start) @ values
        hidden = hidden + attended.transpose(1, 0, 2).reshape(-1, WIDTH) @ model["projection"][layer]
        expanded = np.maximum(_normalise(hidden) @ model["expansion"][layer], 0)
        hidden = hidden + expanded @ model["contraction"][layer]
    return _normalise(hidden[-1:])[0] @ model["tokens"].T


def make_turns():
    """Returns a complex number per position and pair of a head's numbers: how far to turn it."""
    speeds = 10_000.0 ** -np.linspace(0, 1, HEAD_WIDTH // 2, endpoint=False)
    return np.exp(1j * np.arange(CONTEXT)[:, None] * speeds).astype(np.complex64)


def turn(rows, turns):
    """Turns pairs of numbers by an angle that grows with the position."""
    return (rows.view(np.complex64) * turns).view(np.float32)


def _normalise(rows):
    """Scales each row to a root mean square of one."""
    return rows / np.sqrt(np.mean(rows * rows, axis=-1, keepdims=True) + 1e-5)


def _weigh(scores, start):
    """Softmax over the positions a query may see: those up to its own."""
    scores = scores / math.sqrt(HEAD_WIDTH)
    queries, positions = scores.shape[1:]
    if queries > 1:
        future = np.arange(positions) > np.arange(start, start + queries)[:, None]
        scores[:, future] = -np.inf
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
