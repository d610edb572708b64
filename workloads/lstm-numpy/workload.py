"""An LSTM reads 64 weeks of atmospheric CO2 and forecasts the next 8, in numpy float32.

The cell of S. Hochreiter and J. Schmidhuber, "Long short-term memory", 1997, with the
forget gate of F. Gers and others, 2000, stepped in a Python loop: each step works on
the result of the one before, so no array operation can take in all 64 at once.
"""

import numpy as np

WEEKS = 64  # read
WEEKS_AHEAD = 8  # forecast
HELD_OUT_WEEKS = 600  # at the end of the record
SCALE = 4  # ppm; brings a window's values to the order of one


def load(assets):
    """Returns weights and biases; the columns of the four gates stand side by side."""
    names = "input_weights", "state_weights", "gate_biases", "output_weights", "output_biases"
    return [np.load(f"{assets}/{name}.npy") for name in names]


def decode(request):
    """Returns each window relative to its last week, float32, shape (windows, 64)."""
    ppm = np.frombuffer(request, dtype="<f4").reshape(-1, WEEKS)
    return (ppm - ppm[:, -1:]) / SCALE


def infer(model, windows):
    """Returns the changes expected after the last week, in ppm: float32, shape (windows, 8)."""
    input_weights, state_weights, gate_biases, output_weights, output_biases = model
    units = len(state_weights)
    state = memory = np.zeros((len(windows), units), dtype=np.float32)
    for week in windows.T:
        gates = week[:, None] * input_weights + state @ state_weights + gate_biases
        opened = _sigmoid(gates[:, : 3 * units])
        keep, write, show = opened[:, :units], opened[:, units : 2 * units], opened[:, 2 * units :]
        memory = keep * memory + write * np.tanh(gates[:, 3 * units :])
        state = show * np.tanh(memory)
    return (state @ output_weights + output_biases) * SCALE


def encode(changes):
    """Returns the changes as little-endian float32, window after window."""
    return changes.astype("<f4", copy=False).tobytes()


def make_request(index, batch):
    """Returns the batch's held-out windows: 64 weekly means each, ppm, little-endian float32."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    ppm = np.load(Path(__file__).parent / "assets" / "weekly_ppm.npy")[-HELD_OUT_WEEKS:]
    # Weeks to forecast follow each window in the record. Large batches go round the windows,
    # each from its own starting week.
    windows = np.lib.stride_tricks.sliding_window_view(ppm[:-WEEKS_AHEAD], WEEKS)
    wanted = np.arange(index * batch, (index + 1) * batch) % len(windows)
    return windows[wanted].tobytes()


def _sigmoid(values):
    return 1 / (1 + np.exp(-values))
