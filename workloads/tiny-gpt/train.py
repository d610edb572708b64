"""Trains tiny-gpt and writes its assets: texts, weights, prompts.

    python -m pip install numpy==2.5.2
    OPENBLAS_NUM_THREADS=1 python workloads/tiny-gpt/train.py [assets folder]

The text is what CPython 3.15.0 shows as help(), from its own pydoc_data.topics. Whole
topics are held out, and a paragraph counts only where it first occurs, because topics
repeat each other. Gradients are worked out by hand, in float32.
"""

import hashlib
import math
import sys
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import workload
from workload import CONTEXT, HEAD_WIDTH, HEADS, LAYERS, NEW_TOKENS, SHAPES, WIDTH

SEED = 0
TEXTS_SHA256 = "f397a1307b944d5bb3b43f8e53f82fe53aa4f2a4009120d15f1f59d17dc6ffb2"
STEPS = 1600
WARM_UP_STEPS = 50
BATCH = 16  # sequences
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.1
PROMPTS = 32
PROMPT_LENGTH = CONTEXT - NEW_TOKENS
# At every step the likeliest token leads the next by this much in log-probability: far more
# than rounding can move them, so that no target chooses another token.
LEAST_LEAD = 0.01

TYPOGRAPHY = str.maketrans(
    {"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "...", "×": "x"}
)


def main():
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    training_text, held_out_text = split_topics()
    if hashlib.sha256((training_text + held_out_text).encode()).hexdigest() != TEXTS_SHA256:
        sys.exit("these are not the help topics of CPython 3.15.0")
    (assets / "training_text.txt").write_bytes(training_text.encode())
    (assets / "held_out_text.txt").write_bytes(held_out_text.encode())

    weights = train(workload.decode(training_text.encode()))
    flat = np.concatenate([weights[name].ravel() for name in SHAPES])
    flat.astype("<f2").tofile(assets / "weights.f16")

    prompts = choose_prompts(workload.load(assets), held_out_text)
    (assets / "prompts.txt").write_bytes(b"\f".join(prompts))


def split_topics():
    """Returns training text and held-out text: every tenth topic."""
    texts, seen = ["", ""], set()
    for number, name in enumerate(sorted(topics)):
        for paragraph in topics[name].split("\n\n"):
            words = tuple(paragraph.split())
            if words and words not in seen:
                seen.add(words)
                characters = paragraph.translate(TYPOGRAPHY).encode("ascii", "ignore").decode()
                texts[number % 10 == 3] += characters.strip("\n") + "\n\n"
    return texts


def choose_prompts(model, text):
    """Returns beginnings of held-out paragraphs after which no choice of a token is a near tie."""
    paragraphs = [paragraph.encode() for paragraph in text.split("\n\n") if len(paragraph) >= CONTEXT]
    prompts = [paragraph[:PROMPT_LENGTH] for paragraph in paragraphs]
    chosen = [prompt for prompt in prompts if least_lead(model, prompt) >= LEAST_LEAD]
    print(f"{len(chosen)} of {len(prompts)} paragraphs make clear prompts")
    return chosen[:: len(chosen) // PROMPTS][:PROMPTS]


def least_lead(model, prompt):
    """Returns by how much the chosen token leads the next, at the closest of all choices."""
    cache = workload.new_cache()
    logits = workload.advance(model, cache, workload.decode(prompt), 0)
    leads = []
    for position in range(len(prompt), len(prompt) + NEW_TOKENS):
        second, first = np.sort(logits)[-2:]
        leads.append(first - second)
        if len(leads) < NEW_TOKENS:
            logits = workload.advance(model, cache, [logits.argmax()], position)
    return min(leads)


def train(tokens):
    """Returns the weights after Adam with decoupled weight decay, the rate falling to zero."""
    random = np.random.default_rng(SEED)
    weights = {name: initial(random, name) for name in SHAPES}
    means = {name: np.zeros_like(array) for name, array in weights.items()}
    squares = {name: np.zeros_like(array) for name, array in weights.items()}
    for step in range(1, STEPS + 1):
        starts = random.integers(len(tokens) - CONTEXT, size=BATCH)
        sequences = tokens[starts[:, None] + np.arange(CONTEXT + 1)]
        loss, gradients = differentiate(weights, sequences[:, :-1], sequences[:, 1:])
        rate = LEARNING_RATE * min(step / WARM_UP_STEPS, (STEPS - step) / (STEPS - WARM_UP_STEPS))
        for name, gradient in gradients.items():
            means[name] += (gradient - means[name]) * 0.1
            squares[name] += (gradient * gradient - squares[name]) * 0.01
            mean, square = means[name] / (1 - 0.9**step), squares[name] / (1 - 0.99**step)
            weights[name] -= rate * (mean / (np.sqrt(square) + 1e-8) + WEIGHT_DECAY * weights[name])
        if step % 100 == 0:
            print(f"step {step}: {loss / math.log(2):.3f} bits per character in training")
    return weights


def initial(random, name):
    """Returns random weights; those that add to the hidden rows start at zero."""
    if name in ("projection", "contraction"):
        return np.zeros(SHAPES[name], dtype=np.float32)
    scale = 0.05 if name == "tokens" else 1 / math.sqrt(WIDTH)
    return (random.standard_normal(SHAPES[name]) * scale).astype(np.float32)


def differentiate(weights, inputs, targets):
    """Returns the mean loss in nats, and its gradient for every array of weights.

    On the way forward each part leaves a function that takes the loss's slope at the
    part's output to that at its input, and writes the gradients of the part's weights.
    """
    gradients = {name: np.zeros_like(array) for name, array in weights.items()}
    hidden = weights["tokens"][inputs.ravel()]  # one row per position of every sequence
    way_back = []
    for layer in range(LAYERS):
        for part in attend, feed_forward:
            hidden, backward = part(weights, gradients, layer, hidden)
            way_back.append(backward)
    loss, slope = predict(weights, gradients, hidden, targets.ravel())
    for backward in reversed(way_back):
        slope = backward(slope)
    np.add.at(gradients["tokens"], inputs.ravel(), slope)
    return loss, gradients


def attend(weights, gradients, layer, hidden):
    into, out_of = weights["attention"][layer], weights["projection"][layer]
    by_head = -1, CONTEXT, HEADS, HEAD_WIDTH
    normal, normalise_backward = normalise(hidden)
    heads = (normal @ into).reshape(-1, CONTEXT, 3, HEADS, HEAD_WIDTH).transpose(2, 0, 3, 1, 4)
    turns = workload.make_turns()
    queries, keys = workload.turn(heads[0], turns), workload.turn(heads[1], turns)
    values = np.ascontiguousarray(heads[2])
    scale = np.float32(1 / math.sqrt(HEAD_WIDTH))
    shares = queries @ keys.swapaxes(2, 3) * scale
    shares += np.triu(np.full((CONTEXT, CONTEXT), -np.inf, dtype=np.float32), 1)
    shares = softmax(shares)
    attended = (shares @ values).transpose(0, 2, 1, 3).reshape(-1, WIDTH)

    def backward(slope):
        gradients["projection"][layer] = attended.T @ slope
        attended_slope = slope @ out_of.T
        by_head_slope = np.ascontiguousarray(attended_slope.reshape(by_head).transpose(0, 2, 1, 3))
        # Softmax: each share's slope counts by how far it is from the row's mean, which equals
        # attended times its slope.
        mean = (attended * attended_slope).reshape(by_head).sum(axis=-1, keepdims=True).swapaxes(1, 2)
        scores_slope = (by_head_slope @ values.swapaxes(2, 3) - mean) * shares * scale
        queries_slope = workload.turn(scores_slope @ keys, turns.conj())
        keys_slope = workload.turn(scores_slope.swapaxes(2, 3) @ queries, turns.conj())
        values_slope = shares.swapaxes(2, 3) @ by_head_slope
        heads_slope = np.stack([queries_slope, keys_slope, values_slope])
        heads_slope = heads_slope.transpose(1, 3, 0, 2, 4).reshape(-1, 3 * WIDTH)
        gradients["attention"][layer] = normal.T @ heads_slope
        return slope + normalise_backward(heads_slope @ into.T)

    return hidden + attended @ out_of, backward


def feed_forward(weights, gradients, layer, hidden):
    into, out_of = weights["expansion"][layer], weights["contraction"][layer]
    normal, normalise_backward = normalise(hidden)
    expanded = np.maximum(normal @ into, 0)

    def backward(slope):
        gradients["contraction"][layer] = expanded.T @ slope
        expanded_slope = slope @ out_of.T * (expanded > 0)
        gradients["expansion"][layer] = normal.T @ expanded_slope
        return slope + normalise_backward(expanded_slope @ into.T)

    return hidden + expanded @ out_of, backward


def predict(weights, gradients, hidden, targets):
    """Returns the mean loss in nats and its slope at the hidden rows."""
    normal, normalise_backward = normalise(hidden)
    slope = softmax(normal @ weights["tokens"].T)
    rows = np.arange(len(targets))
    loss = -float(np.mean(np.log(slope[rows, targets])))
    slope[rows, targets] -= 1
    slope /= len(rows)
    gradients["tokens"] += slope.T @ normal
    return loss, normalise_backward(slope @ weights["tokens"])


def normalise(rows):
    """Returns rows scaled to a root mean square of one, and the way back."""
    factors = 1 / np.sqrt(np.mean(rows * rows, axis=1, keepdims=True) + 1e-5)
    normal = rows * factors

    def backward(slope):
        return factors * (slope - normal * np.mean(slope * normal, axis=1, keepdims=True))

    return normal, backward


def softmax(scores):
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials


if __name__ == "__main__":
    main()
