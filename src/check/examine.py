"""Tries a workload's functions natively and notes what it does that its contract forbids.

    python examine.py FOLDER OUT REQUESTS BATCHES PACKAGES

BATCHES and PACKAGES are separated by commas; no batches mean that `make_request` takes none. OUT gets
`told.json`, a list of findings ([topic, text] each), and for every batch `N.requests` and
`N.responses`, frames behind their lengths as little-endian u64.
"""

import ast
import inspect
import json
import os
import sys
import traceback
from pathlib import Path

# What each function of the contract is called with.
CONTRACT = {
    "load": ("assets",),
    "decode": ("request",),
    "infer": ("model", "x"),
    "encode": ("y",),
    "make_request": ("index",),
}

CLOCKS = {
    *(f"time.{name}" for name in (
        "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns "
        "thread_time thread_time_ns localtime gmtime ctime asctime strftime sleep").split()),
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today",
    "datetime.date.today",
}
# Chance that no seed tames.
CHANCE = {"os.urandom", "os.getrandom", "uuid.uuid1", "uuid.uuid4", "random.SystemRandom"}
# Seeded by their first argument, and by the clock or the system without one.
SEEDED = {"random.Random", "random.seed", "numpy.random.default_rng", "numpy.random.RandomState",
          "numpy.random.seed", "numpy.random.PCG64", "numpy.random.SeedSequence"}
# Module-level functions draw from a generator that is seeded by these.
GLOBAL_SEEDS = {"random": "random.seed", "numpy.random": "numpy.random.seed"}
NETWORK = {"socket", "ssl", "http", "urllib.request", "ftplib", "smtplib", "requests", "urllib3",
           "httpx", "aiohttp"}

# What the interpreter's audit events tell of a running workload, and why a guest cannot have it.
FORBIDDEN_EVENTS = {
    "socket.connect": "opens a network connection",
    "socket.bind": "opens a network connection",
    "socket.getaddrinfo": "looks up a network address",
    "subprocess.Popen": "starts a process, which a guest cannot",
    "os.system": "starts a process, which a guest cannot",
    "os.fork": "starts a process, which a guest cannot",
    "os.posix_spawn": "starts a process, which a guest cannot",
    "_thread.start_new_thread": "starts a thread, which a guest cannot",
    "_thread.start_joinable_thread": "starts a thread, which a guest cannot",
}


class Fault(Exception):
    """What is wrong, as (topic, text)."""


def main(folder, out, requests, batches, packages):
    folder, out = Path(folder), Path(out)
    batches = [int(size) for size in batches.split(",") if size] or [None]
    findings = []
    try:
        source = (folder / "workload.py").read_bytes()
        tree = parse(source)
        findings += scan(tree, folder, [name for name in packages.split(",") if name])
        watch = Watch()
        workload = import_workload(folder, source, watch)
        check_signatures(workload, batches != [None])
        for number, batch in enumerate(batches):
            serve(workload, folder, int(requests), batch, out / str(number), watch)
        findings += [("code", f"{function} {what}") for function, what in watch.seen]
    except Fault as fault:
        findings.append(fault.args)
    (out / "told.json").write_text(json.dumps(findings), encoding="utf-8")


def parse(source):
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise Fault("contract", f"workload.py, line {line}: {error.args[0]}") from error


