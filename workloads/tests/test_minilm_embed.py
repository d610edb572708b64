"""Checks minilm-embed against sentence-transformers and the similarities its README prints."""

import json
import unittest

import numpy as np

from suite import Workload

SENTENCES = 128


class MinilmEmbed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("minilm-embed")
        assets = cls.workload.assets
        cls.sentences = (assets / "sentences.txt").read_text(encoding="utf-8").splitlines()
        cls.ids = json.loads((assets / "reference_ids.json").read_text(encoding="utf-8"))
        cls.expected = np.load(assets / "reference_vectors.npy")
        cls.batches = [cls.workload.respond(request) for request in cls.workload.requests(8)]

    def vectors(self, response):
        return np.frombuffer(response, dtype="<f4").reshape(-1, 384)

    def damaged(self, name):
        """The workload with one of its arrays rounded to half precision."""
        damaged = Workload("minilm-embed")
        vocabulary, tensors = damaged.model
        rounded = tensors[name].astype(np.float16).astype(np.float32)
        damaged.model = vocabulary, tensors | {name: rounded}
        return damaged

    def test_vectors_are_those_of_sentence_transformers(self):
        vectors = self.vectors(b"".join(self.batches))
        self.assertEqual(vectors.shape, (SENTENCES, 384))
        close = np.abs(vectors - self.expected).max(axis=1) <= 1e-6
        self.assertEqual(float(close.mean()), self.workload.settings["accuracy"]["value"])
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=0, atol=1e-6)

    def test_similarities_are_those_of_the_published_example(self):
        # README of sentence-transformers 6.2.0, "Embedding Models".
        published = [[1.0000, 0.6660, 0.1046], [0.6660, 1.0000, 0.1411], [0.1046, 0.1411, 1.0000]]
        weather, sun, stadium = self.sentences[:3]
        self.assertEqual(weather, "The weather is lovely today.")
        self.assertEqual(sun, "It's so sunny outside!")
        self.assertEqual(stadium, "He drove to the stadium.")
        vectors = self.vectors(self.workload.respond(f"{weather}\n{sun}\n{stadium}".encode()))
        np.testing.assert_array_equal(np.round(vectors @ vectors.T, 4), np.float32(published))

    def test_token_ids_are_those_of_transformers(self):
        vocabulary, _ = self.workload.model
        texts = self.sentences + [case["text"] for case in self.ids["edge_cases"]]
        expected = self.ids["sentences"] + [case["ids"] for case in self.ids["edge_cases"]]
        for text, ids in zip(texts, expected, strict=True):
            with self.subTest(text=text):
                self.assertEqual(self.workload.module._tokenize(vocabulary, text), ids)
        self.assertEqual(max(map(len, expected)), 256)

    def test_a_batch_gives_what_its_sentences_give_alone(self):
        for request, together in zip(self.workload.requests(8)[:4], self.batches):
            alone = b"".join(map(self.workload.respond, request.split(b"\n")))
            self.assertTrue(self.workload.agrees(together, alone))

    def test_another_summation_order_passes_the_tolerance(self):
        class Float64Product(np.ndarray):
            """An array whose matrix products are exact in float32's eyes."""

            def __rmatmul__(self, other):
                return (other.astype(np.float64) @ self.view(np.ndarray)).astype(np.float32)

            __array_priority__ = 1

        exact = Workload("minilm-embed")
        vocabulary, tensors = exact.model
        exact.model = vocabulary, {
            name: values.view(Float64Product) if "layer." in name and values.ndim == 2 else values
            for name, values in tensors.items()
        }
        for number in range(2):
            response = exact.respond(self.workload.request(number, 8))
            self.assertNotEqual(self.batches[number], response)
            self.assertTrue(self.workload.agrees(self.batches[number], response))

    def test_one_array_of_half_precision_fails_the_tolerance(self):
        request = self.workload.request(0, 8)
        for name in (
            "embeddings.LayerNorm.weight",
            "encoder.layer.0.attention.self.query.weight",
            "encoder.layer.3.intermediate.dense.bias",
            "encoder.layer.5.output.dense.weight",
        ):
            with self.subTest(name=name):
                response = self.damaged(name).respond(request)
                self.assertFalse(self.workload.agrees(self.batches[0], response))

    def test_an_unmasked_batch_fails_the_tolerance(self):
        unmasked = Workload("minilm-embed")
        pad = unmasked.module._pad
        unmasked.module._pad = lambda rows: (pad(rows)[0], np.ones_like(pad(rows)[1]))
        response = unmasked.respond(self.workload.request(0, 8))
        self.assertFalse(self.workload.agrees(self.batches[0], response))

if __name__ == "__main__":
    unittest.main()
