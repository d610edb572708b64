"""The guest's side of a wasmfit job for MicroPython as a command: the orders of driver.py, as far as
measuring asks for them.

It is not driver.py, because of two things. What is collected as garbage in this build includes what
frames of more than some ten slots hold: those lie on the heap, and only a register points to them.
So garbage is collected here where no such frame is, between requests, all that lasts is global, and
functions are small: a frame that lies early on the heap and is freed with every request would also
have all larger pieces of memory looked for from there on. And a fresh interpreter compiles its
program: less of it is there sooner.
"""

import gc
import host
import sys
import uctypes

CONTRACT = ("load", "decode", "infer", "encode", "make_request")


class ContractError(Exception):
    pass


def call(message):
    """Has the host take a message, and makes room for its answer."""
    answer = bytearray(int(host.call("take", message)))
    if answer:
        put(uctypes.addressof(answer))
    return bytes(answer)


def put(address):
    host.call("put", address.to_bytes(4, "little"))


def mark():
    if is_marked:
        call(b"")


def serve(request):
    mark()
    x = workload.decode(request)
    request = None
    mark()
    y = workload.infer(model, x)
    x = None
    mark()
    response = workload.encode(y)
    y = None
    mark()
    if type(response) is not bytes:
        raise ContractError("encode returned " + type(response).__name__ + ", not bytes")
    return response


def collect():
    """Collects garbage, and plans to do so again when a quarter of what is free has been taken."""
    global left, planned
    before = gc.mem_free()
    gc.collect()
    free = gc.mem_free()
    each = (free - before) // planned + 1
    left = planned = max(1, free // (4 * each))


def import_workload(path):
    sys.path.insert(0, path.rpartition("/")[0])
    found = __import__("workload")
    missing = [name for name in CONTRACT if not callable(getattr(found, name, None))]
    if missing:
        raise ContractError("workload.py has no function " + ", ".join(missing))
    return found


def report(error):
    from io import StringIO

    printed = StringIO()
    sys.print_exception(error, printed)
    trace = printed.getvalue()
    # A frame names its function last: File "f.py", line 1, in name. What does not parse is in none.
    frames = [line for line in trace.split("\n") if line.startswith("  File ")]
    place = frames[-1].partition(", in ")[2] if frames else ""
    kind = "raised"
    summary = type(error).__name__ + ": " + str(error)
    if isinstance(error, ContractError):
        kind, summary = "contract", str(error)
    elif isinstance(error, MemoryError):
        kind = "memory"
    text = "\n".join([kind, "" if place == "<module>" else place, summary, trace])
    return token + text.encode()


def follow(order, rest):
    """Does what is ordered; returns whether to go on."""
    global token, workload, model, message, count, is_marked
    message = b""
    if order == b"plain" or order == b"phase":
        count, is_marked = int(rest), order == b"phase"
    elif order == b"import":
        token, _, rest = rest.partition(b" ")
        workload = import_workload(rest.decode())
    elif order == b"load":
        model = workload.load(rest.decode())
    elif order == b"versions":
        # It goes on behind a semicolon.
        message = ("python=" + sys.version.partition(";")[0].split()[0]).encode()
    else:
        return False
    return True


def advance(told):
    """Does what the host has told; returns whether to go on."""
    global message, count, left
    if not count:
        order = told.partition(b" ")
        return follow(order[0], order[2])
    message = serve(told)
    count -= 1
    left -= 1
    return True


def serve_for_a_while():
    """Serves until garbage is to be collected; returns whether to go on. Its frame is on the heap, as
    all are that catch something, and gone when garbage is collected."""
    try:
        while advance(call(message)):
            if left <= 0:
                return True
    except BaseException as error:
        call(report(error))
    return False


gc.disable()
# Soon, so that what a request leaves behind is known; not within a cold start.
left = planned = 2
count = 0
is_marked = False
token = message = b""
workload = model = None
while serve_for_a_while():
    collect()
