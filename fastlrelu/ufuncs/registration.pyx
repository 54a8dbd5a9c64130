# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True, binding=False
"""The ufuncs: their registration from the table operation x dtype.

One inner loop serves every ufunc and dtype; its ``data`` is the row of the table with the kernels to call.
"""
import itertools

cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_New

from ..dispatch.loops cimport (
    FL_BFLOAT16, FL_DTYPES, FL_FLOAT16, FL_FLOAT32, FL_FLOAT64, FL_LONGDOUBLE, FL_MAX_INPUTS, FL_OPERATIONS, Row,
    operation_of, row_of, run
)

import numpy as np

# NumPy's pxd declares the loop without const, which newer headers have.
ctypedef void (*ufunc_loop)(char **, const cnp.npy_intp *, const cnp.npy_intp *, void *) noexcept nogil

cdef extern from "numpy/ufuncobject.h":
    object PyUFunc_FromFuncAndData(
        ufunc_loop *functions, void **data, char *types, int ntypes, int inputs, int outputs,
        int identity, const char *name, const char *doc, int unused)
    int PyUFunc_RegisterLoopForType(
        cnp.ufunc ufunc, int type_number, ufunc_loop function, const int *types, void *data) except -1
    int PyUFunc_AddPromoter(object ufunc, object dtypes, object promoter) except -1
    int PyUFunc_None

cdef extern from *:
    """
    /* The classes of Python numbers in NumPy's promotion. */
    static PyObject *python_float_dtype(void) {
        Py_INCREF(&PyArray_PyFloatDType);
        return (PyObject *)&PyArray_PyFloatDType;
    }
    static PyObject *python_int_dtype(void) {
        Py_INCREF(&PyArray_PyLongDType);
        return (PyObject *)&PyArray_PyLongDType;
    }

    /* Python numbers take the dtype of the other operands, which are all of one dtype. */
    static int promote_python_numbers(PyObject *ufunc, PyArray_DTypeMeta *const given[],
                                      PyArray_DTypeMeta *const signature[], PyArray_DTypeMeta *promoted[]) {
        const int operands = ((PyUFuncObject *)ufunc)->nargs;
        const int inputs = ((PyUFuncObject *)ufunc)->nin;
        PyArray_DTypeMeta *dtype = NULL;
        for (int i = 0; i < inputs; i++) {
            if (given[i] != &PyArray_PyFloatDType && given[i] != &PyArray_PyLongDType) {
                dtype = given[i];
            }
        }
        for (int i = 0; i < operands; i++) {
            promoted[i] = signature[i] != NULL ? signature[i] : dtype;
            Py_XINCREF(promoted[i]);
        }
        return 0;
    }
    """
    object python_float_dtype()
    object python_int_dtype()
    void *promote_python_numbers

cnp.import_array()
cnp.import_ufunc()

# NumPy's type number of each dtype; bfloat16's is known once ml_dtypes is.
type_numbers[FL_FLOAT16] = cnp.NPY_FLOAT16
type_numbers[FL_BFLOAT16] = -1
type_numbers[FL_FLOAT32] = cnp.NPY_FLOAT32
type_numbers[FL_FLOAT64] = cnp.NPY_FLOAT64
type_numbers[FL_LONGDOUBLE] = cnp.NPY_LONGDOUBLE

# In the order in which NumPy tries them.
cdef int[4] builtin_dtypes = [FL_FLOAT16, FL_FLOAT32, FL_FLOAT64, FL_LONGDOUBLE]

# What the ufuncs read for as long as they live, which is as long as the process.
cdef ufunc_loop ufunc_loops[4]
cdef void *ufunc_data[FL_OPERATIONS][4]
cdef char ufunc_types[FL_OPERATIONS][4 * (FL_MAX_INPUTS + 1)]


cdef void inner_loop(
        char **args, const cnp.npy_intp *dimensions, const cnp.npy_intp *steps, void *data) noexcept nogil:
    if dimensions[0] > 0:
        run(<const Row *>data, args, <const Py_ssize_t *>steps, dimensions[0])


def dtypes():
    """Names of the dtypes that have loops of their own."""
    return [np.dtype(_bfloat16).name if dtype == FL_BFLOAT16 else cnp.PyArray_DescrFromType(type_numbers[dtype]).name
            for dtype in range(FL_DTYPES) if type_numbers[dtype] >= 0]


def register(name, doc):
    """register(name, doc)

    Make the ufunc of one operation in ``kernels/operations.h``.

    Parameters
    ----------
    name : str
        The operation's name there, and the ufunc's.
    doc : str
        Its docstring; NumPy puts the signature above it.

    Returns
    -------
    numpy.ufunc
    """
    cdef int operation, slot, i, inputs
    cdef int bfloat16_types[FL_MAX_INPUTS + 1]
    for operation in range(FL_OPERATIONS):
        if operation_of(operation).name.decode() == name:
            break
    else:
        raise ValueError(f"kernels/operations.h has no operation {name!r}")
    inputs = operation_of(operation).inputs
    for slot in range(4):
        ufunc_data[operation][slot] = row_of(operation, builtin_dtypes[slot])
        for i in range(inputs + 1):
            ufunc_types[operation][slot * (inputs + 1) + i] = <char>type_numbers[builtin_dtypes[slot]]
    # NumPy keeps the pointer to the docstring.
    encoded = doc.encode()
    _docstrings.append(encoded)
    ufunc = PyUFunc_FromFuncAndData(
        ufunc_loops, ufunc_data[operation], ufunc_types[operation], 4, inputs, 1, PyUFunc_None,
        operation_of(operation).name, encoded, 0)
    if type_numbers[FL_BFLOAT16] >= 0:
        for i in range(inputs + 1):
            bfloat16_types[i] = type_numbers[FL_BFLOAT16]
        PyUFunc_RegisterLoopForType(
            ufunc, type_numbers[FL_BFLOAT16], inner_loop, bfloat16_types, row_of(operation, FL_BFLOAT16))
        _keep_bfloat16(ufunc, inputs)
    try:
        # pickle finds a ufunc by module and name.
        ufunc.__module__ = "fastlrelu"
    except AttributeError:
        # NumPy before 2.2: pickle searches all modules instead.
        pass
    return ufunc


cdef _keep_bfloat16(ufunc, int inputs):
    """Let a Python number beside bfloat16 arrays keep bfloat16, where NumPy would widen them."""
    bfloat16 = type(np.dtype(_bfloat16))
    promoter = PyCapsule_New(<void *>promote_python_numbers, "numpy._ufunc_promoter", NULL)
    python_numbers = (python_float_dtype(), python_int_dtype())
    for given in itertools.product((bfloat16, *python_numbers), repeat=inputs):
        if 0 < given.count(bfloat16) < inputs:
            PyUFunc_AddPromoter(ufunc, (*given, None), promoter)


_docstrings = []
try:
    from ml_dtypes import bfloat16 as _bfloat16
except ImportError:
    _bfloat16 = None
else:
    type_numbers[FL_BFLOAT16] = np.dtype(_bfloat16).num
for _slot in range(4):
    ufunc_loops[_slot] = inner_loop
