/* The Python module `kernel`: kernel.c on numpy arrays. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "kernel.c"

static const char CAPSULE[] = "kernel.model";
static PyObject *numpy_empty;

static PyObject *load(PyObject *module, PyObject *assets)
{
    (void)module;
    PyObject *path;
    if (!PyUnicode_FSConverter(assets, &path))
        return NULL;
    void *model = kernel_load(PyBytes_AS_STRING(path));
    Py_DECREF(path);
    if (!model)
        return PyErr_Format(PyExc_ValueError, "%S holds no palette", assets);
    return PyCapsule_New(model, CAPSULE, NULL);
}

static PyObject *assigned(const struct model *model, const Py_buffer *pixels)
{
    if (pixels->ndim != 2 || pixels->shape[1] != CHANNELS || strcmp(pixels->format, "f") != 0) {
        PyErr_SetString(PyExc_ValueError, "pixels are float32 of shape (n, 3)");
        return NULL;
    }
    const Py_ssize_t count = pixels->shape[0];
    Py_buffer colours;
    PyObject *result = PyObject_CallFunction(numpy_empty, "ns", count, "u1");
    if (!result || PyObject_GetBuffer(result, &colours, PyBUF_WRITABLE) < 0) {
        Py_XDECREF(result);
        return NULL;
    }
    assign(model, pixels->buf, (size_t)count, colours.buf);
    PyBuffer_Release(&colours);
    return result;
}

static PyObject *infer(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *capsule, *array;
    if (!PyArg_ParseTuple(arguments, "OO:infer", &capsule, &array))
        return NULL;
    const struct model *model = PyCapsule_GetPointer(capsule, CAPSULE);
    Py_buffer pixels;
    if (!model || PyObject_GetBuffer(array, &pixels, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0)
        return NULL;
    PyObject *result = assigned(model, &pixels);
    PyBuffer_Release(&pixels);
    return result;
}

static PyMethodDef FUNCTIONS[] = {
    {"load", load, METH_O, "load(assets): the palette."},
    {"infer", infer, METH_VARARGS, "infer(model, pixels): the number of each pixel's colour, as uint8."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, .m_name = "kernel", .m_methods = FUNCTIONS};

PyMODINIT_FUNC PyInit_kernel(void)
{
    PyObject *numpy = PyImport_ImportModule("numpy");
    if (!numpy)
        return NULL;
    numpy_empty = PyObject_GetAttrString(numpy, "empty");
    Py_DECREF(numpy);
    return numpy_empty ? PyModule_Create(&MODULE) : NULL;
}
