"""Checks moving-anomaly against the injected faults and against numpy."""

import json
import unittest

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from suite import Workload

WEEK = 7 * 24
SENSORS = 6


class MovingAnomaly(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("moving-anomaly")
        cls.window = cls.workload.model["window"]
        cls.weeks = [cls.scores(cls.workload, request) for request in cls.workload.requests()]
        cls.faults = json.loads((cls.workload.assets / "faults.json").read_text(encoding="utf-8"))

    @staticmethod
    def scores(workload, request):
        return np.frombuffer(workload.respond(request), dtype="<f8").reshape(WEEK, SENSORS)

    def test_accuracy_is_the_stated_one(self):
        first_window = np.zeros((self.window, SENSORS))
        flagged = np.concatenate([first_window, *self.weeks]) > 1
        sound = np.ones_like(flagged)
        sound[: self.window] = False
        found = []
        for fault in self.faults:
            start, end, sensor = fault["hour"], fault["hour"] + fault["hours"], fault["sensor"]
            found.append(flagged[start:end, sensor].any())
            # What the sensor says until the fault has left its window is neither sound nor faulty.
            sound[start : end + self.window, sensor] = False
        accuracy = self.workload.settings["accuracy"]
        self.assertEqual(len(found), 75)
        self.assertEqual(round(float(np.mean(found)), 4), accuracy["value"])
        self.assertIn(f"{100 * flagged[sound].mean():.2f} % of sound readings", accuracy["metric"])

    def test_a_fault_that_is_really_in_the_data_is_found(self):
        # 13.1 degrees at JFK, between 57.02 and 57.2, on 9 May 2013 at 02:00 UTC; its dew point fell too.
        week, hour = divmod(3068 - self.window, WEEK)
        readings = np.array(self.workload.module.decode(self.workload.request(week, 1)))
        around = readings[1, self.window + hour - 1 : self.window + hour + 2]
        self.assertEqual(around.tolist(), [57.02, 13.1, 57.2])
        self.assertGreater(self.weeks[week][hour, 1], 1)
        self.assertGreater(self.weeks[week][hour, 4], 1)

    def test_scores_are_those_of_numpy(self):
        for request, scores in zip(self.workload.requests(), self.weeks, strict=True):
            np.testing.assert_allclose(scores, self.numpy_scores(request), rtol=1e-12, atol=1e-12)

    def numpy_scores(self, request):
        """The same statistics for whole arrays at a time, shape (hours, sensors)."""
        model = self.workload.model
        setting = {key: np.array([sensor[key] for sensor in model["sensors"]]) for key in ("spike", "offset")}
        least = np.array([sensor["least_deviation"] for sensor in model["sensors"]])
        readings = np.frombuffer(request, dtype="<i2").reshape(-1, SENSORS) / 100
        quantities = readings.reshape(-1, 2, 3)
        differences = (quantities - np.median(quantities, axis=2, keepdims=True)).reshape(-1, SENSORS)
        windows = sliding_window_view(differences[:-1], self.window, axis=0)
        medians = np.median(windows, axis=2)
        deviations = 1.4826 * np.median(abs(windows - medians[:, :, np.newaxis]), axis=2)
        surprises = (differences[self.window :] - medians) / np.maximum(deviations, least)
        clipped = np.clip(surprises, -model["clip"], model["clip"])
        offsets = np.maximum(self.excursion(clipped), self.excursion(-clipped))
        return np.maximum(abs(surprises) / setting["spike"], offsets / setting["offset"])

    def excursion(self, values):
        """How far the running total of values less slack is above its lowest point so far."""
        zero = np.zeros((1, SENSORS))
        totals = np.concatenate([zero, np.cumsum(values - self.workload.model["slack"], axis=0)])
        return (totals - np.minimum.accumulate(totals, axis=0))[1:]

    def test_without_cumulative_sums_fewer_offsets_are_found(self):
        spikes_only = Workload("moving-anomaly")
        for sensor in spikes_only.model["sensors"]:
            sensor["offset"] = float("inf")
        offsets = [fault for fault in self.faults if fault["kind"] == "offset"]
        self.assertEqual(len(offsets), 25)
        weeks = [self.scores(spikes_only, request) for request in spikes_only.requests()]
        self.assertLess(self.number_found(weeks, offsets), self.number_found(self.weeks, offsets))

    def number_found(self, weeks, faults):
        flagged = np.concatenate(weeks) > 1
        starts = [(fault["hour"] - self.window, fault["hours"], fault["sensor"]) for fault in faults]
        return sum(flagged[start : start + hours, sensor].any() for start, hours, sensor in starts)

    def test_a_reading_off_by_its_last_digit_fails_the_tolerance(self):
        request = bytearray(self.workload.request(0, 1))
        native = self.workload.respond(bytes(request))
        request[-2 * SENSORS] ^= 1
        self.assertFalse(self.workload.agrees(native, self.workload.respond(bytes(request))))

    def test_a_shorter_window_fails_the_tolerance(self):
        changed = Workload("moving-anomaly")
        changed.model["window"] -= 2
        request = self.workload.request(0, 1)
        # Two hours less in front, so that the same week is scored.
        other = changed.respond(request[2 * 2 * SENSORS :])
        self.assertEqual(len(other), 8 * SENSORS * WEEK)
        self.assertFalse(self.workload.agrees(self.workload.respond(request), other))

if __name__ == "__main__":
    unittest.main()
