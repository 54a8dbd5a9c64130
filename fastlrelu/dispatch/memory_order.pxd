# Arrays in the order of one array's memory, element by element, whatever their own strides.

cimport numpy as cnp

cdef enum:
    # NumPy's own limit.
    MOST_AXES = 64

# The axes of an array that are longer than 1, from the slowest to the fastest in its memory.
cdef struct Axes:
    int count
    int numbers[MOST_AXES]
    Py_ssize_t lengths[MOST_AXES]

# An array along such axes.
cdef struct View:
    char *data
    Py_ssize_t strides[MOST_AXES]
    bint dense  # element i of the order is at data + i * itemsize

cdef void axes_of(Axes *axes, cnp.ndarray x) noexcept
cdef void axes_of_weight(Axes *varying, const Axes *axes, cnp.ndarray weight, int first) noexcept
cdef void view_of(View *view, const Axes *axes, cnp.ndarray a, int first) noexcept
cdef void gather(
    char *destination, const View *view, const Axes *axes, Py_ssize_t start, Py_ssize_t n,
    Py_ssize_t itemsize) noexcept nogil
cdef void scatter(
    const View *view, const Axes *axes, Py_ssize_t start, const char *source, Py_ssize_t n,
    Py_ssize_t itemsize) noexcept nogil