def scan(tree, folder, packages):
    """Finds the clocks, chance, network and unstated packages that the source names."""
    names = {}  # as the source says it -> as the library says it
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.split(".")[0]
                names[bound] = alias.name if alias.asname else bound
                yield from scan_import(node, alias.name, folder, packages)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            yield from scan_import(node, node.module, folder, packages)
    calls = [(node, resolve(node.func, names)) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    called = {name for _, name in calls}
    for node, name in calls:
        place = f"workload.py, line {node.lineno}: {name}"
        module, _, function = name.rpartition(".")
        if name in CLOCKS:
            yield "code", f"{place} reads a clock: a response has to depend on its request alone"
        elif name in CHANCE or module == "secrets":
            yield "code", f"{place} is chance without a seed: use random.Random(seed)"
        elif name in SEEDED:
            if not (node.args or node.keywords):
                yield "code", f"{place} without a seed differs from process to process: give it one"
        elif module in GLOBAL_SEEDS and function.islower() and GLOBAL_SEEDS[module] not in called:
            yield "code", f"{place} draws from a generator without a seed: use a generator of your own with one"


def scan_import(node, module, folder, packages):
    top = module.split(".")[0]
    if module in NETWORK or top in NETWORK - {"urllib"}:
        yield "code", f"workload.py, line {node.lineno}: imports {module}: a guest has no network"
    is_local = (folder / f"{top}.py").is_file() or (folder / top).is_dir()
    if top not in sys.stdlib_module_names and top not in packages and not is_local:
        yield "contract", (f"workload.py, line {node.lineno}: imports {top}, which packages in "
                           "workload.toml does not list")


def resolve(function, names):
    """The full dotted name of what is called; empty where it is no plain name."""
    parts = []
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    if not isinstance(function, ast.Name):
        return ""
    parts.append(names.get(function.id, ""))
    return ".".join(reversed(parts))


class Watch:
    """Notes what the interpreter does while one of the workload's functions runs."""

    def __init__(self):
        self.function = None
        self.seen = []
        sys.addaudithook(self.note)

    def note(self, event, arguments):
        if self.function is None:
            return
        what = FORBIDDEN_EVENTS.get(event)
        if event == "open" and is_writing(arguments):
            what = f"writes to {arguments[0]}, and a guest's folders are read-only"
        if what and (self.function, what) not in self.seen:
            self.seen.append((self.function, what))

    def call(self, name, function, *arguments):
        self.function = name
        try:
            return function(*arguments)
        except BaseException as error:
            raise Fault("contract", raised(error, name)) from error
        finally:
            self.function = None


def is_writing(arguments):
    path, mode, flags = arguments
    if isinstance(path, int) or path == os.devnull:
        return False
    if mode is not None:
        return any(letter in mode for letter in "wax+")
    return bool(flags & (os.O_WRONLY | os.O_RDWR))


def raised(error, function):
    """An exception in one line, with the last place in workload.py that it came through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if Path(frame.filename).name == "workload.py"]
    place = f"workload.py, line {frames[-1].lineno}, " if frames else ""
    summary = " ".join("".join(traceback.format_exception_only(error)).split())
    return f"{place}in {function}: {summary}"


def import_workload(folder, source, watch):
    path = folder / "workload.py"
    workload = type(sys)("workload")
    workload.__file__ = str(path)
    sys.path.insert(0, str(folder))
    sys.modules["workload"] = workload
    watch.call("import", lambda: exec(compile(source, path, "exec"), workload.__dict__))
    return workload


def check_signatures(workload, has_batches):
    for function, arguments in CONTRACT.items():
        if not callable(getattr(workload, function, None)):
            raise Fault("contract", f"workload.py has no function {function}({', '.join(arguments)})")
        if function == "make_request" and has_batches:
            arguments = (*arguments, "batch")
        try:
            inspect.signature(getattr(workload, function)).bind(*arguments)
        except TypeError as error:
            raise Fault("contract", f"{function} is to be called as {function}({', '.join(arguments)}): "
                                    f"{error}") from error


def serve(workload, folder, count, batch, out, watch):
    """Makes the requests of a batch size, answers them with two models, and writes both down."""
    extra = () if batch is None else (batch,)
    of_batch = "" if batch is None else f" of batch {batch}"
    requests = [watch.call("make_request", workload.make_request, index, *extra)
                for index in range(count)]
    for index, request in enumerate(requests):
        if type(request) is not bytes:
            raise Fault("requests", f"make_request({index}) returned {type(request).__name__}, not bytes")
    twin = next((index for index in range(1, count) if requests[index] in requests[:index]), None)
    if twin is not None:
        raise Fault("requests", f"request {twin}{of_batch} repeats request {requests.index(requests[twin])}: "
                                "state fewer requests, or make them differ")
    model, other = (watch.call("load", workload.load, str(folder / "assets")) for _ in range(2))
    responses = [answer(workload, model, request, watch) for request in requests]
    for index, request in enumerate(requests):
        if answer(workload, other, request, watch) != responses[index]:
            raise Fault("responses", f"request {index}{of_batch} is answered differently by a model that "
                                     "was loaded again: what differs between two loads?")
        if answer(workload, model, request, watch) != responses[index]:
            raise Fault("responses", f"request {index}{of_batch} is answered differently the second time: "
                                     "a request must not leave anything behind")
    write_frames(out.with_suffix(".requests"), requests)
    write_frames(out.with_suffix(".responses"), responses)


def answer(workload, model, request, watch):
    x = watch.call("decode", workload.decode, request)
    y = watch.call("infer", workload.infer, model, x)
    response = watch.call("encode", workload.encode, y)
    if type(response) is not bytes:
        raise Fault("contract", f"encode returned {type(response).__name__}, not bytes")
    return response


def write_frames(path, frames):
    with open(path, "wb") as file:
        for frame in frames:
            file.write(len(frame).to_bytes(8, "little") + frame)


if __name__ == "__main__":
    main(*sys.argv[1:])
