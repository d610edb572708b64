"""Mixes of a loop, of translated bytes and of text whose true split is known: each is timed alone
too."""

import json
import struct

COUNTS = struct.Struct("<5I")  # loop, ufunc, matmul, translate, text
STEPS = 10
LOOP, TRANSLATE, TEXT = 4000, 4, 400  # of each in a tenth
BYTES = 100_000
TABLE = bytes(range(255, -1, -1))


def load(assets):
    return bytes(i * 7 & 255 for i in range(BYTES))


def mixes():
    for step in range(STEPS + 1):
        yield LOOP * (STEPS - step), TRANSLATE * step, 0
    for step in range(STEPS + 1):
        yield LOOP * (STEPS - step), 0, TEXT * step


def make_request(index):
    loop, translate, text = list(mixes())[index]
    floats = json.dumps([i / 7 for i in range(text)]).encode() if text else b""
    return COUNTS.pack(loop, 0, 0, translate, text) + floats


def decode(request):
    loop, _, _, translate, text = COUNTS.unpack_from(request)
    return loop, translate, json.loads(request[COUNTS.size:]) if text else None


def infer(data, x):
    loop, translate, floats = x
    total = 0
    for i in range(loop):
        total += i * 3 & 255
    first = 0
    for _ in range(translate):
        first = data.translate(TABLE)[0]
    return total, first, floats


def encode(y):
    total, first, floats = y
    counts = struct.pack("<QQ", total, first)
    return counts + json.dumps(floats).encode() if floats else counts
