"""Crosses the boundary with payloads of many sizes: the lab workload of every encoding.

The same file is every lab workload; `[boundary]` of the workload.toml beside it says
which encoding it is, in which directions payloads go, and how large they are.

A request is a header of eight bytes, the direction and how many values follow (or, for
the way out, are asked for), as little-endian unsigned 32-bit numbers; then the encoded
values. A payload of n bytes is n / 8 numbers of double precision, whatever their
encoding makes of them, so that encodings are compared at the same content. Raw payloads
are bytes that nobody looks at.

The way in is answered with the last eight bytes or the last value: too little to cost
anything, and enough to show that the payload has arrived. The way out comes from values
that are made before.

Where the values of `wit-` ways come from, or go to, is the host of a component, or another
component (boundary/component): with them it is the same.

Where the values of `js-` ways come from, or go to, is JavaScript around the guest, which
has the same ones ready (runners/kit/src/lab.js): their requests are a header, and every
response is the last value, as the side that values went to has read it.
"""

import tomllib

IN, OUT, BOTH = 0, 1, 2
DIRECTIONS = {"in": IN, "out": OUT, "both": BOTH}
HEADER_BYTES = VALUE_BYTES = 8

with open(__file__.rpartition("/")[0] + "/workload.toml", "rb") as _file:
    BOUNDARY = tomllib.load(_file)["boundary"]


def header(direction, count):
    return direction.to_bytes(4, "little") + count.to_bytes(4, "little")


def count_of(request):
    return int.from_bytes(request[4:HEADER_BYTES], "little")


