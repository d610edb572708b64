"""Checks pca-project against scikit-learn and a least-squares fit."""

import json
import unittest

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from suite import Workload

HELD_OUT_DIGITS = 360


class PcaProject(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("pca-project")
        # All held-out images as one request: decode takes any number of images.
        cls.request = cls.workload.module.make_request(0, HELD_OUT_DIGITS)
        cls.images = np.array(json.loads(cls.request)["instances"])
        cls.predictions = json.loads(cls.workload.respond(cls.request))["predictions"]

    def predicted(self, name):
        return np.array([prediction[name] for prediction in self.predictions])

    def test_images_are_the_held_out_ones_of_the_digits_workloads(self):
        digits = Workload("digits-mlp-numpy")
        contents = {(w.assets / "held_out_images.u8").read_bytes() for w in (self.workload, digits)}
        self.assertEqual(len(contents), 1)

    def test_held_out_images_keep_the_stated_variance(self):
        mean, _, _ = self.workload.model
        kept = float((self.predicted("components") ** 2).sum() / ((self.images - mean) ** 2).sum())
        self.assertEqual(round(kept, 4), self.workload.settings["accuracy"]["value"])

    def test_components_are_those_of_scikit_learn(self):
        images, labels = load_digits(return_X_y=True)
        train_images, _ = train_test_split(
            images, test_size=HELD_OUT_DIGITS, stratify=labels, random_state=0
        )
        # The eigenvectors of the covariance instead of train.py's singular vectors.
        reference = PCA(n_components=16, svd_solver="covariance_eigh").fit(train_images)
        expected = reference.transform(self.images)
        components = self.predicted("components")
        signs = np.sign((components * expected).sum(axis=0))
        np.testing.assert_allclose(components, expected * signs, rtol=0, atol=1e-9)
        whitened = expected / np.sqrt(reference.explained_variance_)
        np.testing.assert_allclose(self.predicted("t2"), (whitened**2).sum(axis=1), rtol=1e-9)

    def test_q_is_what_a_least_squares_fit_leaves(self):
        mean, components, _ = self.workload.model
        _, left, _, _ = np.linalg.lstsq(components.T, (self.images - mean).T)
        np.testing.assert_allclose(self.predicted("q"), left, rtol=1e-9)

    def test_requests_and_responses_follow_the_protocol(self):
        for batch in self.workload.settings["batch_sizes"]:
            request = self.workload.request(3, batch)
            self.assertEqual(set(json.loads(request)), {"instances"})
            response = json.loads(self.workload.respond(request))
            self.assertEqual(set(response), {"predictions"})
            self.assertEqual(len(response["predictions"]), batch)
            for prediction in response["predictions"]:
                self.assertEqual(set(prediction), {"components", "t2", "q"})
                self.assertEqual(len(prediction["components"]), 16)

    def test_another_summation_order_passes_the_tolerance(self):
        backwards = Workload("pca-project")
        mean, components, variances = backwards.model
        backwards.model = mean[::-1], np.ascontiguousarray(components[:, ::-1]), variances
        backwards.module.decode = lambda request: np.array(json.loads(request)["instances"])[:, ::-1]
        native, other = self.workload.respond(self.request), backwards.respond(self.request)
        self.assertNotEqual(native, other)
        self.assertTrue(self.workload.agrees(native, other))

    def test_one_weight_of_single_precision_fails_the_tolerance(self):
        rounded = Workload("pca-project")
        _, components, _ = rounded.model
        components[15, 20] = np.float32(components[15, 20])
        native, other = self.workload.respond(self.request), rounded.respond(self.request)
        self.assertFalse(self.workload.agrees(native, other))


if __name__ == "__main__":
    unittest.main()
