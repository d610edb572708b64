"""Checks tiny-gpt against held-out text, n-gram models, and full attention in float64."""

import collections
import math
import unittest

import numpy as np

from suite import Workload

PROMPT_LENGTH, NEW_TOKENS, CONTEXT, VOCABULARY = 96, 32, 128, 96
WINDOWS = 256


class TinyGpt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("tiny-gpt")
        cls.training_text = (cls.workload.assets / "training_text.txt").read_text(encoding="ascii")
        cls.held_out_text = (cls.workload.assets / "held_out_text.txt").read_text(encoding="ascii")
        # As in a request: 96 characters are given and 32 follow. The windows spread over the whole text.
        cls.starts = np.linspace(0, len(cls.held_out_text) - CONTEXT, WINDOWS, dtype=int)

    def output(self, request, workload=None):
        """Returns tokens and log-probabilities."""
        values = np.frombuffer((workload or self.workload).respond(request), dtype="<f4")
        return values[:NEW_TOKENS].astype(int), values[NEW_TOKENS:].astype(np.float64)

    def test_prompts_are_held_out_text(self):
        for request in self.workload.requests():
            self.assertEqual(len(request), PROMPT_LENGTH)
            self.assertIn(request.decode("ascii"), self.held_out_text)

    def test_no_paragraph_is_in_both_texts(self):
        training, held_out = (
            {" ".join(paragraph.split()) for paragraph in text.split("\n\n")} - {""}
            for text in (self.training_text, self.held_out_text)
        )
        self.assertEqual(training & held_out, set())

    def test_accuracy_is_the_stated_one(self):
        # The workload's own functions, given the real next character instead of their choice.
        module, bits = self.workload.module, 0
        for start in self.starts:
            tokens = module.decode(self.held_out_text[start : start + CONTEXT].encode())
            cache = module.new_cache()
            logits = module.advance(self.workload.model, cache, tokens[:PROMPT_LENGTH], 0)
            for position in range(PROMPT_LENGTH, CONTEXT):
                bits -= _log_probabilities(logits.astype(np.float64))[tokens[position]] / math.log(2)
                logits = module.advance(self.workload.model, cache, [tokens[position]], position)
        mean = bits / (WINDOWS * NEW_TOKENS)
        self.assertEqual(round(mean, 3), self.workload.settings["accuracy"]["value"])

    def test_n_gram_models_are_worse_as_the_readme_says(self):
        positions = [start + p for start in self.starts for p in range(PROMPT_LENGTH, CONTEXT)]
        bits = {n: round(self.n_gram_bits(n, positions), 3) for n in (4, 5, 6)}
        self.assertEqual(bits, {4: 2.27, 5: 2.111, 6: 2.144})

    def n_gram_bits(self, longest, positions):
        """Bits per character of an n-gram model smoothed after Witten and Bell, interpolated."""
        text = self.training_text
        counts = [
            collections.Counter(text[start : start + n] for start in range(len(text) - n + 1))
            for n in range(longest + 1)
        ]
        followers = collections.Counter(gram[:-1] for grams in counts[1:] for gram in grams)
        bits = 0
        for position in positions:
            probability = 1 / VOCABULARY
            for n in range(1, longest + 1):
                gram = self.held_out_text[position - n + 1 : position + 1]
                if seen := counts[n - 1][gram[:-1]]:
                    new = followers[gram[:-1]]
                    probability = (counts[n][gram] + new * probability) / (seen + new)
            bits -= math.log2(probability)
        return bits / len(positions)

    def test_full_attention_in_float64_chooses_the_same_tokens_by_a_clear_lead(self):
        tolerance = self.workload.settings["output"]["absolute_tolerance"]
        for request in self.workload.requests():
            tokens, log_probabilities = self.output(request)
            sequence = np.concatenate([self.workload.module.decode(request), tokens])
            # Row i sees all tokens up to i at once and predicts the one after.
            logits = _full_attention(self.workload.model, sequence)[PROMPT_LENGTH - 1 : -1]
            expected = _log_probabilities(logits)
            np.testing.assert_array_equal(tokens, expected.argmax(axis=1))
            np.testing.assert_allclose(log_probabilities, expected.max(axis=1), rtol=0, atol=tolerance)
            second, first = np.sort(expected, axis=1)[:, -2:].T
            self.assertGreater((first - second).min() + tolerance, 0.01)

    def test_a_prompt_fed_token_by_token_passes_the_tolerance(self):
        # Another summation order: matrix times vector for every token of the prompt.
        stepwise = Workload("tiny-gpt")
        advance = stepwise.module.advance

        def one_by_one(model, cache, tokens, start):
            for position, token in enumerate(tokens, start):
                logits = advance(model, cache, [token], position)
            return logits

        stepwise.module.advance = one_by_one
        for request in self.workload.requests()[:8]:
            self.assertTrue(self.workload.agrees(self.workload.respond(request), stepwise.respond(request)))

    def test_weights_rounded_to_bfloat16_fail_the_tolerance(self):
        rounded = Workload("tiny-gpt")
        for name in rounded.module.SHAPES:
            bits = rounded.model[name].view(np.uint32)
            rounded.model[name] = (bits + 0x8000 & 0xFFFF0000).view(np.float32)
        for request in self.workload.requests()[:8]:
            self.assertFalse(self.workload.agrees(self.workload.respond(request), rounded.respond(request)))

    def test_one_weight_off_by_a_five_hundredth_fails_the_tolerance(self):
        request = self.workload.request(0, 1)
        native = self.workload.respond(request)
        for name in self.workload.module.SHAPES:
            changed = Workload("tiny-gpt")
            weights = changed.model[name].reshape(-1)
            weights[abs(weights).argmax()] *= 1.002
            self.assertFalse(self.workload.agrees(native, changed.respond(request)), name)

    def test_another_token_fails_the_tolerance(self):
        request = self.workload.request(0, 1)
        native = np.frombuffer(self.workload.respond(request), dtype="<f4")
        changed = native.copy()
        changed[0] += 1
        self.assertFalse(self.workload.agrees(native.tobytes(), changed.tobytes()))


