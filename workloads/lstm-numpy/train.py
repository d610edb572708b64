"""Trains lstm-numpy and writes its assets: held-out weeks and weights.

    python -m pip install numpy==2.5.2
    python -m pip install --no-deps statsmodels==0.15.0
    OPENBLAS_NUM_THREADS=1 python workloads/lstm-numpy/train.py [assets folder]

The weeks before July 1990 train, the 600 since then are held out. Gradients are worked
out by hand, back through time, in float64; weights are rounded to float32 once.
"""

import csv
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from workload import HELD_OUT_WEEKS, SCALE, WEEKS, WEEKS_AHEAD

SEED = 0
UNITS = 48
EPOCHS = 60
BATCH = 64  # windows
LEARNING_RATE = 3e-3


def main():
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    ppm = read_weeks()
    np.save(assets / "weekly_ppm.npy", ppm.astype("<f4"))
    windows = np.lib.stride_tricks.sliding_window_view(ppm[:-HELD_OUT_WEEKS], WEEKS + WEEKS_AHEAD)
    for name, weights in train(windows).items():
        np.save(assets / f"{name}.npy", weights.astype("<f4"))


def read_weeks():
    """Returns the weekly means, ppm; straight lines bridge the 59 missing weeks."""
    package = Path(find_spec("statsmodels").submodule_search_locations[0])
    with open(package / "datasets" / "co2" / "co2.csv", encoding="ascii", newline="") as lines:
        ppm = np.array([float(row["co2"] or "nan") for row in csv.DictReader(lines)])
    known = ~np.isnan(ppm)
    return np.interp(np.arange(len(ppm)), np.flatnonzero(known), ppm[known])


def train(windows):
    """Returns the weights after Adam on the squared error, the learning rate falling to zero."""
    random = np.random.default_rng(SEED)
    scaled = (windows - windows[:, WEEKS - 1 : WEEKS]) / SCALE
    weights = {
        "input_weights": random.normal(0, 1, (1, 4 * UNITS)),
        "state_weights": random.normal(0, UNITS**-0.5, (UNITS, 4 * UNITS)),
        # The first gate keeps the memory: open at first, so that early weeks are not forgotten.
        "gate_biases": np.repeat([1.0, 0.0, 0.0, 0.0], UNITS),
        "output_weights": random.normal(0, UNITS**-0.5, (UNITS, WEEKS_AHEAD)),
        "output_biases": np.zeros(WEEKS_AHEAD),
    }
    means = {name: np.zeros_like(array) for name, array in weights.items()}
    squares = {name: np.zeros_like(array) for name, array in weights.items()}
    steps_per_epoch = len(scaled) // BATCH
    steps = EPOCHS * steps_per_epoch
    for step in range(1, steps + 1):
        place = (step - 1) % steps_per_epoch
        if place == 0:
            order = random.permutation(len(scaled))
        batch = scaled[order[place * BATCH : (place + 1) * BATCH]]
        loss, gradients = differentiate(weights, batch[:, :WEEKS], batch[:, WEEKS:])
        rate = LEARNING_RATE * (1 - (step - 1) / steps)
        for name, gradient in gradients.items():
            means[name] += (gradient - means[name]) * 0.1
            squares[name] += (gradient**2 - squares[name]) * 0.001
            mean, square = means[name] / (1 - 0.9**step), squares[name] / (1 - 0.999**step)
            weights[name] -= rate * mean / (np.sqrt(square) + 1e-8)
        if step % (10 * steps_per_epoch) == 0:
            print(f"epoch {step // steps_per_epoch}: off by {SCALE * loss**0.5:.3f} ppm in training")
    return weights


def differentiate(weights, inputs, targets):
    """Returns the mean squared error and its gradient for every array of weights."""
    state_weights = weights["state_weights"]
    state = memory = np.zeros((len(inputs), UNITS))
    saved = []
    for week in inputs.T:
        gates = week[:, None] * weights["input_weights"] + state @ state_weights + weights["gate_biases"]
        keep, write, show = np.split(1 / (1 + np.exp(-gates[:, : 3 * UNITS])), 3, axis=1)
        candidate = np.tanh(gates[:, 3 * UNITS :])
        before = state, memory
        memory = keep * memory + write * candidate
        squashed = np.tanh(memory)
        state = show * squashed
        saved.append((week, *before, keep, write, show, candidate, squashed))
    errors = state @ weights["output_weights"] + weights["output_biases"] - targets

    slope = 2 * errors / errors.size
    gradients = {name: np.zeros_like(array) for name, array in weights.items()}
    gradients["output_weights"] += state.T @ slope
    gradients["output_biases"] += slope.sum(axis=0)
    state_slope, memory_slope = slope @ weights["output_weights"].T, 0
    for week, state, memory, keep, write, show, candidate, squashed in reversed(saved):
        memory_slope = memory_slope + state_slope * show * (1 - squashed**2)
        gates_slope = np.hstack(
            [
                memory_slope * memory * keep * (1 - keep),
                memory_slope * candidate * write * (1 - write),
                state_slope * squashed * show * (1 - show),
                memory_slope * write * (1 - candidate**2),
            ]
        )
        gradients["input_weights"] += week @ gates_slope
        gradients["state_weights"] += state.T @ gates_slope
        gradients["gate_biases"] += gates_slope.sum(axis=0)
        state_slope, memory_slope = gates_slope @ state_weights.T, memory_slope * keep
    return float(np.mean(errors**2)), gradients


if __name__ == "__main__":
    main()
