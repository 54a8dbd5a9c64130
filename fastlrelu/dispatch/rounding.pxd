# Sums in the dtype of the result, rounded once.

from libc.string cimport memcpy

from .loops cimport FL_BFLOAT16, FL_FLOAT32, FL_FLOAT64, FL_LONGDOUBLE

cdef extern from "kernels/slope.h" nogil:
    ctypedef union fl_slope:
        pass
    void fl_slope_of(fl_slope *slope, double value, int dtype)


cdef inline double rounded_to_odd(double value) noexcept nogil:
    """A float that rounds to the bfloat16 nearest to the value: NumPy's cast goes by way of the nearest float."""
    cdef float single = <float>value
    cdef unsigned int bits
    if single == value or value != value:
        return value
    memcpy(&bits, &single, sizeof(bits))
    # Towards zero, then the last bit says that something was lost.
    bits -= (single > value) == (value > 0)
    bits |= 1
    memcpy(&single, &bits, sizeof(bits))
    return single


cdef inline void round_sums(char *rounded, const char *sums, Py_ssize_t n, int dtype) noexcept nogil:
    """Float64 sums, long double ones for long double, in the dtype of the result."""
    cdef fl_slope element
    cdef Py_ssize_t i
    cdef double value
    if dtype == FL_FLOAT32:
        for i in range(n):
            (<float *>rounded)[i] = <float>(<const double *>sums)[i]
    elif dtype == FL_FLOAT64:
        memcpy(rounded, sums, n * sizeof(double))
    elif dtype == FL_LONGDOUBLE:
        memcpy(rounded, sums, n * sizeof(long double))
    else:
        for i in range(n):
            value = (<const double *>sums)[i]
            if dtype == FL_BFLOAT16:
                value = rounded_to_odd(value)
            fl_slope_of(&element, value, dtype)
            memcpy(rounded + 2 * i, &element, 2)
