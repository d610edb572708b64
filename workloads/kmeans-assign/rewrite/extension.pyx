# cython: language_level=3, boundscheck=False, wraparound=False
"""The nearest of 256 colours for every pixel: the functions of workload.py with typed loops."""

import numpy as np

from libc.math cimport INFINITY

cdef enum:
    CHANNELS = 3
    COLOURS = 256
    BLOCK = 64  # pixels that pass the palette together, for the compiler to make vectors of


def load(assets):
    """Returns -2 c, shape (256, 3), and |c|^2, shape (256,), of the colours c in float32."""
    palette = np.load(f"{assets}/palette.npy").astype(np.float32)
    if palette.shape != (COLOURS, CHANNELS):
        raise ValueError("a palette is of shape (256, 3)")
    return -2 * palette, (palette**2).sum(axis=1)


def infer(model, const float[:, ::1] pixels not None):
    """Returns the number of each pixel's colour; of equally near ones, the first."""
    if pixels.shape[1] != CHANNELS:
        raise ValueError("pixels are of shape (n, 3)")
    cdef const float[:, ::1] products = model[0]
    cdef const float[::1] squares = model[1]
    cdef Py_ssize_t start, used, i, count = pixels.shape[0]
    cdef float red[BLOCK]
    cdef float green[BLOCK]
    cdef float blue[BLOCK]
    cdef int nearest[BLOCK]
    result = np.empty(count, dtype=np.uint8)
    cdef unsigned char[::1] colours = result
    for start in range(0, count, BLOCK):
        used = min(BLOCK, count - start)
        for i in range(BLOCK):
            # The last pixel fills the last block up.
            red[i] = pixels[start + min(i, used - 1), 0]
            green[i] = pixels[start + min(i, used - 1), 1]
            blue[i] = pixels[start + min(i, used - 1), 2]
        assign(&products[0, 0], &squares[0], red, green, blue, nearest)
        for i in range(used):
            colours[start + i] = <unsigned char>nearest[i]
    return result


cdef void assign(const float *products, const float *squares, const float *red,
                 const float *green, const float *blue, int *nearest) noexcept nogil:
    cdef float distance
    cdef float smallest[BLOCK]
    cdef int number
    cdef Py_ssize_t i
    for i in range(BLOCK):
        smallest[i] = INFINITY
        nearest[i] = 0
    for number in range(COLOURS):
        for i in range(BLOCK):
            distance = (red[i] * products[3 * number] + green[i] * products[3 * number + 1]
                        + blue[i] * products[3 * number + 2] + squares[number])
            nearest[i] = number if distance < smallest[i] else nearest[i]
            smallest[i] = distance if distance < smallest[i] else smallest[i]
