"""Checks wordpiece against the ids of an independent tokenizer."""

import json
import struct
import unittest

from suite import Workload


class Wordpiece(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("wordpiece")
        text = (cls.workload.assets / "reference.json").read_text(encoding="utf-8")
        cls.reference = json.loads(text)

    def ids(self, request):
        return [token for (token,) in struct.iter_unpack("<I", self.workload.respond(request))]

    def test_passages_have_the_reference_ids(self):
        requests, expected = self.workload.requests(), self.reference["passages"]
        equal = [self.ids(request) == ids for request, ids in zip(requests, expected, strict=True)]
        self.assertEqual(sum(equal) / len(equal), self.workload.settings["accuracy"]["value"])

    def test_edge_cases_have_the_reference_ids(self):
        for case in self.reference["edge_cases"]:
            with self.subTest(text=case["text"]):
                self.assertEqual(self.ids(case["text"].encode()), case["ids"])

    def test_a_spelled_out_special_token_is_text(self):
        self.assertNotIn(self.workload.model["[MASK]"], self.ids(b"a [MASK] b"))

    def test_passages_fit_the_window_of_the_model(self):
        for ids in self.reference["passages"]:
            self.assertLessEqual(len(ids), 512)  # BERT's max_position_embeddings

    def test_one_changed_id_fails_the_tolerance(self):
        response = self.workload.respond(self.workload.request(0, 1))
        changed = response[:-4] + struct.pack("<I", 0)
        self.assertFalse(self.workload.agrees(response, changed))

if __name__ == "__main__":
    unittest.main()
