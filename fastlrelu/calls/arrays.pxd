# What a plain array is: exact, contiguous, aligned, of one supported dtype. The direct calls go to the kernels with
# these alone and leave everything else to the ufuncs.

cimport numpy as cnp
from cpython.float cimport PyFloat_CheckExact

from ..dispatch.loops cimport FL_DTYPES, FL_FLOAT32
from ..ufuncs.registration cimport type_numbers

cdef extern from "numpy/arrayobject.h":
    cnp.ndarray PyArray_NewLikeArray(
        cnp.ndarray prototype, cnp.NPY_ORDER order, cnp.PyArray_Descr *descr, int subok)


cdef inline int dtype_of(int type_number) noexcept nogil:
    """The row of the table for a NumPy type number, -1 where there is none."""
    cdef int dtype
    if type_number == type_numbers[FL_FLOAT32]:
        return FL_FLOAT32
    for dtype in range(FL_DTYPES):
        if type_numbers[dtype] == type_number:
            return dtype
    return -1


cdef inline int native_dtype(object x) noexcept:
    """The dtype of an exact array in native byte order in the table of operations, -1 for any other operand."""
    if not cnp.PyArray_CheckExact(x) or not cnp.PyArray_ISNOTSWAPPED(<cnp.ndarray>x):
        return -1
    return dtype_of(cnp.PyArray_TYPE(<cnp.ndarray>x))


cdef inline int plain_dtype(object x) noexcept:
    """The dtype of a plain array in the table of operations, -1 where only the ufunc will do."""
    if not cnp.PyArray_CheckExact(x):
        return -1
    cdef cnp.ndarray array = <cnp.ndarray>x
    # A 0-d array is left to the ufunc, which makes a scalar of it.
    if (
        cnp.PyArray_NDIM(array) == 0
        or not cnp.PyArray_ISALIGNED(array)
        or not (cnp.PyArray_IS_C_CONTIGUOUS(array) or cnp.PyArray_IS_F_CONTIGUOUS(array))
        or not cnp.PyArray_ISNOTSWAPPED(array)
    ):
        return -1
    return dtype_of(cnp.PyArray_TYPE(array))


cdef inline bint same_layout(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether two contiguous arrays have the same shape and the same order in memory."""
    cdef int i
    if cnp.PyArray_NDIM(a) != cnp.PyArray_NDIM(b):
        return False
    for i in range(cnp.PyArray_NDIM(a)):
        if cnp.PyArray_DIM(a, i) != cnp.PyArray_DIM(b, i):
            return False
    return (
        (cnp.PyArray_IS_C_CONTIGUOUS(a) and cnp.PyArray_IS_C_CONTIGUOUS(b))
        or (cnp.PyArray_IS_F_CONTIGUOUS(a) and cnp.PyArray_IS_F_CONTIGUOUS(b))
    )


cdef inline bint same_kind(object candidate, cnp.ndarray x, int dtype) noexcept:
    return plain_dtype(candidate) == dtype and same_layout(<cnp.ndarray>candidate, x)


cdef inline cnp.ndarray new_like(cnp.ndarray x):
    return cnp.PyArray_EMPTY(
        cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), cnp.PyArray_TYPE(x), not cnp.PyArray_IS_C_CONTIGUOUS(x))


cdef inline cnp.ndarray new_in_order(cnp.ndarray x):
    """A new array in the order of the memory of ``x``, whatever that is."""
    return PyArray_NewLikeArray(x, cnp.NPY_KEEPORDER, NULL, 0)


cdef inline int weight_axis(object x, object weight, object axis) except? -1:
    """What `first_axis` returns, of an exact array and an exact array or a float; -1 where it takes more to say."""
    cdef Py_ssize_t first
    cdef int ndim, axes, i
    if type(axis) is not int or not cnp.PyArray_CheckExact(x):
        return -1
    if PyFloat_CheckExact(weight):
        return 0
    if not cnp.PyArray_CheckExact(weight):
        return -1
    ndim = cnp.PyArray_NDIM(<cnp.ndarray>x)
    axes = cnp.PyArray_NDIM(<cnp.ndarray>weight)
    if axes == 0 or (axes == 1 and cnp.PyArray_DIM(<cnp.ndarray>weight, 0) == 1):
        return 0
    if axes == 1:
        if not -ndim <= axis < ndim:
            return -1
        first = axis
        first += ndim if first < 0 else 0
        return first if cnp.PyArray_DIM(<cnp.ndarray>weight, 0) == cnp.PyArray_DIM(<cnp.ndarray>x, first) else -1
    for i in range(axes):
        if axes > ndim or cnp.PyArray_DIM(<cnp.ndarray>weight, i) not in (
            1, cnp.PyArray_DIM(<cnp.ndarray>x, ndim - axes + i)
        ):
            return -1
    return ndim - axes


cdef inline bint apart(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether two contiguous arrays share no memory."""
    cdef const char *first = <const char *>cnp.PyArray_DATA(a)
    cdef const char *second = <const char *>cnp.PyArray_DATA(b)
    return first + cnp.PyArray_NBYTES(a) <= second or second + cnp.PyArray_NBYTES(b) <= first


cdef inline bint overlap_allowed(cnp.ndarray x, cnp.ndarray out) noexcept:
    """Whether ``out`` is ``x`` or apart from it: between the two, NumPy works on a copy."""
    return cnp.PyArray_DATA(x) == cnp.PyArray_DATA(out) or apart(x, out)


cdef inline bint writable_like(object out, cnp.ndarray x, int dtype) noexcept:
    return same_kind(out, x, dtype) and cnp.PyArray_ISWRITEABLE(<cnp.ndarray>out)
