# Operations with one value for each channel, for the functions that take such an operand.

cimport numpy as cnp

from .loops cimport Row
from .memory_order cimport Axes

# A contiguous array in the order of its memory.
cdef struct Channels:
    Py_ssize_t outer
    Py_ssize_t channels
    Py_ssize_t inner

cdef Channels channels_of(cnp.ndarray x, int axis) noexcept
cdef bint channels_along(const Axes *axes, const Axes *varying, Channels *shape) noexcept nogil
cdef void write_out(
    char *destination, const char *values, Py_ssize_t first, Py_ssize_t inner, Py_ssize_t channels,
    Py_ssize_t n, Py_ssize_t itemsize) noexcept nogil
cdef int run_by_channel(const Row *row, char *const *args, Channels shape) noexcept nogil
