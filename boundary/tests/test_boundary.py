"""Checks that lab workloads send what they say, in every encoding, and get it back."""

import importlib.util
import json
import pickle
import shutil
import struct
import sys
import tempfile
import tomllib
import types
import unittest
import unittest.mock
from array import array
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).parents[1]
MANIFESTS = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.toml")}
# Not in Python itself, nor in what scripts/setup installs.
HERE = [name for name in sorted(MANIFESTS) if name != "msgpack"]
# Between Python and what is around it, of which there is nothing here: both sides are Python.
JAVASCRIPT = [name for name in HERE if name.startswith("js-")]
COMPONENT = [name for name in HERE if name.startswith("wit-")]
ACROSS = [*JAVASCRIPT, *COMPONENT]
# Requests and responses of these hold the values.
ENCODED = [name for name in HERE if name not in ("raw", "items", *ACROSS)]
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
        return json.loads(encoded)
    if name == "pickle":
        return list(pickle.loads(encoded))
    return list(array("d", encoded))


class Held(list):
    """Values of JavaScript's, with what Pyodide's proxies of them offer."""

    def to_py(self):
        return list(self)

    def to_memoryview(self):
        return memoryview(array("d", self))

    def assign_to(self, values):
        memoryview(values)[:] = self.to_memoryview()


class JavaScript:
    """Stands in for runners/kit/src/lab.js: values of its own, told from Python's."""

    def __init__(self):
        def take(values):
            self.taken = values
            return values[-1] if len(values) else None

        def hold(count):
            return Held(VALUES[:count])

        self.taken = None
        self.lab, self.ffi = types.ModuleType("wasmfit_lab"), types.ModuleType("pyodide.ffi")
        self.lab.holdArray = self.lab.holdBuffer = hold
        self.lab.holdText = lambda count: json.dumps(hold(count))
        self.lab.take = self.lab.takeItems = self.lab.takeView = take
        self.lab.takeText = lambda text: take(json.loads(text))
        self.ffi.to_js = lambda values: values

    @contextmanager
    def there(self):
        parent = types.ModuleType("pyodide")
        found = {"wasmfit_lab": self.lab, "pyodide": parent, "pyodide.ffi": self.ffi}
        with (
            unittest.mock.patch.dict(sys.modules, found),
            unittest.mock.patch.object(sys, "platform", "emscripten"),
        ):
            yield


class Host:
    """Stands in for the other end of a component's lab, as componentize-py has Python see it."""

    def __init__(self):
        def take(last):
            def taking(values):
                self.taken = values
                return last(values) if values else None
            return taking

        self.taken = None
        self.lab = types.ModuleType("wasmfit_lab")
        self.lab.hold_bytes = lambda count: struct.pack(f"<{count}d", *VALUES[:count])
        self.lab.hold_floats = lambda count: VALUES[:count]
        self.lab.hold_items = lambda count: [
            types.SimpleNamespace(number=0, values=VALUES[:count])][:count]
        self.lab.take_bytes = take(lambda values: struct.unpack("<d", values[-8:])[0])
        self.lab.take_floats = take(lambda values: values[-1])
        self.lab.take_items = take(lambda items: items[-1].values[-1])

    @contextmanager
    def there(self):
        with (
            unittest.mock.patch.dict(sys.modules, {"wasmfit_lab": self.lab}),
            unittest.mock.patch.object(sys, "platform", "wasi"),
        ):
            yield


# Of the other side; none that Python has itself.
VALUES = [1.5, 2.5, 3.5]


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
        for name in ENCODED:
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
        for name in ENCODED:
            made = [response for direction, size, _, response in Lab(name).crossings()
                    if (direction, size) == ("out", 1024)]
            values = values_of(name, made[0])
            expected = expected or values
            self.assertEqual(values, expected)
            self.assertEqual(len(set(values)), len(values))
            self.assertTrue(all(0 <= value < 1 for value in values))

    def test_across_a_request_is_its_header_and_the_last_value_comes_back(self):
        out = {size: response for direction, size, _, response in Lab("array").crossings()
               if direction == "out"}
        for name in ACROSS:
            for direction, size, request, response in Lab(name).crossings():
                with self.subTest(encoding=name, direction=direction, size=size):
                    self.assertEqual(len(request), 8)
                    self.assertEqual(response, out[size][-8:])

    def test_across_javascript_each_way_hands_over_what_its_own_side_has(self):
        for name in JAVASCRIPT:
            with self.subTest(encoding=name):
                javascript = JavaScript()
                with javascript.there():
                    lab = Lab(name)
                for direction in (lab.module.IN, lab.module.OUT, lab.module.BOTH):
                    javascript.taken = None
                    request = lab.module.header(direction, 3)
                    response = lab.respond(request)
                    if direction == lab.module.IN:
                        self.assertIsNone(javascript.taken)
                        self.assertEqual(response, struct.pack("<d", 3.5))
                    else:
                        self.assertEqual(len(javascript.taken), 3)
                        # Not what JavaScript handed out, where Python has its own.
                        self.assertEqual(response, struct.pack("<d", javascript.taken[-1]))
                        self.assertEqual(javascript.taken[-1] == 3.5, direction == lab.module.BOTH)
                    empty = lab.respond(lab.module.header(direction, 0))
                    self.assertEqual(empty, b"")

    def test_a_component_hands_over_what_its_host_has_and_the_other_way_round(self):
        for name in COMPONENT:
            with self.subTest(encoding=name):
                host = Host()
                with host.there():
                    lab = Lab(name)
                for direction in (lab.module.IN, lab.module.OUT, lab.module.BOTH):
                    host.taken = None
                    (last,) = struct.unpack("<d", lab.respond(lab.module.header(direction, 3)))
                    # What Python has itself is below 1.
                    self.assertEqual(last == 3.5, direction != lab.module.OUT)
                    self.assertEqual(host.taken is None, direction == lab.module.IN)
                    self.assertEqual(lab.respond(lab.module.header(direction, 0)), b"")

    def test_without_the_other_end_there_is_no_way_to_it(self):
        for platform, names in (("emscripten", JAVASCRIPT), ("wasi", COMPONENT)):
            with unittest.mock.patch.object(sys, "platform", platform):
                for name in names:
                    with self.subTest(encoding=name), self.assertRaises(ImportError):
                        Lab(name)

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
