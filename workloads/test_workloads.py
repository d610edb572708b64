"""Checks every workload against its contract, its workload.toml and an independent answer.

    python -B -m unittest discover -s workloads -t workloads -v

Needs CPython 3.12 or newer and numpy.
"""

import ast
import functools
import hashlib
import importlib.util
import inspect
import json
import math
import os
import struct
import subprocess
import sys
import tomllib
import unittest
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
KEYS = {
    "title": str,
    "stands_for": str,
    "data": str,
    "packages": list,
    "guests": list,
    "dominant": str,
    "requests": int,
    "batch_sizes": list,
    "output": dict,
    "accuracy": dict,
}
CONTRACT = {"load": 1, "decode": 1, "infer": 2, "encode": 1}
# A request must not depend on any of these: the modules behind clocks, chance and the network.
FORBIDDEN_IMPORTS = {"time", "datetime", "random", "secrets", "uuid", "socket", "ssl", "urllib", "http"}
HELD_OUT_DIGITS = 360


class Workload:
    """One workload folder, freshly imported."""

    def __init__(self, name):
        self.name = name
        self.assets = HERE / name / "assets"
        self.source = (HERE / name / "workload.py").read_text(encoding="utf-8")
        self.settings = tomllib.loads((HERE / name / "workload.toml").read_text(encoding="utf-8"))
        specification = importlib.util.spec_from_file_location("workload", HERE / name / "workload.py")
        self.module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(self.module)
        self.model = self.module.load(str(self.assets))

    def request(self, index, batch):
        batched = self.settings["batch_sizes"] != [1]
        return self.module.make_request(index, batch) if batched else self.module.make_request(index)

    def requests(self, batch=None):
        batch = batch or self.settings["batch_sizes"][0]
        return [self.request(index, batch) for index in range(self.settings["requests"])]

    def respond(self, request):
        module = self.module
        return module.encode(module.infer(self.model, module.decode(request)))

    def agrees(self, native, other):
        """Whether a response is the native one, within the stated tolerance."""
        output = self.settings["output"]
        if output["format"] == "bytes":
            return native == other
        absolute, relative = output["absolute_tolerance"], output["relative_tolerance"]
        pairs = zip(self.values(native), self.values(other), strict=True)
        return all(abs(n - o) <= absolute + relative * abs(n) for n, o in pairs)

    def values(self, response):
        code = {"f32": "f", "f64": "d"}[self.settings["output"]["format"]]
        return [value for (value,) in struct.iter_unpack(f"<{code}", response)]

    def digest(self):
        """One hash over every response to every request."""
        total = hashlib.sha256()
        for batch in self.settings["batch_sizes"]:
            for request in self.requests(batch):
                total.update(hashlib.sha256(self.respond(request)).digest())
        return total.hexdigest()


NAMES = sorted(path.parent.name for path in HERE.glob("*/workload.toml"))


def for_each_workload(test):
    """Runs a test once per workload, so that one failure does not hide the next."""

    @functools.wraps(test)
    def run(self):
        for name in NAMES:
            with self.subTest(workload=name):
                test(self, Workload(name))

    return run


