/* The Python module `kernel`: kernel.c on lists of floats. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "kernel.c"

static const char CAPSULE[] = "kernel.model";

static PyObject *load(PyObject *module, PyObject *assets)
{
    (void)module;
    PyObject *path;
    if (!PyUnicode_FSConverter(assets, &path))
        return NULL;
    void *model = kernel_load(PyBytes_AS_STRING(path));
    Py_DECREF(path);
    if (!model)
        return PyErr_Format(PyExc_ValueError, "%S holds no weights of this network", assets);
    return PyCapsule_New(model, CAPSULE, NULL);
}

static bool read_image(PyObject *image, double pixels[PIXELS])
{
    if (!PyList_Check(image) || PyList_GET_SIZE(image) != PIXELS) {
        PyErr_SetString(PyExc_ValueError, "an image is a list of 64 values");
        return false;
    }
    for (Py_ssize_t i = 0; i < PIXELS; i++) {
        PyObject *value = PyList_GET_ITEM(image, i);
        /* Others would have to be asked for a float, and might change the list meanwhile. */
        if (!PyFloat_Check(value)) {
            PyErr_SetString(PyExc_TypeError, "the values of an image are floats");
            return false;
        }
        pixels[i] = PyFloat_AS_DOUBLE(value);
    }
    return true;
}

static PyObject *list_of(const double *values, Py_ssize_t count)
{
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list && i < count; i++) {
        PyObject *value = PyFloat_FromDouble(values[i]);
        if (value)
            PyList_SET_ITEM(list, i, value);
        else
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *infer(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *capsule, *images;
    if (!PyArg_ParseTuple(arguments, "OO!:infer", &capsule, &PyList_Type, &images))
        return NULL;
    const struct model *model = PyCapsule_GetPointer(capsule, CAPSULE);
    PyObject *rows = model ? PyList_New(PyList_GET_SIZE(images)) : NULL;
    for (Py_ssize_t i = 0; rows && i < PyList_GET_SIZE(rows); i++) {
        double pixels[PIXELS], probabilities[DIGITS];
        PyObject *row = NULL;
        if (read_image(PyList_GET_ITEM(images, i), pixels)) {
            classify(model, pixels, probabilities);
            row = list_of(probabilities, DIGITS);
        }
        if (row)
            PyList_SET_ITEM(rows, i, row);
        else
            Py_CLEAR(rows);
    }
    return rows;
}

static PyMethodDef FUNCTIONS[] = {
    {"load", load, METH_O, "load(assets): the weights of the network."},
    {"infer", infer, METH_VARARGS,
     "infer(model, images): one list of ten probabilities per image."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, .m_name = "kernel", .m_methods = FUNCTIONS};

PyMODINIT_FUNC PyInit_kernel(void)
{
    return PyModule_Create(&MODULE);
}
