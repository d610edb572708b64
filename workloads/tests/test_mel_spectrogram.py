"""Checks mel-spectrogram against an independent implementation and its formula in float64."""

import unittest

import numpy as np

from suite import Workload

REFERENCE_SECONDS = 0, 6, 12, 18


class MelSpectrogram(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("mel-spectrogram")

    def levels(self, request):
        return np.array(self.workload.values(self.workload.respond(request))).reshape(80, 100)

    def test_levels_are_the_reference_ones(self):
        reference = np.load(self.workload.assets / "reference.npy")
        levels = np.stack([self.levels(self.workload.request(second, 1)) for second in REFERENCE_SECONDS])
        self.assertEqual(levels.shape, reference.shape)
        share = float((np.abs(levels - reference) <= 1e-5).mean())
        self.assertEqual(share, self.workload.settings["accuracy"]["value"])

    def test_a_tone_is_loudest_in_its_own_band(self):
        _, filters = self.workload.model
        for bin_number in 20, 50, 120:
            cycles = bin_number * np.arange(16000) / 400
            tone = np.rint(8000 * np.sin(2 * np.pi * cycles)).astype("<i2")
            loudest = self.levels(tone.tobytes())[:, 10:90].argmax(axis=0)
            self.assertEqual(set(loudest), {filters[:, bin_number].argmax()})

    def test_silence_lies_on_the_floor(self):
        levels = self.levels(bytes(2 * 16000))
        # The floor: (log10(1e-10) + 4) / 4.
        np.testing.assert_allclose(levels, -1.5, rtol=0, atol=1e-6)

    def test_requests_are_speech(self):
        for request in self.workload.requests():
            samples = np.frombuffer(request, dtype="<i2")
            self.assertEqual(len(samples), 16000)
            self.assertGreater(np.abs(samples.astype(int)).max(), 1000)

    def test_filters_in_float64_pass_the_tolerance(self):
        exact = Workload("mel-spectrogram")
        window, filters = exact.model
        exact.model = window, filters.astype(np.float64)
        for request in self.workload.requests():
            self.assertTrue(self.workload.agrees(self.workload.respond(request), exact.respond(request)))

    def test_one_weight_of_half_precision_fails_the_tolerance(self):
        rounded = Workload("mel-spectrogram")
        window, filters = rounded.model
        band = filters[40]
        band[band.argmax()] = np.float16(band.max())
        for request in self.workload.requests():
            self.assertFalse(self.workload.agrees(self.workload.respond(request), rounded.respond(request)))

    def test_a_symmetric_window_fails_the_tolerance(self):
        symmetric = Workload("mel-spectrogram")
        symmetric.model = np.hanning(400).astype(np.float32), symmetric.model[1]
        request = self.workload.request(0, 1)
        self.assertFalse(self.workload.agrees(self.workload.respond(request), symmetric.respond(request)))


if __name__ == "__main__":
    unittest.main()
