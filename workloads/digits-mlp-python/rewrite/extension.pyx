# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A perceptron reads 8x8 digits: the functions of workload.py with typed loops."""

from array import array

from libc.math cimport exp

cdef enum:
    PIXELS = 64
    UNITS = 128
    DIGITS = 10


def load(assets):
    """Returns the two layers, each as (weights, biases)."""
    return _load_layer(assets, "hidden", UNITS, PIXELS), _load_layer(assets, "output", DIGITS, UNITS)


def infer(model, list images not None):
    """Returns one list of ten probabilities per image."""
    hidden, output = model
    cdef const double[:, ::1] hidden_weights = hidden[0], output_weights = output[0]
    cdef const double[::1] hidden_biases = hidden[1], output_biases = output[1]
    cdef double pixels[PIXELS]
    cdef double units[UNITS]
    cdef double digits[DIGITS]
    cdef Py_ssize_t i
    cdef list image, rows = []
    for image in images:
        if image is None or len(image) != PIXELS:
            raise ValueError("an image is a list of 64 values")
        for i in range(PIXELS):
            pixels[i] = image[i]
        dense(hidden_weights, hidden_biases, pixels, units)
        for i in range(UNITS):
            units[i] = units[i] if units[i] > 0 else 0
        dense(output_weights, output_biases, units, digits)
        softmax(digits)
        rows.append([digits[i] for i in range(DIGITS)])
    return rows


def _load_layer(assets, name, units, inputs):
    weights = _load_floats(f"{assets}/{name}_weights.f32", units * inputs)
    # The file has one row per unit. Input after input, the sums of neighbouring units are vectors.
    turned = array("d", (weights[unit * inputs + i] for i in range(inputs) for unit in range(units)))
    return (memoryview(turned).cast("B").cast("d", (inputs, units)),
            _load_floats(f"{assets}/{name}_biases.f32", units))


def _load_floats(path, count):
    values = array("f")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    if len(values) != count:
        raise ValueError(f"{path} holds {len(values)} values, not {count}")
    return array("d", values)


cdef void dense(const double[:, ::1] weights, const double[::1] biases, const double *inputs,
                double *sums) noexcept nogil:
    cdef Py_ssize_t i, unit, units = weights.shape[1]
    cdef const double *row
    for unit in range(units):
        sums[unit] = 0
    for i in range(weights.shape[0]):
        row = &weights[i, 0]
        for unit in range(units):
            sums[unit] += row[unit] * inputs[i]
    for unit in range(units):
        sums[unit] += biases[unit]


cdef void softmax(double *values) noexcept nogil:
    # The largest is taken off first, so that exp cannot overflow.
    cdef double largest = values[0], total = 0
    cdef Py_ssize_t i
    for i in range(1, DIGITS):
        largest = max(largest, values[i])
    for i in range(DIGITS):
        values[i] = exp(values[i] - largest)
        total += values[i]
    for i in range(DIGITS):
        values[i] /= total
