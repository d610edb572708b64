"""Mixes of a loop, of small ufuncs and of matrix products whose true split is known: each is timed
alone too."""

import struct

import numpy as np

COUNTS = struct.Struct("<5I")  # loop, ufunc, matmul, translate, text
STEPS = 10
LOOP, UFUNC, MATMUL = 4000, 500, 1  # of each in a tenth
SIZE = 192


def load(assets):
    # Small integers: their products are exact in float32, so outputs are the same everywhere.
    entries = np.arange(SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE)
    return entries % 3, entries % 5, np.empty((SIZE, SIZE), np.float32), np.ones(4, np.float32)


def mixes():
    for step in range(STEPS + 1):
        yield LOOP * (STEPS - step), 0, MATMUL * step
    for step in range(STEPS + 1):
        yield 0, UFUNC * (STEPS - step), MATMUL * step


def make_request(index):
    return COUNTS.pack(*list(mixes())[index], 0, 0)


def decode(request):
    return COUNTS.unpack(request)


def infer(model, x):
    left, right, product, small = model
    loop, ufunc, matmul, _, _ = x
    total = 0
    for i in range(loop):
        total += i * 3 & 255
    add = np.add
    for _ in range(ufunc):
        add(small, small)
    for _ in range(matmul):
        np.matmul(left, right, out=product)
    return total, product[0, 0] if matmul else 0.0


def encode(y):
    return struct.pack("<Qd", *y)
