"""Checks json-features against the held-out labels and scikit-learn."""

import csv
import importlib.util
import json
import math
import types
import unittest

import numpy as np

from suite import FOLDER, Workload

HELD_OUT_RECORDS = 171


class JsonFeatures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("json-features")
        # All held-out records as one request: decode takes any batch.
        cls.request = cls.workload.module.make_request(0, HELD_OUT_RECORDS)
        cls.response = cls.workload.respond(cls.request)
        cls.answers = json.loads(cls.response)

    def test_accuracy_is_the_stated_one(self):
        with open(self.workload.assets / "held_out.csv", encoding="utf-8", newline="") as file:
            labels = [row["label"] for row in csv.DictReader(file)]
        right = [answer["label"] == label for answer, label in zip(self.answers, labels, strict=True)]
        self.assertEqual(len(right), HELD_OUT_RECORDS)
        self.assertEqual(round(sum(right) / len(right), 4), self.workload.settings["accuracy"]["value"])

    def test_probabilities_are_those_of_scikit_learn(self):
        specification = importlib.util.spec_from_file_location("train", FOLDER / "json-features" / "train.py")
        train = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(train)
        pipeline, _, records, _ = train.train()
        expected = pipeline.predict_proba(records)[:, 1]
        found = [answer["probability"] for answer in self.answers]
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=0)

    def test_labels_follow_the_probabilities(self):
        for answer in self.answers:
            # No record is so close to the border that a libm's last digit could flip its label.
            self.assertGreater(abs(answer["probability"] - 0.5), 1e-6)
            self.assertEqual(answer["label"], "malignant" if answer["probability"] > 0.5 else "benign")

    def test_ids_come_back_in_order(self):
        for request in self.workload.requests(64):
            ids = [record["id"] for record in json.loads(request)]
            self.assertEqual(ids, [answer["id"] for answer in json.loads(self.workload.respond(request))])

    def test_another_summation_order_gives_the_same_bytes(self):
        reversed_ = Workload("json-features")
        for key in "features", "weights":
            reversed_.model[key] = reversed_.model[key][::-1]
        self.assertEqual(self.response, reversed_.respond(self.request))

    def test_an_exp_off_by_its_last_digit_passes_the_tolerance(self):
        for direction in -math.inf, math.inf:
            other = Workload("json-features")
            other.module.math = types.SimpleNamespace(
                sumprod=math.sumprod, exp=lambda x: math.nextafter(math.exp(x), direction)
            )
            response = other.respond(self.request)
            self.assertNotEqual(self.response, response)
            self.assertTrue(self.workload.agrees(self.response, response))

    def test_a_weight_off_by_a_trillionth_fails_the_tolerance(self):
        for number in range(30):
            changed = Workload("json-features")
            changed.model["weights"][number] *= 1 + 1e-12
            with self.subTest(weight=number):
                self.assertFalse(self.workload.agrees(self.response, changed.respond(self.request)))

if __name__ == "__main__":
    unittest.main()