class EveryWorkload(unittest.TestCase):
    def test_the_four_workloads_are_found(self):
        expected = {"digits-mlp-numpy", "digits-mlp-python", "tensor-stream", "wordpiece"}
        self.assertLessEqual(expected, set(NAMES))

    @for_each_workload
    def test_workload_toml_has_every_key(self, workload):
        settings = workload.settings
        self.assertEqual(set(settings), set(KEYS))
        for key, kind in KEYS.items():
            self.assertIs(type(settings[key]), kind, key)
        self.assertIn(settings["dominant"], {"interpreter", "compute", "marshalling"})
        self.assertIn("cpython-3.15", settings["guests"])
        self.assertEqual("cpython-3.12" in settings["guests"], not settings["packages"])
        self.assertEqual(set(settings["accuracy"]), {"metric", "value"})
        exact = settings["output"]["format"] == "bytes"
        tolerances = set() if exact else {"absolute_tolerance", "relative_tolerance"}
        self.assertEqual(set(settings["output"]), {"format"} | tolerances)

    @for_each_workload
    def test_functions_follow_the_contract(self, workload):
        batched = workload.settings["batch_sizes"] != [1]
        for function, arguments in (CONTRACT | {"make_request": 1 + batched}).items():
            signature = inspect.signature(getattr(workload.module, function))
            self.assertEqual(len(signature.parameters), arguments, function)

    @for_each_workload
    def test_imports_are_the_stated_packages_and_the_standard_library(self, workload):
        imported = set()
        for node in ast.walk(ast.parse(workload.source)):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.split(".")[0])
        self.assertEqual(imported - sys.stdlib_module_names, set(workload.settings["packages"]))
        self.assertEqual(imported & FORBIDDEN_IMPORTS, set())

    @for_each_workload
    def test_requests_are_distinct_and_deterministic(self, workload):
        for batch in workload.settings["batch_sizes"]:
            requests = workload.requests(batch)
            self.assertEqual({type(request) for request in requests}, {bytes})
            self.assertEqual(len(set(requests)), workload.settings["requests"])
            self.assertEqual(requests, Workload(workload.name).requests(batch))

    @for_each_workload
    def test_two_loads_give_the_same_responses(self, workload):
        self.assertEqual(workload.digest(), Workload(workload.name).digest())

    @for_each_workload
    def test_two_processes_give_the_same_responses(self, workload):
        code = f"from test_workloads import Workload; print(Workload({workload.name!r}).digest())"
        digests = {
            subprocess.run(
                [sys.executable, "-B", "-c", code],
                cwd=HERE,
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                check=True,
                text=True,
            ).stdout
            for seed in ("1", "2")
        }
        self.assertEqual(len(digests), 1)

    @for_each_workload
    def test_responses_have_the_stated_format(self, workload):
        for request in workload.requests():
            response = workload.respond(request)
            self.assertIs(type(response), bytes)
            self.assertGreater(len(response), 0)
            if workload.settings["output"]["format"] != "bytes":
                self.assertTrue(all(map(math.isfinite, workload.values(response))))

    @for_each_workload
    def test_a_neighbours_response_fails_the_tolerance(self, workload):
        responses = [workload.respond(request) for request in workload.requests()]
        for native, other in zip(responses, responses[1:]):
            self.assertTrue(workload.agrees(native, native))
            if len(native) == len(other):
                self.assertFalse(workload.agrees(native, other))


