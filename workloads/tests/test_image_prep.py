"""Checks image-prep against Pillow's resize and properties of the interpolation."""

import struct
import unittest

import numpy as np

from suite import Workload


class ImagePrep(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("image-prep")

    def grey_levels(self, request):
        """Returns the resized pixels of 0..255 before normalisation, shape (224, 224, 3)."""
        planes = np.array(self.workload.values(self.workload.respond(request))).reshape(3, 224, 224)
        mean = np.array([0.485, 0.456, 0.406]).reshape(3, 1, 1)
        deviation = np.array([0.229, 0.224, 0.225]).reshape(3, 1, 1)
        return ((planes * deviation + mean) * 255).transpose(1, 2, 0)

    def test_first_two_requests_are_as_pillow_makes_them(self):
        reference = np.load(self.workload.assets / "reference.npy").astype(float)
        levels = np.stack([self.grey_levels(self.workload.request(i, 1))[::2] for i in range(2)])
        self.assertEqual(levels.shape, reference.shape)
        share = float((np.abs(levels - reference) <= 1).mean())
        self.assertEqual(share, self.workload.settings["accuracy"]["value"])
        # Rounding alone is unbiased; a shift by a fraction of a pixel or another filter is seen.
        self.assertLess(np.abs(levels - reference).mean(), 0.3)

    def test_an_even_image_stays_even_at_any_size(self):
        for height, width in (224, 224), (256, 256), (300, 401), (90, 120), (1000, 300):
            pixels = np.full((height, width, 3), [10, 100, 200], dtype=np.uint8)
            levels = self.grey_levels(struct.pack("<II", height, width) + pixels.tobytes())
            np.testing.assert_allclose(levels, np.broadcast_to([10, 100, 200], levels.shape), atol=1e-3)

    def test_an_image_of_the_right_size_is_only_cropped(self):
        pixels = np.random.default_rng(0).integers(0, 256, (256, 300, 3), dtype=np.uint8)
        levels = self.grey_levels(struct.pack("<II", 256, 300) + pixels.tobytes())
        np.testing.assert_allclose(levels, pixels[16:240, 38:262], atol=1e-3)

    def test_requests_differ_in_size(self):
        sizes = {request[:8] for request in self.workload.requests()}
        self.assertEqual(len(sizes), 8)

    def test_another_summation_order_passes_the_tolerance(self):
        other = Workload("image-prep")
        scale, shift = other.model

        def columns_last(model, pixels):
            height, width, _ = pixels.shape
            shorter = min(height, width)
            rows = other.module._interpolation(height, 256 * height // shorter)
            columns = other.module._interpolation(width, 256 * width // shorter)
            planes = pixels.transpose(2, 0, 1).astype(np.float32)
            return (rows @ planes) @ columns.T * scale + shift

        other.module.infer = columns_last
        for request in self.workload.requests()[:4]:
            self.assertTrue(self.workload.agrees(self.workload.respond(request), other.respond(request)))

    def test_weights_of_half_precision_fail_the_tolerance(self):
        rounded = Workload("image-prep")
        exact = rounded.module._interpolation
        rounded.module._interpolation = lambda *sizes: exact(*sizes).astype(np.float16).astype(np.float32)
        for request in self.workload.requests()[:4]:
            self.assertFalse(self.workload.agrees(self.workload.respond(request), rounded.respond(request)))


if __name__ == "__main__":
    unittest.main()