def numbers(count):
    """Returns reproducible doubles from 0 up to 1, of all digits, as an array."""
    from array import array

    state, base = 42, array("d")
    for _ in range(min(count, 1024)):
        # Knuth's MMIX constants; the upper 53 bits are a double's.
        state = (6364136223846793005 * state + 1442695040888963407) % 2**64
        base.append((state >> 11) / 2**53)
    return (base * (count // 1024 + 1))[:count]


def pattern(size):
    return (bytes(range(256)) * (size // 256 + 1))[:size]


class Prepared(dict):
    """Values for the way out, by their number, made when they are first asked for."""

    def __init__(self, make):
        self.make = make

    def __missing__(self, count):
        made = self[count] = self.make(count)
        return made


class Raw:
    """Bytes that nobody looks at: what is left is the crossing itself."""

    @staticmethod
    def load(assets):
        return Prepared(lambda count: pattern(count * VALUE_BYTES))

    @staticmethod
    def decode(request):
        return request

    @staticmethod
    def infer(model, request):
        direction = request[0]
        if direction == BOTH:
            return request
        if direction == IN:
            return request[-VALUE_BYTES:]
        return model[count_of(request)]

    @staticmethod
    def encode(response):
        return response

    @staticmethod
    def payload(count):
        return pattern(count * VALUE_BYTES)


class Items(Raw):
    """Items of raw bytes, taken apart and put together one by one, as a batch is."""

    @staticmethod
    def decode(request):
        size = BOUNDARY["item_bytes"]
        return [request[at : at + size] for at in range(HEADER_BYTES, len(request), size)]

    @staticmethod
    def infer(model, items):
        return items

    @staticmethod
    def encode(items):
        return b"".join(items)


class Encoded:
    """Values in an encoding: `loads` takes a request, `dumps` gives bytes."""

    def __init__(self, loads, dumps, prepare=list):
        self.loads, self.dumps, self.prepare = loads, dumps, prepare

    def load(self, assets):
        return Prepared(lambda count: self.prepare(numbers(count)))

    def decode(self, request):
        direction = request[0]
        return direction, count_of(request) if direction == OUT else self.loads(request)

    def infer(self, model, x):
        direction, values = x
        if direction == BOTH:
            return values
        if direction == IN:
            return values[-1:]
        return model[values]

    def encode(self, values):
        return self.dumps(values)

    def payload(self, count):
        return self.dumps(self.prepare(numbers(count)))


def of_struct():
    from struct import pack, unpack_from

    return Encoded(
        lambda request: unpack_from(f"<{count_of(request)}d", request, HEADER_BYTES),
        lambda values: pack(f"<{len(values)}d", *values),
    )


def of_json():
    from json import dumps, loads

    return Encoded(
        lambda request: loads(request[HEADER_BYTES:]),
        lambda values: dumps(values).encode(),
    )


def of_pickle():
    from pickle import dumps, loads

    return Encoded(
        lambda request: loads(memoryview(request)[HEADER_BYTES:]),
        # A stated protocol: another Python's default may be another.
        lambda values: dumps(values, 5),
    )


def of_msgpack():
    from msgpack import packb, unpackb

    return Encoded(lambda request: unpackb(memoryview(request)[HEADER_BYTES:]), packb)


def of_array():
    from array import array

    def loads(request):
        values = array("d")
        values.frombytes(memoryview(request)[HEADER_BYTES:])
        return values

    return Encoded(loads, array.tobytes, prepare=lambda values: values)


def of_numpy(is_view):
    import numpy as np

    def view(request):
        return np.frombuffer(request, "<f8", count_of(request), HEADER_BYTES)

    return Encoded(
        view if is_view else lambda request: view(request).copy(),
        np.ndarray.tobytes,
        prepare=lambda values: np.array(values, "<f8"),
    )


class Across(Encoded):
    """Values that the other side has ready and Python fetches, or that Python hands over.

    `fetch` takes a number of values; `hand` takes values, and returns the last of them as
    the other side has read it, or None.
    """

    def __init__(self, fetch, hand, prepare, last):
        from struct import Struct

        super().__init__(lambda request: fetch(count_of(request)), None, prepare)
        self.hand, self.last, self.pack = hand, last, Struct("<d").pack

    def infer(self, model, x):
        direction, values = x
        return direction, model[values] if direction == OUT else values

    def encode(self, y):
        direction, values = y
        last = self.last(values) if direction == IN else self.hand(values)
        return b"" if last is None else self.pack(last)

    @staticmethod
    def payload(count):
        return b""


def last_of(values):
    return values[-1] if len(values) else None


def of_lab(platform, way, prepare, last=last_of):
    """Returns a way between Python and what is around it; natively, a copy within Python."""
    import sys

    # By platform: where the other end is missing, a copy is not to pass for the way.
    if sys.platform != platform:
        held = Prepared(lambda count: prepare(numbers(count)))
        return Across(lambda count: held[count][:], lambda values: last(values[:]), prepare, last)
    import wasmfit_lab

    return Across(*way(wasmfit_lab), prepare, last)


def of_js(way, prepare=list):
    return of_lab("emscripten", way, prepare)


def by_proxy(lab):
    hold = lab.holdArray
    return lambda count: list(hold(count)), lab.takeItems


def by_conversion(lab):
    from pyodide.ffi import to_js

    hold, take = lab.holdArray, lab.take
    return lambda count: hold(count).to_py(), lambda values: take(to_js(values))


def by_json(lab):
    from json import dumps, loads

    hold, take = lab.holdText, lab.takeText
    return lambda count: loads(hold(count)), lambda values: take(dumps(values))


def by_copy(lab):
    from pyodide.ffi import to_js

    hold, take = lab.holdBuffer, lab.take
    return lambda count: hold(count).to_memoryview(), lambda values: take(to_js(values))


def by_view(lab):
    from array import array

    # No Python looks into JavaScript's memory: the way in is a copy into memory that is there.
    there = Prepared(lambda count: array("d", bytes(count * VALUE_BYTES)))
    hold = lab.holdBuffer

    def fetch(count):
        values = there[count]
        hold(count).assign_to(values)
        return values

    return fetch, lab.takeView


ITEM_VALUES = 8


def of_wit_bytes():
    from struct import unpack

    def last(values):
        return unpack("<d", values[-VALUE_BYTES:])[0] if values else None

    return of_lab("wasi", lambda lab: (lab.hold_bytes, lab.take_bytes), lambda it: it.tobytes(), last)


def of_wit_floats():
    return of_lab("wasi", lambda lab: (lab.hold_floats, lab.take_floats), list)


def of_wit_items():
    """Returns the way of records: a number, and eight values of the list."""
    from collections import namedtuple

    # As records come from the other side, so they go there: by the names of their fields.
    Item = namedtuple("Item", ["number", "values"])

    def items(values):
        starts = range(0, len(values), ITEM_VALUES)
        return [Item(number, list(values[at : at + ITEM_VALUES])) for number, at in enumerate(starts)]

    def last(items):
        return last_of(items[-1].values) if items else None

    return of_lab("wasi", lambda lab: (lab.hold_items, lab.take_items), items, last)


ENCODINGS = {
    "raw": Raw,
    "items": Items,
    "struct": of_struct,
    "json": of_json,
    "pickle": of_pickle,
    "msgpack": of_msgpack,
    "array": of_array,
    "numpy-view": lambda: of_numpy(is_view=True),
    "numpy-copy": lambda: of_numpy(is_view=False),
    "js-proxy": lambda: of_js(by_proxy),
    "js-convert": lambda: of_js(by_conversion),
    "js-json": lambda: of_js(by_json),
    "js-copy": lambda: of_js(by_copy, prepare=lambda values: values),
    "js-view": lambda: of_js(by_view, prepare=lambda values: values),
    "wit-bytes": of_wit_bytes,
    "wit-floats": of_wit_floats,
    "wit-items": of_wit_items,
}

_encoding = ENCODINGS[BOUNDARY["encoding"]]()
load, decode, infer, encode = _encoding.load, _encoding.decode, _encoding.infer, _encoding.encode


def make_request(index, batch):
    """Returns a request with payload and direction by its index, sizes by the batch."""
    directions, payload_bytes = BOUNDARY["directions"], BOUNDARY["payload_bytes"][batch - 1]
    place, which = divmod(index, len(directions))
    direction = DIRECTIONS[directions[which]]
    count = payload_bytes[place % len(payload_bytes)] // VALUE_BYTES
    return header(direction, count) + (b"" if direction == OUT else _encoding.payload(count))
