"""Checks every workload against its contract and its workload.toml."""

import ast
import functools
import inspect
import math
import os
import subprocess
import sys
import unittest
from pathlib import Path

from suite import NAMES, Workload

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
        code = f"from suite import Workload; print(Workload({workload.name!r}).digest())"
        digests = {
            subprocess.run(
                [sys.executable, "-B", "-c", code],
                cwd=Path(__file__).parent,
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

if __name__ == "__main__":
    unittest.main()
