"""Checks tensor-stream against its formula in float64."""

import unittest

import numpy as np

from suite import Workload


class TensorStream(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("tensor-stream")

    def tensor(self, content):
        return np.frombuffer(content, dtype="<f4").reshape(3, 224, 224).astype(np.float64)

    def test_responses_match_the_formula_in_float64(self):
        mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        close, total = 0, 0
        for request in self.workload.requests():
            given, got = self.tensor(request), self.tensor(self.workload.respond(request))
            for channel in range(3):
                expected = (given[channel] - mean[channel]) / deviation[channel]
                close += int((abs(got[channel] - expected) <= 1e-6).sum())
                total += expected.size
        self.assertEqual(close / total, self.workload.settings["accuracy"]["value"])

    def test_requests_are_photographs_of_unit_range(self):
        for request in self.workload.requests():
            tensor = self.tensor(request)
            self.assertTrue(0 <= tensor.min() < 0.1 and 0.9 < tensor.max() <= 1)
            self.assertGreater(len(np.unique(tensor)), 200)

    def test_any_batch_is_taken(self):
        requests = self.workload.requests()[:3]
        together = self.workload.respond(b"".join(requests))
        self.assertEqual(together, b"".join(map(self.workload.respond, requests)))

    def test_a_rounded_mean_fails_the_tolerance(self):
        rounded = Workload("tensor-stream")
        rounded.module.MEAN = 0.49, 0.46, 0.41
        rounded.model = rounded.module.load(str(rounded.assets))
        request = self.workload.request(0, 1)
        native, other = self.workload.respond(request), rounded.respond(request)
        self.assertFalse(self.workload.agrees(native, other))

if __name__ == "__main__":
    unittest.main()
