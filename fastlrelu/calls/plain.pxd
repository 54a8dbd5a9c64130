# The direct calls on plain arrays (arrays.pxd), for all operations: straight to the kernels that the ufuncs use.

cimport numpy as cnp
from cpython.ref cimport PyObject, PyTypeObject
from libc.string cimport memcpy

from .arrays cimport new_like, overlap_allowed, plain_dtype, same_kind, writable_like
from ..dispatch.loops cimport (
    FL_DTYPES, FL_MAX_INPUTS, Operands, Row, fl_fp_enter, fl_fp_leave, fl_fp_state, row_of, run_known
)

cdef extern from "kernels/slope.h" nogil:
    ctypedef union fl_slope:
        pass
    void fl_slope_of(fl_slope *slope, double value, int dtype)

cdef extern from "calls/vectorcall.h":
    ctypedef object (*vectorcallfunc)(object self, PyObject *const *args, size_t count, PyObject *names)
    Py_ssize_t PyVectorcall_NARGS(size_t count) noexcept
    void fl_set_vectorcall(PyTypeObject *type, Py_ssize_t offset) noexcept
    object fl_call_by_slot(object callable, object args, object keywords)
    int PyUnicode_CompareWithASCIIString(object name, const char *text) noexcept

cdef enum:
    # From here on the work is worth letting other Python threads run; NumPy's own limit.
    NOGIL_ELEMENTS = 500

# A slope or an alpha: the last input of its operation, one number for all elements.
cdef struct Parameter:
    double value
    bint ready  # whether the next field is filled
    fl_slope converted[FL_DTYPES]


cdef inline void get_ready(Parameter *parameter) noexcept:
    cdef int dtype
    cdef fl_fp_state before
    fl_fp_enter(&before, True)
    for dtype in range(FL_DTYPES):
        fl_slope_of(&parameter.converted[dtype], parameter.value, dtype)
    fl_fp_leave(&before, True)
    parameter.ready = True


cdef inline unsigned long long bits_of(double value) noexcept:
    """0.0 and -0.0 give other results, and nan is one value."""
    cdef unsigned long long bits
    memcpy(&bits, &value, sizeof(bits))
    return bits


cdef inline void apply(
        int operation, char **args, const Parameter *parameter, int dtype, Py_ssize_t n) noexcept:
    """Run an operation on plain arrays; ``args`` leaves the place of the parameter free, if it has one."""
    cdef const Row *row = row_of(operation, dtype)
    cdef Py_ssize_t strides[FL_MAX_INPUTS + 1]
    cdef Py_ssize_t nbytes = n * row.itemsize * (row.inputs + (parameter == NULL))
    cdef Operands kind
    cdef fl_fp_state before
    cdef fl_slope converted
    cdef int i
    if n == 0:
        return
    kind.contiguous = kind.independent = True
    kind.in_place = False
    for i in range(row.inputs + 1):
        strides[i] = row.itemsize
    fl_fp_enter(&before, row.all_units)
    if parameter != NULL:
        strides[row.inputs - 1] = 0
        if parameter.ready:
            args[row.inputs - 1] = <char *>&parameter.converted[dtype]
        else:
            # Between the two looks at the floating-point status.
            fl_slope_of(&converted, parameter.value, dtype)
            args[row.inputs - 1] = <char *>&converted
    for i in range(row.inputs):
        kind.in_place |= args[i] == args[row.inputs]
    if n > NOGIL_ELEMENTS:
        with nogil:
            run_known(&kind, row, args, strides, n, nbytes, &before)
    else:
        run_known(&kind, row, args, strides, n, nbytes, &before)
    fl_fp_leave(&before, row.all_units)


cdef inline void forward(
        int operation, cnp.ndarray x, cnp.ndarray out, const Parameter *parameter, int dtype) noexcept:
    cdef char *args[FL_MAX_INPUTS + 1]
    args[0] = <char *>cnp.PyArray_DATA(x)
    args[1 + (parameter != NULL)] = <char *>cnp.PyArray_DATA(out)
    apply(operation, args, parameter, dtype, cnp.PyArray_SIZE(x))


cdef inline void backward(
        int operation, cnp.ndarray grad_output, cnp.ndarray x, cnp.ndarray out, const Parameter *parameter,
        int dtype) noexcept:
    cdef char *args[FL_MAX_INPUTS + 1]
    args[0] = <char *>cnp.PyArray_DATA(grad_output)
    args[1] = <char *>cnp.PyArray_DATA(x)
    args[2 + (parameter != NULL)] = <char *>cnp.PyArray_DATA(out)
    apply(operation, args, parameter, dtype, cnp.PyArray_SIZE(x))


cdef inline object forward_plain(int operation, object x, object out, const Parameter *parameter):
    """The result, or None where only the ufunc will do."""
    cdef int dtype = plain_dtype(x)
    cdef cnp.ndarray result
    if dtype < 0:
        return None
    if out is None:
        result = new_like(<cnp.ndarray>x)
    elif writable_like(out, <cnp.ndarray>x, dtype) and overlap_allowed(<cnp.ndarray>x, <cnp.ndarray>out):
        result = <cnp.ndarray>out
    else:
        return None
    forward(operation, <cnp.ndarray>x, result, parameter, dtype)
    return result


cdef inline object backward_plain(
        int operation, object grad_output, object x, object out, const Parameter *parameter):
    """The result, or None where only the ufunc will do."""
    cdef int dtype = plain_dtype(x)
    cdef cnp.ndarray result
    if dtype < 0 or not same_kind(grad_output, <cnp.ndarray>x, dtype):
        return None
    if out is None:
        result = new_like(<cnp.ndarray>x)
    elif (
        writable_like(out, <cnp.ndarray>x, dtype)
        and overlap_allowed(<cnp.ndarray>x, <cnp.ndarray>out)
        and overlap_allowed(<cnp.ndarray>grad_output, <cnp.ndarray>out)
    ):
        result = <cnp.ndarray>out
    else:
        return None
    backward(operation, <cnp.ndarray>grad_output, <cnp.ndarray>x, result, parameter, dtype)
    return result


cdef inline bint plain_in_place(int operation, object x, const Parameter *parameter) noexcept:
    """Whether ``x`` could be overwritten here."""
    cdef int dtype = plain_dtype(x)
    if dtype < 0 or not cnp.PyArray_ISWRITEABLE(<cnp.ndarray>x):
        return False
    forward(operation, <cnp.ndarray>x, <cnp.ndarray>x, parameter, dtype)
    return True


cdef inline object called(
        object self, object (*activated)(object self, object x, object out), PyObject *const *args, size_t count,
        PyObject *names):
    """``act(x)``, ``act(x, out)`` and ``act(x, out=out)`` at once; whatever else by way of ``__call__`` as it is."""
    cdef Py_ssize_t positional = PyVectorcall_NARGS(count)
    cdef Py_ssize_t by_name = 0 if names == NULL else len(<tuple>names)
    cdef Py_ssize_t i
    if positional == 1 and by_name == 0:
        return activated(self, <object>args[0], None)
    if positional + by_name == 2 and positional > 0 and (
            by_name == 0 or PyUnicode_CompareWithASCIIString((<tuple>names)[0], "out") == 0):
        return activated(self, <object>args[0], <object>args[1])
    return fl_call_by_slot(
        self, tuple([<object>args[i] for i in range(positional)]),
        {(<tuple>names)[i]: <object>args[positional + i] for i in range(by_name)})
