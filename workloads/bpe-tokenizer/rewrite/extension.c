/* The Python module `kernel`: kernel.c on Python's text and lists. */
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
        return PyErr_Format(PyExc_ValueError, "%S holds no table of merges", assets);
    return PyCapsule_New(model, CAPSULE, NULL);
}

static PyObject *list_of(const uint32_t *ids, size_t count)
{
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *id = PyLong_FromUnsignedLong(ids[i]);
        if (id)
            PyList_SET_ITEM(list, (Py_ssize_t)i, id);
        else
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *infer(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *capsule, *text;
    if (!PyArg_ParseTuple(arguments, "OU:infer", &capsule, &text))
        return NULL;
    const struct model *model = PyCapsule_GetPointer(capsule, CAPSULE);
    Py_ssize_t size;
    const char *utf8 = model ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;
    if (!utf8)
        return NULL;
    uint32_t *ids = PyMem_New(uint32_t, size), *merged = PyMem_New(uint32_t, size);
    PyObject *result = NULL;
    if (ids && merged)
        result = list_of(ids, tokenize(model, (struct text){(const uint8_t *)utf8, (size_t)size},
                                       ids, merged));
    else
        PyErr_NoMemory();
    PyMem_Free(ids);
    PyMem_Free(merged);
    return result;
}

static PyMethodDef FUNCTIONS[] = {
    {"load", load, METH_O, "load(assets): the table of merges."},
    {"infer", infer, METH_VARARGS, "infer(model, text): the token ids."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, .m_name = "kernel", .m_methods = FUNCTIONS};

PyMODINIT_FUNC PyInit_kernel(void)
{
    return PyModule_Create(&MODULE);
}
