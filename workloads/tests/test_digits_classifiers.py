"""Checks digits-forest, digits-svm and digits-knn against the labels and second implementations."""

import unittest

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from suite import Workload

HELD_OUT_DIGITS = 360
PIXELS = 64
NAMES = "digits-forest", "digits-svm", "digits-knn"


class Classifiers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workloads = {name: Workload(name) for name in NAMES}
        assets = cls.workloads["digits-forest"].assets
        # All held-out images as one request: decode takes any batch.
        cls.request = (assets / "held_out_images.u8").read_bytes()
        cls.images = np.frombuffer(cls.request, dtype=np.uint8).reshape(-1, PIXELS).astype(np.float64)
        cls.labels = np.fromfile(assets / "held_out_labels.u8", dtype=np.uint8)
        cls.responses = {name: workload.respond(cls.request) for name, workload in cls.workloads.items()}

    def passes(self, name, probabilities):
        """Whether float64 probabilities of all held-out images agree with the workload's."""
        response = np.ascontiguousarray(probabilities, dtype="<f8").tobytes()
        return self.workloads[name].agrees(self.responses[name], response)


class All(Classifiers):
    def test_all_have_the_same_held_out_images_and_labels(self):
        for file in "held_out_images.u8", "held_out_labels.u8":
            contents = {(workload.assets / file).read_bytes() for workload in self.workloads.values()}
            self.assertEqual(len(contents), 1)

    def test_accuracy_is_the_stated_one(self):
        for name, workload in self.workloads.items():
            probabilities = np.frombuffer(self.responses[name], dtype="<f8").reshape(-1, 10)
            self.assertEqual(len(probabilities), HELD_OUT_DIGITS)
            np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-12)
            accuracy = float((probabilities.argmax(axis=1) == self.labels).mean())
            self.assertEqual(round(accuracy, 4), workload.settings["accuracy"]["value"])

    def test_one_image_at_a_time_gives_what_all_together_give(self):
        for name, workload in self.workloads.items():
            rows = [workload.respond(workload.request(index, 1)) for index in range(32)]
            together = workload.respond(self.request[: 32 * PIXELS])
            self.assertTrue(workload.agrees(together, b"".join(rows)), name)

    def test_settings_are_the_defaults_but_for_what_gives_probabilities(self):
        forest, svm, neighbours = (self.workloads[name].model for name in NAMES)
        self.assertEqual(repr(forest), "RandomForestClassifier(random_state=0)")
        self.assertEqual("".join(repr(svm).split()), "CalibratedClassifierCV(ensemble=False,estimator=SVC())")
        self.assertEqual(repr(neighbours), "KNeighborsClassifier(weights='distance')")


class Forest(Classifiers):
    def test_trees_walked_by_hand_give_the_same_bytes(self):
        trees = [estimator.tree_ for estimator in self.workloads["digits-forest"].model.estimators_]
        total = np.zeros((HELD_OUT_DIGITS, 10))
        for tree in trees:
            total += tree.value[self.leaves(tree), 0]
        self.assertTrue(self.passes("digits-forest", total / len(trees)))

    def leaves(self, tree):
        """Walks every image down a tree, all in step; returns the node each ends in."""
        every = np.arange(HELD_OUT_DIGITS)
        nodes = np.zeros(HELD_OUT_DIGITS, dtype=int)
        for _ in range(tree.max_depth):
            left = self.images[every, tree.feature[nodes]] <= tree.threshold[nodes]
            following = np.where(left, tree.children_left[nodes], tree.children_right[nodes])
            nodes = np.where(tree.children_left[nodes] < 0, nodes, following)
        return nodes

    def test_a_tree_left_out_fails(self):
        damaged = Workload("digits-forest")
        del damaged.model.estimators_[-1]
        self.assertFalse(self.passes("digits-forest", damaged.model.predict_proba(self.images)))


