/* The Python module `kernel`: kernel.c on numpy arrays. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "kernel.c"

static const char CAPSULE[] = "kernel.model";
static PyObject *numpy_empty;

static PyObject *load(PyObject *module, PyObject *assets)
{
    (void)module, (void)assets;
    return PyCapsule_New(kernel_load(NULL), CAPSULE, NULL);
}

static int is_images(const Py_buffer *view)
{
    return view->ndim == 4 && strcmp(view->format, "f") == 0 && view->shape[1] == CHANNELS
        && view->shape[2] == SIDE && view->shape[3] == SIDE;
}

static PyObject *normalised(const struct model *model, const Py_buffer *images)
{
    if (!is_images(images)) {
        PyErr_SetString(PyExc_ValueError, "images are float32 of shape (n, 3, 224, 224)");
        return NULL;
    }
    const Py_ssize_t count = images->shape[0];
    Py_buffer values;
    PyObject *result =
        PyObject_CallFunction(numpy_empty, "(niii)s", count, CHANNELS, SIDE, SIDE, "f4");
    if (!result || PyObject_GetBuffer(result, &values, PyBUF_WRITABLE) < 0) {
        Py_XDECREF(result);
        return NULL;
    }
    normalise(model, images->buf, (size_t)count, values.buf);
    PyBuffer_Release(&values);
    return result;
}

static PyObject *infer(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *capsule, *array;
    if (!PyArg_ParseTuple(arguments, "OO:infer", &capsule, &array))
        return NULL;
    const struct model *model = PyCapsule_GetPointer(capsule, CAPSULE);
    Py_buffer images;
    if (!model || PyObject_GetBuffer(array, &images, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0)
        return NULL;
    PyObject *result = normalised(model, &images);
    PyBuffer_Release(&images);
    return result;
}

static PyMethodDef FUNCTIONS[] = {
    {"load", load, METH_O, "load(assets): the model, which has no files."},
    {"infer", infer, METH_VARARGS, "infer(model, images): the normalised images, same shape."},
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
