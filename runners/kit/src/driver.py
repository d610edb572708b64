"""The guest's side of a wasmfit job: the same file in every interpreter.

It pulls: each `call` hands the host a message and returns the host's answer.
An answer is an order, except within a burst, where it is a request.

    collect             have garbage collected all the while
    import TOKEN PATH   run the workload's code
    load PATH           load its model
    versions NAMES      tell the versions of interpreter and packages
    exercise            do what no request asks for and any run may: put a failure and numbers
                        of all sizes into words
    files               tell the files that modules were imported from
    remember            remember the state of the random generators
    freeze              get ready to be saved; `reseeded` when load left that state alone, `kept`
                        when it did not, else why memory alone does not hold the workload
    plain COUNT         serve COUNT requests
    phase COUNT         the same, with an empty message as a mark before
                        decode, infer, encode and the response
    timed COUNT         the same, with four times before each response: when
                        the request was there and decode, infer and encode
                        were done, as little-endian nanoseconds
    make COUNT BATCH    hand over COUNT requests, BATCH 0 meaning none
    stop                end

A message that begins with TOKEN is no response but the report of a failure:
kind, place, summary and traceback, separated by line feeds.
"""

import sys

CONTRACT = ("load", "decode", "infer", "encode", "make_request")


class ContractError(Exception):
    """The workload is not what a workload has to be."""


def plain(call, workload, model, count):
    decode, infer, encode = workload.decode, workload.infer, workload.encode
    response = b""
    for _ in range(count):
        request = call(response)
        # What a step leaves behind is dropped where it was made or used up,
        # here as in `phase`, so that both passes do the same work.
        x = decode(request)
        del request
        y = infer(model, x)
        del x
        response = encode(y)
        del y
        if type(response) is not bytes:
            raise ContractError(f"encode returned {type(response).__name__}, not bytes")
    return response


def phase(call, workload, model, count):
    decode, infer, encode = workload.decode, workload.infer, workload.encode
    response = b""
    for _ in range(count):
        request = call(response)
        call(b"")
        x = decode(request)
        del request
        call(b"")
        y = infer(model, x)
        del x
        call(b"")
        response = encode(y)
        del y
        call(b"")
        if type(response) is not bytes:
            raise ContractError(f"encode returned {type(response).__name__}, not bytes")
    return response


def timed(call, workload, model, count):
    from time import perf_counter_ns as now

    decode, infer, encode = workload.decode, workload.infer, workload.encode
    message = b""
    for _ in range(count):
        request = call(message)
        received = now()
        x = decode(request)
        del request
        decoded = now()
        y = infer(model, x)
        del x
        inferred = now()
        response = encode(y)
        del y
        encoded = now()
        if type(response) is not bytes:
            raise ContractError(f"encode returned {type(response).__name__}, not bytes")
        marks = (received, decoded, inferred, encoded)
        message = b"".join([mark.to_bytes(8, "little") for mark in marks] + [response])
    return message


def import_workload(path):
    folder = path.rpartition("/")[0]
    sys.path.insert(0, folder)
    if sys.implementation.name == "micropython":
        # It makes modules by importing alone.
        workload = __import__("workload")
    else:
        with open(path, "rb") as file:
            source = file.read()
        workload = type(sys)("workload")
        workload.__file__ = path
        sys.modules["workload"] = workload
        exec(compile(source, path, "exec"), workload.__dict__)
    missing = [name for name in CONTRACT if not callable(getattr(workload, name, None))]
    if missing:
        raise ContractError(f"workload.py has no function {', '.join(missing)}")
    return workload


def versions(names):
    # MicroPython's goes on behind a semicolon.
    lines = ["python=" + sys.version.partition(";")[0].split()[0]]
    for name in names:
        module = sys.modules.get(name) or __import__(name)
        lines.append(f"{name}={getattr(module, '__version__', 'unknown')}")
    return "\n".join(lines).encode()


def files():
    """The files behind all modules, a line each."""
    from importlib.machinery import PathFinder

    found = set()
    for name, module in list(sys.modules.items()):
        found.add(getattr(module, "__file__", None))
        if getattr(getattr(module, "__spec__", None), "name", name) != name:
            # As _pydecimal for decimal: the one that was asked for has put another in its place,
            # which may call itself the same.
            found.add(getattr(PathFinder.find_spec(name), "origin", None))
    return "\n".join(sorted(file for file in found if isinstance(file, str))).encode()


def random_generators():
    """The global generators that are there: how to read and to seed each."""
    known = (("random", "getstate"), ("numpy.random", "get_state"))
    modules = ((sys.modules.get(name), reader) for name, reader in known)
    return [(getattr(it, reader), it.seed) for it, reader in modules if it is not None]


def random_state():
    return [repr(read()) for read, _ in random_generators()]


def reseed():
    for _, seed in random_generators():
        seed()


def outside_of_memory():
    """What the workload holds that the host knows of; empty where memory is all."""
    import gc
    from io import FileIO
    from threading import enumerate as all_threads

    gc.collect()
    threads = [f"thread {thread.name} is running" for thread in all_threads()][1:]
    files = [it for it in gc.get_objects() if isinstance(it, FileIO) and not it.closed]
    return threads + [f"{it.name} is open" for it in files if it.fileno() > 2]


