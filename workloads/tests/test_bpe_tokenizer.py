"""Checks bpe-tokenizer against the ids of two independent tokenizers."""

import json
import struct
import unittest

from suite import Workload


class BpeTokenizer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("bpe-tokenizer")
        text = (cls.workload.assets / "reference.json").read_text(encoding="utf-8")
        cls.reference = json.loads(text)

    def ids(self, request):
        return [token for (token,) in struct.iter_unpack("<I", self.workload.respond(request))]

    def test_the_table_has_the_ids_of_gpt_2(self):
        byte_ids, merges = self.workload.model
        self.assertEqual(sorted(byte_ids), list(range(256)))
        # <|endoftext|>, which no text becomes, is 50,256.
        self.assertEqual(list(merges.values()), list(range(256, 50_256)))

    def test_passages_have_the_reference_ids(self):
        requests, expected = self.workload.requests(), self.reference["passages"]
        equal = [self.ids(request) == ids for request, ids in zip(requests, expected, strict=True)]
        self.assertEqual(sum(equal) / len(equal), self.workload.settings["accuracy"]["value"])

    def test_edge_cases_have_the_reference_ids(self):
        for case in self.reference["edge_cases"]:
            with self.subTest(text=case["text"]):
                self.assertEqual(self.ids(case["text"].encode()), case["ids"])

    def test_ids_spell_the_text_again(self):
        byte_ids, merges = self.workload.model
        spelled = {token: bytes([byte]) for byte, token in enumerate(byte_ids)}
        for (left, right), merged in merges.items():
            spelled[merged] = spelled[left] + spelled[right]
        edge_cases = [case["text"].encode() for case in self.reference["edge_cases"]]
        for text in self.workload.requests() + edge_cases:
            self.assertEqual(b"".join(spelled[token] for token in self.ids(text)), text)

    def test_passages_are_of_the_stated_size(self):
        for request in self.workload.requests():
            self.assertTrue(1_000 <= len(request) <= 4_000)

    def test_a_request_leaves_nothing_behind(self):
        fresh = Workload("bpe-tokenizer")
        first, *_, last = self.workload.requests()
        expected = fresh.respond(first)
        fresh.respond(last)
        self.assertEqual(fresh.respond(first), expected)
        self.assertEqual(fresh.model, self.workload.module.load(str(self.workload.assets)))

    def test_a_table_without_its_last_merges_fails(self):
        cut = Workload("bpe-tokenizer")
        byte_ids, merges = cut.model
        kept = {pair: merged for pair, merged in merges.items() if merged < 45_000}
        cut.model = byte_ids, kept
        request = b" ".join(self.workload.requests())
        self.assertFalse(self.workload.agrees(self.workload.respond(request), cut.respond(request)))

if __name__ == "__main__":
    unittest.main()
