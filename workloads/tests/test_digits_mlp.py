"""Checks digits-mlp-python and digits-mlp-numpy against the held-out labels and each other."""

import math
import unittest

import numpy as np

from suite import Workload

HELD_OUT_DIGITS = 360


class Digits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.python = Workload("digits-mlp-python")
        cls.numpy = Workload("digits-mlp-numpy")
        # All held-out images as one request: decode takes any batch.
        cls.request = b"".join(cls.python.module.make_request(i) for i in range(HELD_OUT_DIGITS))
        cls.labels = np.fromfile(cls.python.assets / "held_out_labels.u8", dtype=np.uint8)

    def probabilities(self, workload, request=None):
        values = workload.values(workload.respond(request or self.request))
        return np.array(values).reshape(-1, 10)

    def test_both_have_the_same_held_out_images_weights_and_labels(self):
        for name in "held_out_images.u8", "held_out_labels.u8":
            contents = {(workload.assets / name).read_bytes() for workload in (self.python, self.numpy)}
            self.assertEqual(len(contents), 1)
        for layer in "hidden", "output":
            for name in f"{layer}_weights", f"{layer}_biases":
                raw = (self.python.assets / f"{name}.f32").read_bytes()
                array = np.load(self.numpy.assets / f"{name}.npy")
                self.assertEqual(array.dtype, np.dtype("<f4"))
                self.assertEqual(raw, array.tobytes())

    def test_plain_python_weights_are_the_float32_values(self):
        hidden, output = self.python.model
        for loaded, array in zip([*hidden, *output], self.numpy.model, strict=True):
            np.testing.assert_array_equal(np.array(loaded), array.astype(np.float64))

    def test_one_image_at_a_time_gives_what_all_together_give(self):
        rows = [self.python.respond(self.python.module.make_request(i)) for i in range(32)]
        self.assertEqual(b"".join(rows), self.python.respond(self.request[: 32 * 64]))

    def test_accuracy_is_the_stated_one(self):
        for workload in self.python, self.numpy:
            answers = self.probabilities(workload).argmax(axis=1)
            accuracy = float((answers == self.labels).mean())
            self.assertEqual(len(answers), HELD_OUT_DIGITS)
            self.assertEqual(round(accuracy, 4), workload.settings["accuracy"]["value"])

    def test_both_give_the_same_digits_and_probabilities(self):
        exact, single = self.probabilities(self.python), self.probabilities(self.numpy)
        np.testing.assert_array_equal(exact.argmax(axis=1), single.argmax(axis=1))
        tolerance = self.numpy.settings["output"]["absolute_tolerance"]
        np.testing.assert_allclose(single, exact, rtol=0, atol=tolerance)
        np.testing.assert_allclose(exact.sum(axis=1), 1, rtol=0, atol=1e-12)

    def test_another_summation_order_passes_the_tolerance(self):
        whole = self.numpy.respond(self.request)
        images = [self.request[start : start + 64] for start in range(0, len(self.request), 64)]
        self.assertTrue(self.numpy.agrees(whole, b"".join(map(self.numpy.respond, images))))

        correctly_rounded = Workload("digits-mlp-python")
        correctly_rounded.module.sum = math.fsum
        native = self.python.respond(self.request)
        self.assertTrue(self.python.agrees(native, correctly_rounded.respond(self.request)))

    def test_weights_of_half_precision_fail_the_tolerance(self):
        rounded = Workload("digits-mlp-numpy")
        rounded.model = [array.astype(np.float16).astype(np.float32) for array in rounded.model]
        native, other = self.numpy.respond(self.request), rounded.respond(self.request)
        self.assertFalse(self.numpy.agrees(native, other))

    def test_one_weight_off_by_its_last_digit_fails_the_tolerance(self):
        changed = Workload("digits-mlp-python")
        rows, _ = changed.model[1]
        rows[0][0] = float(np.nextafter(np.float32(rows[0][0]), np.float32(9)))
        native, other = self.python.respond(self.request), changed.respond(self.request)
        self.assertFalse(self.python.agrees(native, other))

if __name__ == "__main__":
    unittest.main()
