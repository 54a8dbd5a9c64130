/* Calls of an instance that go to the function in a field of it, and need neither a tuple nor a dict (PEP 590). */
#ifndef FASTLRELU_VECTORCALL_H
#define FASTLRELU_VECTORCALL_H

#include <Python.h>

static inline void fl_set_vectorcall(PyTypeObject *type, Py_ssize_t offset) {
    type->tp_vectorcall_offset = offset;
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    PyType_Modified(type);
}

static inline PyObject *fl_call_by_slot(PyObject *callable, PyObject *args, PyObject *keywords) {
    return Py_TYPE(callable)->tp_call(callable, args, keywords);
}

#endif
