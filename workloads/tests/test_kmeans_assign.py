"""Checks kmeans-assign against brute force, scikit-learn and the limits of float32."""

import unittest

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.metrics import pairwise_distances_argmin

from suite import Workload


class KmeansAssign(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("kmeans-assign")
        cls.palette = np.load(cls.workload.assets / "palette.npy")
        # The whole photograph as one request: decode takes any number of pixels.
        photograph = np.load(cls.workload.assets / "photograph.npy")
        cls.pixels = photograph.reshape(-1, 3)
        cls.colours = cls.assign(cls.workload, photograph.tobytes())

    @staticmethod
    def assign(workload, request):
        return np.frombuffer(workload.respond(request), dtype=np.uint8)

    def test_photograph_has_the_stated_quality(self):
        error = np.mean((self.pixels.astype(float) - self.palette[self.colours]) ** 2)
        quality = float(10 * np.log10(255**2 / error))
        self.assertEqual(round(quality, 2), self.workload.settings["accuracy"]["value"])

    def test_colours_are_the_nearest_by_brute_force(self):
        distances = cdist(self.pixels.astype(float), self.palette.astype(float), "sqeuclidean")
        np.testing.assert_array_equal(self.colours, distances.argmin(axis=1))

    def test_colours_are_those_of_scikit_learn(self):
        nearest = pairwise_distances_argmin(self.pixels.astype(float), self.palette.astype(float))
        np.testing.assert_array_equal(self.colours, nearest)

    def test_every_distance_is_exact_in_float32(self):
        products, squares = self.workload.model
        extremes = np.abs(products).sum(axis=0) * 255 + squares
        self.assertLess(extremes.max(), 2**24)
        for values in products, squares:
            np.testing.assert_array_equal(values, np.rint(values))

    def test_colours_are_distinct_and_nearly_all_used(self):
        self.assertEqual(len(np.unique(self.palette, axis=0)), 256)
        # Two occur only in the rest of the photograph.
        self.assertEqual(len(np.unique(self.colours)), 254)

    def test_requests_are_square_tiles_of_the_photograph(self):
        photograph = self.pixels.reshape(256, 384, 3)
        for batch, side in (1024, 32), (16384, 128):
            tile = np.frombuffer(self.workload.request(31, batch), dtype=np.uint8)
            expected = photograph[120 : 120 + side, 252 : 252 + side]
            np.testing.assert_array_equal(tile.reshape(side, side, 3), expected)

    def test_pixels_in_another_order_get_the_same_colours(self):
        backwards = np.ascontiguousarray(self.pixels[::-1])
        np.testing.assert_array_equal(self.assign(self.workload, backwards.tobytes())[::-1], self.colours)

    def test_one_colour_off_by_one_level_changes_responses(self):
        changed = Workload("kmeans-assign")
        products, squares = changed.model
        most_used = np.bincount(self.colours).argmax()
        colour = self.palette[most_used].astype(np.float32) + np.float32([1, 0, 0])
        products[:, most_used] = -2 * colour
        squares[most_used] = (colour**2).sum()
        request = self.pixels.tobytes()
        self.assertFalse(self.workload.agrees(self.workload.respond(request), changed.respond(request)))


if __name__ == "__main__":
    unittest.main()
