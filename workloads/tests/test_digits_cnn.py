"""Checks digits-cnn against the held-out labels and scipy's correlation in float64."""

import unittest

import numpy as np
from scipy.signal import correlate

from suite import Workload

HELD_OUT_DIGITS = 360
PIXELS = 64


class DigitsCnn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("digits-cnn")
        # All held-out images as one request: decode takes any batch.
        cls.request = (cls.workload.assets / "held_out_images.u8").read_bytes()
        cls.labels = np.fromfile(cls.workload.assets / "held_out_labels.u8", dtype=np.uint8)
        cls.response = cls.workload.respond(cls.request)

    def respond_with(self, change):
        """Responds to all held-out images with a model whose arrays went through change."""
        changed = Workload("digits-cnn")
        changed.model = change([[array.copy() for array in layer] for layer in changed.model])
        return changed.respond(self.request)

    def test_accuracy_is_the_stated_one(self):
        answers = np.array(self.workload.values(self.response)).reshape(-1, 10).argmax(axis=1)
        self.assertEqual(len(answers), HELD_OUT_DIGITS)
        accuracy = float((answers == self.labels).mean())
        self.assertEqual(round(accuracy, 4), self.workload.settings["accuracy"]["value"])

    def test_weights_are_float32(self):
        for array in (array for layer in self.workload.model for array in layer):
            self.assertEqual(array.dtype, np.dtype("<f4"))

    def test_scipy_in_float64_gives_the_same_probabilities(self):
        images = np.frombuffer(self.request, dtype=np.uint8).reshape(-1, 1, 8, 8) / 16
        planes = images.swapaxes(0, 1)  # inputs, images, height, width
        for weights, biases in self.workload.model[:2]:
            outputs = []
            for kernels, bias in zip(weights.astype(np.float64), biases):
                pairs = zip(planes, kernels[:, None])
                parts = [correlate(plane, kernel, "same", "direct") for plane, kernel in pairs]
                outputs.append(np.maximum(sum(parts) + bias, 0))
            planes = outputs
        corners = [[plane[:, row::2, column::2] for row in (0, 1) for column in (0, 1)] for plane in planes]
        pooled = np.stack([np.max(four, axis=0) for four in corners], axis=-1)
        weights, biases = self.workload.model[2]
        logits = pooled.reshape(HELD_OUT_DIGITS, -1) @ weights.astype(np.float64).T + biases
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        self.assertTrue(self.workload.agrees(probabilities.astype("<f4").tobytes(), self.response))

    def test_another_summation_order_passes_the_tolerance(self):
        images = [self.request[start : start + PIXELS] for start in range(0, len(self.request), PIXELS)]
        single = b"".join(map(self.workload.respond, images))
        self.assertTrue(self.workload.agrees(self.response, single))

        # The second layer's inputs turned round: its products are added from the other end.
        turned = Workload("digits-cnn")
        (weights, biases), second, output = turned.model
        turned.model = [weights[::-1], biases[::-1]], [second[0][:, ::-1], second[1]], output
        self.assertTrue(self.workload.agrees(self.response, turned.respond(self.request)))

    def test_one_weight_of_half_precision_fails_the_tolerance(self):
        def round_one(model):
            weights = model[0][0]
            largest = np.abs(weights).argmax()
            weights.flat[largest] = np.float16(weights.flat[largest])
            return model

        self.assertFalse(self.workload.agrees(self.response, self.respond_with(round_one)))

    def test_a_missing_bias_fails_the_tolerance(self):
        def clear_one(model):
            model[1][1][np.abs(model[1][1]).argmax()] = 0
            return model

        self.assertFalse(self.workload.agrees(self.response, self.respond_with(clear_one)))


if __name__ == "__main__":
    unittest.main()
