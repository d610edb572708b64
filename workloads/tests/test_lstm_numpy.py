"""Checks lstm-numpy against later weeks, simpler forecasts, and the cell's equations in float64."""

import unittest

import numpy as np
from scipy.special import expit

from suite import Workload

HELD_OUT_WEEKS, WEEKS, WEEKS_AHEAD = 600, 64, 8


class LstmNumpy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("lstm-numpy")
        ppm = np.load(cls.workload.assets / "weekly_ppm.npy")
        cls.training = np.lib.stride_tricks.sliding_window_view(ppm[:-HELD_OUT_WEEKS], WEEKS + WEEKS_AHEAD)
        cls.held_out = np.lib.stride_tricks.sliding_window_view(ppm[-HELD_OUT_WEEKS:], WEEKS + WEEKS_AHEAD)
        # All windows as one request: decode takes any batch.
        cls.request = cls.held_out[:, :WEEKS].tobytes()
        cls.response = cls.workload.respond(cls.request)

    def error(self, changes):
        """Root mean square error in ppm over all held-out windows and weeks ahead."""
        return float(np.sqrt(np.mean((changes - _changes(self.held_out)[:, WEEKS:]) ** 2)))

    def forecast(self, response):
        return np.frombuffer(response, dtype="<f4").reshape(-1, WEEKS_AHEAD).astype(np.float64)

    def test_requests_are_the_held_out_windows(self):
        for batch in self.workload.settings["batch_sizes"]:
            first = self.workload.request(1, batch)
            self.assertEqual(first, self.held_out[batch : 2 * batch, :WEEKS].tobytes())

    def test_accuracy_is_the_stated_one(self):
        error = self.error(self.forecast(self.response))
        self.assertEqual(len(self.held_out), 529)
        self.assertEqual(round(error, 3), self.workload.settings["accuracy"]["value"])

    def test_simpler_forecasts_are_worse_as_the_readme_says(self):
        history, training = _changes(self.held_out)[:, :WEEKS], _changes(self.training)
        last_year = slice(WEEKS - 52, WEEKS - 52 + WEEKS_AHEAD)
        coefficients, *_ = np.linalg.lstsq(_inputs(training[:, :WEEKS]), training[:, WEEKS:])
        errors = {
            "no change": self.error(0),
            "change of a year ago": self.error(history[:, last_year] - history[:, [WEEKS - 53]]),
            "linear regression": self.error(_inputs(history) @ coefficients),
        }
        stated = {"no change": 1.502, "change of a year ago": 0.757, "linear regression": 0.481}
        self.assertEqual({name: round(error, 3) for name, error in errors.items()}, stated)

    def test_forecasts_match_the_equations_in_float64(self):
        windows = _changes(self.held_out)[::8, :WEEKS] / 4
        expected = 4 * _lstm(map(np.float64, self.workload.model), windows)
        tolerance = self.workload.settings["output"]["absolute_tolerance"]
        np.testing.assert_allclose(self.forecast(self.response)[::8], expected, rtol=0, atol=tolerance)

    def test_another_summation_order_passes_the_tolerance(self):
        windows = [row.tobytes() for row in self.held_out[:, :WEEKS]]
        single = b"".join(map(self.workload.respond, windows))
        self.assertTrue(self.workload.agrees(self.response, single))

    def test_weights_of_half_precision_fail_the_tolerance(self):
        rounded = Workload("lstm-numpy")
        rounded.model = [array.astype(np.float16).astype(np.float32) for array in rounded.model]
        for batch in self.workload.settings["batch_sizes"]:
            for request in self.workload.requests(batch):
                native, other = self.workload.respond(request), rounded.respond(request)
                self.assertFalse(self.workload.agrees(native, other))

    def test_a_forgotten_first_week_fails_the_tolerance(self):
        changed = self.held_out[:, :WEEKS].copy()
        changed[:, 0] = changed[:, 1]
        self.assertFalse(self.workload.agrees(self.response, self.workload.respond(changed.tobytes())))


def _changes(windows):
    """Weeks relative to the last one read, float64."""
    return windows.astype(np.float64) - windows[:, [WEEKS - 1]]


def _inputs(history):
    """What a linear regression on the 64 weeks sees; the last week is zero, a constant takes its place."""
    return np.hstack([history[:, :-1], np.ones((len(history), 1))])


def _lstm(model, windows):
    """One window after the other, gate by gate: shares no code with the workload."""
    input_weights, state_weights, gate_biases, output_weights, output_biases = model
    units = len(state_weights)
    by_gate = state_weights.reshape(units, 4, units)
    forecasts = []
    for window in windows:
        state, memory = np.zeros(units), np.zeros(units)
        for week in window:
            gates = (week * input_weights[0] + gate_biases).reshape(4, units)
            forget, write, output, candidate = gates + np.einsum("i,igj->gj", state, by_gate)
            memory = expit(forget) * memory + expit(write) * np.tanh(candidate)
            state = expit(output) * np.tanh(memory)
        forecasts.append(np.einsum("i,ij->j", state, output_weights) + output_biases)
    return np.array(forecasts)


if __name__ == "__main__":
    unittest.main()
