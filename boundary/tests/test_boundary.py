"""Checks that lab workloads send what they say, in every encoding, and get it back."""

import importlib.util
import shutil
import struct
import tempfile
import tomllib
import unittest
from array import array
from pathlib import Path

FOLDER = Path(__file__).parents[1]
MANIFESTS = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.toml")}
# Not in Python itself, nor in what scripts/setup installs.
HERE = [name for name in sorted(MANIFESTS) if name != "msgpack"]
# The largest payloads take no other way than these.
LARGEST_TRIED_BYTES = 1 << 18


class Lab:
    """A lab workload, as a runner imports it."""

    def __init__(self, name):
        self.ladder = MANIFESTS[name]["boundary"]
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(FOLDER / "workload.py", folder)
            shutil.copy(FOLDER / f"{name}.toml", Path(folder) / "workload.toml")
            path = f"{folder}/workload.py"
            specification = importlib.util.spec_from_file_location("workload", path)
            self.module = importlib.util.module_from_spec(specification)
            specification.loader.exec_module(self.module)
        self.model = self.module.load(None)

    def crossings(self):
        """Direction, payload size, request and response of everything that is not too large."""
        for batch, payloads in enumerate(self.ladder["payload_bytes"], start=1):
            for place, size in enumerate(payloads):
                if size > LARGEST_TRIED_BYTES:
                    continue
                for which, direction in enumerate(self.ladder["directions"]):
                    index = place * len(self.ladder["directions"]) + which
                    request = self.module.make_request(index, batch)
                    yield direction, size, request, self.respond(request)

    def respond(self, request):
        module = self.module
        return module.encode(module.infer(self.model, module.decode(request)))


def values_of(name, encoded):
    """The doubles in a payload, by other means than the workload's own."""
    if name == "json":
        import json

        return json.loads(encoded)
    if name == "pickle":
        import pickle

        return list(pickle.loads(encoded))
    return list(array("d", encoded))


class Boundary(unittest.TestCase):
    def test_a_response_is_bytes_and_the_same_again(self):
        for name in HERE:
            lab = Lab(name)
            for direction, size, request, response in lab.crossings():
                with self.subTest(encoding=name, direction=direction, size=size):
                    self.assertIs(type(request), bytes)
                    self.assertIs(type(response), bytes)
                    self.assertEqual(response, lab.respond(request))

    def test_a_header_says_direction_and_number_of_values(self):
        for name in HERE:
            for direction, size, request, _ in Lab(name).crossings():
                with self.subTest(encoding=name, direction=direction, size=size):
                    code, count = struct.unpack_from("<II", request)
                    self.assertEqual(("in", "out", "both")[code], direction)
                    self.assertEqual(count * 8, size)

    def test_next_to_nothing_goes_the_other_way(self):
        for name in HERE:
            for direction, size, request, response in Lab(name).crossings():
                with self.subTest(encoding=name, direction=direction, size=size):
                    if direction == "out":
                        self.assertEqual(len(request), 8)
                    if direction == "in":
                        # One value: the last one, in whatever it is encoded.
                        self.assertLessEqual(len(response), 64)

    def test_raw_bytes_come_back_as_they_went(self):
        for direction, size, request, response in Lab("raw").crossings():
            with self.subTest(direction=direction, size=size):
                if direction == "both":
                    self.assertEqual((len(request), response), (size + 8, request))
                if direction == "in":
                    self.assertEqual(response, request[-8:])
                if direction == "out":
                    self.assertEqual(len(response), size)

    def test_items_come_back_in_order(self):
        lab = Lab("items")
        for _, size, request, response in lab.crossings():
            with self.subTest(items=size // 64):
                self.assertEqual(response, request[8:])
                self.assertEqual(len(lab.module.decode(request)), size // 64)

    def test_values_come_back_as_they_went(self):
        for name in HERE:
            if name in ("raw", "items"):
                continue
            for direction, size, request, response in Lab(name).crossings():
                with self.subTest(encoding=name, direction=direction, size=size):
                    if direction == "both":
                        self.assertEqual(response, request[8:])
                        self.assertEqual(len(values_of(name, response)), size // 8)
                    if direction == "in" and size:
                        sent, answered = values_of(name, request[8:]), values_of(name, response)
                        self.assertEqual(sent[-1:], answered)

    def test_every_encoding_carries_the_same_values(self):
        expected = None
        for name in HERE:
            if name in ("raw", "items"):
                continue
            made = [response for direction, size, _, response in Lab(name).crossings()
                    if (direction, size) == ("out", 1024)]
            values = values_of(name, made[0])
            expected = expected or values
            self.assertEqual(values, expected)
            self.assertEqual(len(set(values)), len(values))
            self.assertTrue(all(0 <= value < 1 for value in values))

    def test_a_view_shares_the_memory_of_its_request_and_a_copy_does_not(self):
        import numpy as np

        for name, is_shared in (("numpy-view", True), ("numpy-copy", False)):
            lab = Lab(name)
            request = lab.module.make_request(5, 1)  # 64 bytes, both ways
            _, values = lab.module.decode(request)
            shared = np.shares_memory(values, np.frombuffer(request, "u1"))
            self.assertEqual((shared, values.flags.owndata), (is_shared, not is_shared))


class Manifests(unittest.TestCase):
    def test_batch_sizes_number_the_lists_of_payloads(self):
        for name, manifest in MANIFESTS.items():
            with self.subTest(encoding=name):
                ladder = manifest["boundary"]
                self.assertEqual(ladder["encoding"], name)
                groups = len(ladder["payload_bytes"])
                self.assertEqual(manifest["batch_sizes"], list(range(1, groups + 1)))

    def test_payloads_rise_and_none_is_measured_beside_one_a_hundred_times_as_large(self):
        for name, manifest in MANIFESTS.items():
            groups = manifest["boundary"]["payload_bytes"]
            with self.subTest(encoding=name):
                every = sum(groups, [])
                self.assertEqual(every, sorted(set(every)))
                for group in groups:
                    smallest = min(size for size in group if size)
                    self.assertLess(max(group) / smallest, 100)


if __name__ == "__main__":
    unittest.main()