class Digits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.python = Workload("digits-mlp-python")
        cls.numpy = Workload("digits-mlp-numpy")
        # All held-out images as one request: decode takes any batch.
        cls.request = b"".join(cls.python.module.make_request(i) for i in range(HELD_OUT_DIGITS))
        cls.labels = np.fromfile(cls.python.assets / "held_out_labels.u8", dtype=np.uint8)

    def probabilities(self, workload, request=None):
        values = workload.values(workload.respond(request or self.request))
        return np.array(values).reshape(-1, 10)

    def test_both_have_the_same_held_out_images_weights_and_labels(self):
        for name in "held_out_images.u8", "held_out_labels.u8":
            contents = {(workload.assets / name).read_bytes() for workload in (self.python, self.numpy)}
            self.assertEqual(len(contents), 1)
        for layer in "hidden", "output":
            for name in f"{layer}_weights", f"{layer}_biases":
                raw = (self.python.assets / f"{name}.f32").read_bytes()
                array = np.load(self.numpy.assets / f"{name}.npy")
                self.assertEqual(array.dtype, np.dtype("<f4"))
                self.assertEqual(raw, array.tobytes())

    def test_plain_python_weights_are_the_float32_values(self):
        hidden, output = self.python.model
        for loaded, array in zip([*hidden, *output], self.numpy.model, strict=True):
            np.testing.assert_array_equal(np.array(loaded), array.astype(np.float64))

    def test_one_image_at_a_time_gives_what_all_together_give(self):
        rows = [self.python.respond(self.python.module.make_request(i)) for i in range(32)]
        self.assertEqual(b"".join(rows), self.python.respond(self.request[: 32 * 64]))

    def test_accuracy_is_the_stated_one(self):
        for workload in self.python, self.numpy:
            answers = self.probabilities(workload).argmax(axis=1)
            accuracy = float((answers == self.labels).mean())
            self.assertEqual(len(answers), HELD_OUT_DIGITS)
            self.assertEqual(round(accuracy, 4), workload.settings["accuracy"]["value"])

    def test_both_give_the_same_digits_and_probabilities(self):
        exact, single = self.probabilities(self.python), self.probabilities(self.numpy)
        np.testing.assert_array_equal(exact.argmax(axis=1), single.argmax(axis=1))
        tolerance = self.numpy.settings["output"]["absolute_tolerance"]
        np.testing.assert_allclose(single, exact, rtol=0, atol=tolerance)
        np.testing.assert_allclose(exact.sum(axis=1), 1, rtol=0, atol=1e-12)

    def test_another_summation_order_passes_the_tolerance(self):
        whole = self.numpy.respond(self.request)
        images = [self.request[start : start + 64] for start in range(0, len(self.request), 64)]
        self.assertTrue(self.numpy.agrees(whole, b"".join(map(self.numpy.respond, images))))

        correctly_rounded = Workload("digits-mlp-python")
        correctly_rounded.module.sum = math.fsum
        native = self.python.respond(self.request)
        self.assertTrue(self.python.agrees(native, correctly_rounded.respond(self.request)))

    def test_weights_of_half_precision_fail_the_tolerance(self):
        rounded = Workload("digits-mlp-numpy")
        rounded.model = [array.astype(np.float16).astype(np.float32) for array in rounded.model]
        native, other = self.numpy.respond(self.request), rounded.respond(self.request)
        self.assertFalse(self.numpy.agrees(native, other))

    def test_one_weight_off_by_its_last_digit_fails_the_tolerance(self):
        changed = Workload("digits-mlp-python")
        rows, _ = changed.model[1]
        rows[0][0] = float(np.nextafter(np.float32(rows[0][0]), np.float32(9)))
        native, other = self.python.respond(self.request), changed.respond(self.request)
        self.assertFalse(self.python.agrees(native, other))


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


class TensorStream(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = Workload("tensor-stream")

    def tensor(self, content):
        return np.frombuffer(content, dtype="<f4").reshape(3, 224, 224).astype(np.float64)

    def test_responses_match_the_formula_in_float64(self):
        mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        close, total = 0, 0
        for request in self.workload.requests():
            given, got = self.tensor(request), self.tensor(self.workload.respond(request))
            for channel in range(3):
                expected = (given[channel] - mean[channel]) / deviation[channel]
                close += int((abs(got[channel] - expected) <= 1e-6).sum())
                total += expected.size
        self.assertEqual(close / total, self.workload.settings["accuracy"]["value"])

    def test_requests_are_photographs_of_unit_range(self):
        for request in self.workload.requests():
            tensor = self.tensor(request)
            self.assertTrue(0 <= tensor.min() < 0.1 and 0.9 < tensor.max() <= 1)
            self.assertGreater(len(np.unique(tensor)), 200)

    def test_any_batch_is_taken(self):
        requests = self.workload.requests()[:3]
        together = self.workload.respond(b"".join(requests))
        self.assertEqual(together, b"".join(map(self.workload.respond, requests)))

    def test_a_rounded_mean_fails_the_tolerance(self):
        rounded = Workload("tensor-stream")
        rounded.module.MEAN = 0.49, 0.46, 0.41
        rounded.model = rounded.module.load(str(rounded.assets))
        request = self.workload.request(0, 1)
        native, other = self.workload.respond(request), rounded.respond(request)
        self.assertFalse(self.workload.agrees(native, other))


if __name__ == "__main__":
    unittest.main()
