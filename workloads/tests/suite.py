"""The workloads of the suite, as tests see them.

A test reads a workload's folder, imports its code afresh and asks it what a target would:

    workload = Workload("wordpiece")
    response = workload.respond(workload.request(index, batch))
"""

import hashlib
import importlib.util
import json
import struct
import tomllib
from pathlib import Path

FOLDER = Path(__file__).parents[1]
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/workload.toml"))


class Workload:
    """One workload folder, freshly imported."""

    def __init__(self, name):
        self.name = name
        self.assets = FOLDER / name / "assets"
        self.source = (FOLDER / name / "workload.py").read_text(encoding="utf-8")
        self.settings = tomllib.loads((FOLDER / name / "workload.toml").read_text(encoding="utf-8"))
        specification = importlib.util.spec_from_file_location("workload", FOLDER / name / "workload.py")
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
        if output["format"] == "json" and skeleton(json.loads(native)) != skeleton(json.loads(other)):
            return False
        pairs = zip(self.values(native), self.values(other), strict=True)
        return all(abs(n - o) <= absolute + relative * abs(n) for n, o in pairs)

    def values(self, response):
        """All numbers of a response, in order."""
        if self.settings["output"]["format"] == "json":
            return list(numbers(json.loads(response)))
        code = {"f32": "f", "f64": "d"}[self.settings["output"]["format"]]
        return [value for (value,) in struct.iter_unpack(f"<{code}", response)]

    def digest(self):
        """One hash over every response to every request."""
        total = hashlib.sha256()
        for batch in self.settings["batch_sizes"]:
            for request in self.requests(batch):
                total.update(hashlib.sha256(self.respond(request)).digest())
        return total.hexdigest()


def skeleton(value):
    """A JSON value with every number made zero."""
    if isinstance(value, dict):
        return {key: skeleton(item) for key, item in value.items()}
    if isinstance(value, list):
        return [skeleton(item) for item in value]
    return 0 if is_number(value) else value


def numbers(value):
    """The numbers of a JSON value."""
    if isinstance(value, dict):
        value = [value[key] for key in sorted(value)]
    if isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif is_number(value):
        yield value


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)