def _log_probabilities(logits):
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def _full_attention(model, tokens):
    """Logits after every token, without a cache, in float64: shares no code with the workload."""
    count, heads, width = len(tokens), 4, 24
    hidden = model["tokens"][tokens].astype(np.float64)
    angles = np.arange(count)[:, None] * 10_000.0 ** (-np.arange(width // 2) / (width // 2))
    cosines, sines = np.cos(angles), np.sin(angles)
    seen = np.tril(np.ones((count, count), dtype=bool))

    def normal(rows):
        return rows / np.sqrt((rows**2).mean(axis=1, keepdims=True) + 1e-5)

    def rotated(rows):
        even, odd = rows[:, 0::2], rows[:, 1::2]
        pairs = even * cosines - odd * sines, even * sines + odd * cosines
        return np.stack(pairs, axis=2).reshape(count, width)

    names = "attention", "projection", "expansion", "contraction"
    for attention, projection, expansion, contraction in zip(*(model[name] for name in names), strict=True):
        queries, keys, values = np.split(normal(hidden) @ attention, 3, axis=1)
        attended = []
        for head in range(heads):
            columns = slice(head * width, (head + 1) * width)
            scores = rotated(queries[:, columns]) @ rotated(keys[:, columns]).T / math.sqrt(width)
            shares = np.exp(_log_probabilities(np.where(seen, scores, -np.inf)))
            attended.append(shares @ values[:, columns])
        hidden = hidden + np.hstack(attended) @ projection
        hidden = hidden + np.maximum(normal(hidden) @ expansion, 0) @ contraction
    return normal(hidden) @ model["tokens"].T


if __name__ == "__main__":
    unittest.main()