def collect():
    # What is alive when garbage is collected depends on all that was done before.
    import gc

    gc.set_threshold(1, 1, 1)


def exercise():
    """Does what no request asks for and any run may: a trimmed guest has it no other way."""
    try:
        raise ValueError("to be reported")
    except ValueError as error:
        report(error, b"")
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        # scipy.stats makes up examples of random numbers whenever it is imported, and now and
        # then one needs another notation.
        for numbers in ([0.5, 2.0], [1e-300, 1e300], [1, -1], [True], [1j], [numpy.nan]):
            repr(numpy.array(numbers))


def make(call, workload, count, batch):
    request = b""
    for index in range(count):
        if index:
            call(request)
        request = workload.make_request(index, batch) if batch else workload.make_request(index)
        if type(request) is not bytes:
            raise ContractError(f"make_request returned {type(request).__name__}, not bytes")
    return request


def drop_locals(frames):
    while frames is not None:
        try:
            frames.tb_frame.clear()
        except (AttributeError, RuntimeError):
            pass  # there is no such thing in Brython; still running: the driver's own
        frames = frames.tb_next


def report(error, token):
    # What a workload has filled memory with, before anything needs some. MicroPython's errors keep
    # no frames.
    drop_locals(getattr(error, "__traceback__", None))
    if isinstance(error, ContractError):
        kind = "contract"
    elif isinstance(error, MemoryError):
        kind = "memory"
    else:
        kind = "raised"
    own_words = {"micropython": in_micropythons_words, "brython": in_brythons_words}
    in_words = own_words.get(sys.implementation.name.lower(), in_cpythons_words)
    place, summary, trace = in_words(error)
    if isinstance(error, ContractError):
        summary = str(error)
    text = "\n".join([kind, "" if place == "<module>" else place, summary, trace])
    return token + text.encode("utf-8", "backslashreplace")


def in_cpythons_words(error):
    """Where it was raised, by which function; what it is; the traceback."""
    import traceback

    # The driver's own frames say nothing to the workload's author.
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__") != "workload":
        frames = frames.tb_next
    place = frames.tb_frame.f_code.co_name if frames is not None else ""
    summary = "".join(traceback.format_exception_only(error)).strip().replace("\n", " ")
    return place, summary, "".join(traceback.format_exception(type(error), error, frames))


def in_micropythons_words(error):
    """The same where tracebacks can only be printed."""
    from io import StringIO

    printed = StringIO()
    sys.print_exception(error, printed)
    trace = printed.getvalue()
    # A frame names its function last: File "f.py", line 1, in name. What does not parse is in none.
    frames = [line for line in trace.split("\n") if line.startswith("  File ")]
    place = frames[-1].partition(", in ")[2] if frames else ""
    return place, f"{type(error).__name__}: {error}", trace


def in_brythons_words(error):
    """The same where formatting a traceback fails (3.14.3)."""
    lines, place = [], ""
    frames = error.__traceback__
    while frames is not None:
        code = frames.tb_frame.f_code
        place = code.co_name
        lines.append(f'  File "{code.co_filename}", line {frames.tb_lineno}, in {place}')
        frames = frames.tb_next
    summary = f"{type(error).__name__}: {error}"
    return place, summary, "\n".join(lines + [summary, ""])


def serve(call, workload=None, model=None):
    """Serves until it is told to stop; returns what `resume` goes on with.

    With a workload it has been saved with both: to import and to load them again is nothing to do.
    """
    token = b""
    is_saved = workload is not None
    before = None
    reseeds = False
    message = b""
    try:
        while True:
            order, _, rest = call(message).partition(b" ")
            message = b""
            if order == b"plain":
                message = plain(call, workload, model, int(rest))
            elif order == b"phase":
                message = phase(call, workload, model, int(rest))
            elif order == b"timed":
                message = timed(call, workload, model, int(rest))
            elif order == b"import":
                token, _, path = rest.partition(b" ")
                if not is_saved:
                    workload = import_workload(path.decode())
            elif order == b"load":
                if not is_saved:
                    model = workload.load(rest.decode())
            elif order == b"collect":
                collect()
            elif order == b"exercise":
                exercise()
            elif order == b"files":
                message = files()
            elif order == b"remember":
                before = random_state()
            elif order == b"freeze":
                reseeds = random_state() == before
                if reseeds:
                    # Now too: what is not reached here will be missing from a trimmed guest.
                    reseed()
                held = ", ".join(outside_of_memory()).encode()
                message = held or (b"reseeded" if reseeds else b"kept")
            elif order == b"versions":
                # Of no words Brython makes a fault.
                message = versions(rest.decode().split() if rest else [])
            elif order == b"make":
                count, _, batch = rest.partition(b" ")
                message = make(call, workload, int(count), int(batch))
            else:
                break
    except BaseException as error:
        # Also SystemExit: a workload that ends the interpreter has failed.
        call(report(error, token))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return call, workload, model, reseeds


def resume(served):
    """Serves in an interpreter that was saved."""
    call, workload, model, reseeds = served
    if reseeds:
        reseed()
    serve(call, workload, model)
