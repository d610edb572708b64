"""Checks tfidf-logreg against the held-out labels and the formulas in plain Python."""

import math
import re
import unittest
from collections import Counter

import numpy as np

from suite import Workload

PASSAGES = 1024
LIBRARIES = 3


class TfidfLogreg(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("tfidf-logreg")
        # All held-out passages as one request: decode takes any number.
        cls.request = (cls.workload.assets / "held_out_passages.txt").read_bytes()
        cls.passages = cls.request.decode("utf-8").split("\n")
        cls.response = cls.workload.respond(cls.request)
        cls.probabilities = np.frombuffer(cls.response, dtype="<f8").reshape(-1, LIBRARIES)

    def test_accuracy_is_the_stated_one(self):
        labels = (self.workload.assets / "held_out_libraries.txt").read_text(encoding="utf-8").split("\n")
        self.assertEqual(len(labels), PASSAGES)
        answers = self.workload.model.classes_[self.probabilities.argmax(axis=1)]
        accuracy = float((answers == np.array(labels)).mean())
        self.assertEqual(round(accuracy, 4), self.workload.settings["accuracy"]["value"])

    def test_formulas_in_plain_python_give_the_same_probabilities(self):
        vectorizer, classifier = self.workload.model
        weights = classifier.coef_.tolist()
        for passage, expected in zip(self.passages[:128], self.probabilities):
            terms = self.terms(passage, vectorizer.vocabulary_, vectorizer.idf_.tolist())
            scores = [
                math.fsum([bias, *(row[term] * weight for term, weight in terms.items())])
                for row, bias in zip(weights, classifier.intercept_.tolist())
            ]
            exponentials = [math.exp(score) for score in scores]
            probabilities = [value / sum(exponentials) for value in exponentials]
            np.testing.assert_allclose(expected, probabilities, rtol=1e-13, atol=0)

    def terms(self, passage, vocabulary, rarities):
        """Returns term number: weight, for words and pairs of words; the squares of the weights sum to 1."""
        words = re.findall(r"\w\w+", passage.lower())
        pairs = [" ".join(pair) for pair in zip(words, words[1:])]
        counts = Counter(vocabulary[term] for term in words + pairs if term in vocabulary)
        weights = {term: count * rarities[term] for term, count in counts.items()}
        length = math.sqrt(math.fsum(weight**2 for weight in weights.values()))
        return {term: weight / length for term, weight in weights.items()}

    def test_one_passage_at_a_time_gives_what_all_together_give(self):
        single = b"".join(self.workload.respond(passage.encode("utf-8")) for passage in self.passages)
        self.assertEqual(single, self.response)

    def test_another_last_digit_of_exp_passes(self):
        scores = self.workload.model.decision_function(self.passages)
        digits = np.random.default_rng(0).choice([-1, 0, 1], scores.shape)
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        exponentials *= 1 + digits * np.finfo(float).eps / 2
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        self.assertTrue(self.workload.agrees(self.response, probabilities.tobytes()))

    def test_one_weight_of_single_precision_fails(self):
        damaged = Workload("tfidf-logreg")
        vectorizer, classifier = damaged.model
        weights = classifier.coef_[:, vectorizer.vocabulary_["array"]]
        weights[0] = np.float32(weights[0])
        self.assertFalse(self.workload.agrees(self.response, damaged.respond(self.request)))

    def test_another_way_to_weigh_terms_fails(self):
        damaged = Workload("tfidf-logreg")
        damaged.model[0]._tfidf.sublinear_tf = True
        self.assertFalse(self.workload.agrees(self.response, damaged.respond(self.request)))


if __name__ == "__main__":
    unittest.main()
