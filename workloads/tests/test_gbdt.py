"""Checks gbdt-numpy and gbdt-python against the held-out labels, scikit-learn and each other."""

import unittest

import numpy as np

from suite import Workload

NAMES = "gbdt-numpy", "gbdt-python"
HELD_OUT_ROWS = 169
ROW_BYTES = 30 * 4
TREES = 400


class Gbdt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workloads = {name: Workload(name) for name in NAMES}
        assets = cls.workloads["gbdt-numpy"].assets
        # All held-out rows as one request: decode takes any number.
        cls.request = (assets / "held_out_rows.f32").read_bytes()
        cls.labels = np.fromfile(assets / "held_out_labels.u8", dtype=np.uint8)
        cls.reference = np.fromfile(assets / "reference.f64", dtype="<f8")
        cls.responses = {name: workload.respond(cls.request) for name, workload in cls.workloads.items()}

    def damaged(self, change):
        """Responds with gbdt-numpy to all held-out rows; its arrays went through change first."""
        workload = Workload("gbdt-numpy")
        names = "features", "thresholds", "lefts", "rights", "values", "roots"
        arrays = dict(zip(names, workload.model))
        change(arrays)
        workload.model = tuple(arrays.values())
        return workload.respond(self.request)

    def assert_fails(self, response):
        for name, workload in self.workloads.items():
            self.assertFalse(workload.agrees(self.responses[name], response), name)

    def test_accuracy_is_the_stated_one(self):
        for name, workload in self.workloads.items():
            answers = np.frombuffer(self.responses[name], dtype="<f8") > 0.5
            self.assertEqual(len(answers), HELD_OUT_ROWS)
            accuracy = float((answers == self.labels).mean())
            self.assertEqual(round(accuracy, 4), workload.settings["accuracy"]["value"])

    def test_scikit_learn_gave_the_same_probabilities(self):
        for name, response in self.responses.items():
            # It adds the prior and the leaves in another order, and its exp may be another.
            probabilities = np.frombuffer(response, dtype="<f8")
            np.testing.assert_allclose(probabilities, self.reference, rtol=1e-13, atol=0)

    def test_both_have_the_same_nodes_and_rows(self):
        pairs = zip(self.workloads["gbdt-numpy"].model, self.workloads["gbdt-python"].model, strict=True)
        for of_numpy, of_python in pairs:
            self.assertEqual(of_numpy.tolist(), of_python)
        for file in "held_out_rows.f32", "held_out_labels.u8":
            contents = {(workload.assets / file).read_bytes() for workload in self.workloads.values()}
            self.assertEqual(len(contents), 1)

    def test_both_give_the_same_probabilities(self):
        for workload in self.workloads.values():
            self.assertTrue(workload.agrees(*self.responses.values()))
            for batch in workload.settings["batch_sizes"]:
                requests = {workload.request(0, batch) for workload in self.workloads.values()}
                self.assertEqual(len(requests), 1)

    def test_one_row_at_a_time_gives_what_all_together_give(self):
        rows = [self.request[start : start + ROW_BYTES] for start in range(0, len(self.request), ROW_BYTES)]
        for name, workload in self.workloads.items():
            single = b"".join(map(workload.respond, rows))
            self.assertTrue(workload.agrees(self.responses[name], single), name)

    def test_no_descent_is_deeper_than_numpy_goes(self):
        _, _, lefts, rights, _, roots = self.workloads["gbdt-numpy"].model
        self.assertEqual(len(roots), TREES)
        nodes = roots
        for _ in range(self.workloads["gbdt-numpy"].module.DEPTH):
            nodes = np.unique([lefts[nodes], rights[nodes]])
        np.testing.assert_array_equal(lefts[nodes], nodes)
        np.testing.assert_array_equal(rights[nodes], nodes)

    def test_one_tree_left_out_fails(self):
        def leave_out(arrays):
            arrays["roots"] = arrays["roots"][:-1]

        self.assert_fails(self.damaged(leave_out))

    def test_leaves_of_single_precision_fail(self):
        def round_leaves(arrays):
            arrays["values"] = arrays["values"].astype(np.float32).astype(np.float64)

        self.assert_fails(self.damaged(round_leaves))

    def test_a_comparison_turned_round_fails(self):
        def turn(arrays):
            root = arrays["roots"][0]
            lefts, rights = arrays["lefts"], arrays["rights"]
            lefts[root], rights[root] = rights[root], lefts[root]

        self.assert_fails(self.damaged(turn))


if __name__ == "__main__":
    unittest.main()