class SupportVectors(Classifiers):
    def test_the_formula_in_numpy_passes(self):
        self.assertTrue(self.passes("digits-svm", self.probabilities()))

    def test_another_last_digit_of_exp_passes(self):
        random = np.random.default_rng(0)
        digits = random.choice([-1, 1], (HELD_OUT_DIGITS, 652))
        self.assertTrue(self.passes("digits-svm", self.probabilities(digits)))

    def test_one_coefficient_of_single_precision_fails(self):
        damaged = Workload("digits-svm")
        coefficients = damaged.model.calibrated_classifiers_[0].estimator._dual_coef_
        coefficients[0, 0] = np.float32(coefficients[0, 0])
        self.assertFalse(self.passes("digits-svm", damaged.model.predict_proba(self.images)))

    def test_one_pixel_of_a_support_vector_fails(self):
        damaged = Workload("digits-svm")
        damaged.model.calibrated_classifiers_[0].estimator.support_vectors_[300, 28] += 1
        self.assertFalse(self.passes("digits-svm", damaged.model.predict_proba(self.images)))

    def probabilities(self, last_digits=0):
        """Returns what scikit-learn documents: a vote between each two classes, then a sigmoid per class."""
        calibrated = self.workloads["digits-svm"].model.calibrated_classifiers_[0]
        svm = calibrated.estimator
        distances = ((self.images[:, None] - svm.support_vectors_) ** 2).sum(axis=2)
        kernel = np.exp(-svm._gamma * distances) * (1 + np.finfo(float).eps * last_digits)
        ends = np.cumsum(svm.n_support_)
        vectors = [slice(end - count, end) for end, count in zip(ends, svm.n_support_)]
        pairs = [(first, second) for first in range(10) for second in range(first + 1, 10)]
        votes, sums = np.zeros((HELD_OUT_DIGITS, 10)), np.zeros((HELD_OUT_DIGITS, 10))
        for (first, second), intercept in zip(pairs, svm._intercept_):
            # libsvm keeps, per class, the coefficients against every other class.
            of_first = svm._dual_coef_[second - 1, vectors[first]]
            of_second = svm._dual_coef_[first, vectors[second]]
            value = kernel[:, vectors[first]] @ of_first + kernel[:, vectors[second]] @ of_second + intercept
            votes[:, first] += value > 0
            votes[:, second] += value <= 0
            sums[:, first] += value
            sums[:, second] -= value
        decisions = votes + sums / (3 * (np.abs(sums) + 1))
        slopes = np.array([calibrator.a_ for calibrator in calibrated.calibrators])
        offsets = np.array([calibrator.b_ for calibrator in calibrated.calibrators])
        sigmoids = 1 / (1 + np.exp(slopes * decisions + offsets))
        return sigmoids / sigmoids.sum(axis=1, keepdims=True)


class Neighbours(Classifiers):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.known = cls.workloads["digits-knn"].model._fit_X
        cls.known_labels = cls.workloads["digits-knn"].model._y
        cls.distances = ((cls.images[:, None] - cls.known) ** 2).sum(axis=2)

    def test_brute_force_is_the_default_here(self):
        self.assertEqual(self.workloads["digits-knn"].model._fit_method, "brute")

    def test_numpy_gives_the_same_bytes(self):
        nearest = self.distances.argsort(axis=1, kind="stable")[:, :5]
        votes = np.zeros((HELD_OUT_DIGITS, 10))
        every = np.arange(HELD_OUT_DIGITS)
        for column in nearest.T:
            votes[every, self.known_labels[column]] += 1 / np.sqrt(self.distances[every, column])
        self.assertTrue(self.passes("digits-knn", votes / votes.sum(axis=1, keepdims=True)))

    def test_a_kd_tree_gives_the_same_bytes(self):
        tree = KNeighborsClassifier(weights="distance", algorithm="kd_tree")
        tree.fit(self.known, self.known_labels)
        self.assertTrue(self.passes("digits-knn", tree.predict_proba(self.images)))

    def test_no_vote_depends_on_how_ties_are_broken(self):
        fifth = np.sort(self.distances, axis=1)[:, 4]
        for distances, limit in zip(self.distances, fifth):
            if (distances <= limit).sum() > 5:
                self.assertEqual(len(set(self.known_labels[distances == limit])), 1)

    def test_one_pixel_of_a_neighbour_fails(self):
        damaged = Workload("digits-knn")
        # Of a doubtful image: where all five agree, their distances do not matter.
        doubtful = damaged.model.predict_proba(self.images).max(axis=1).argmin()
        damaged.model._fit_X[self.distances[doubtful].argmin(), 28] += 1
        self.assertFalse(self.passes("digits-knn", damaged.model.predict_proba(self.images)))


if __name__ == "__main__":
    unittest.main()
