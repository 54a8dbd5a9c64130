# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True, binding=False
"""Arrays in the order of one array's memory.

Design
------
a. PReLU's loops go through ``x`` as it lies in memory: C order, Fortran order and permuted views such as channels-last
   ones are one run of elements each, cut up in the same way.
b. An operand that lies otherwise is copied a few hundred elements at a time, so that none needs a copy of its size.
"""
cimport numpy as cnp

from .loops cimport copy_strided

cnp.import_array()


cdef inline Py_ssize_t magnitude(Py_ssize_t stride) noexcept nogil:
    return -stride if stride < 0 else stride


cdef void axes_of(Axes *axes, cnp.ndarray x) noexcept:
    cdef Py_ssize_t stride
    cdef int axis, place
    axes.count = 0
    for axis in range(cnp.PyArray_NDIM(x)):
        if cnp.PyArray_DIM(x, axis) == 1:
            continue
        stride = magnitude(cnp.PyArray_STRIDE(x, axis))
        place = axes.count
        while place > 0 and magnitude(cnp.PyArray_STRIDE(x, axes.numbers[place - 1])) < stride:
            axes.numbers[place] = axes.numbers[place - 1]
            axes.lengths[place] = axes.lengths[place - 1]
            place -= 1
        axes.numbers[place] = axis
        axes.lengths[place] = cnp.PyArray_DIM(x, axis)
        axes.count += 1


cdef void axes_of_weight(Axes *varying, const Axes *axes, cnp.ndarray weight, int first) noexcept:
    """Those of ``axes`` along which the weight varies, its own axis 0 lying along number ``first``."""
    cdef int i, axis
    varying.count = 0
    for i in range(axes.count):
        axis = axes.numbers[i] - first
        if 0 <= axis < cnp.PyArray_NDIM(weight) and cnp.PyArray_DIM(weight, axis) != 1:
            varying.numbers[varying.count] = axes.numbers[i]
            varying.lengths[varying.count] = axes.lengths[i]
            varying.count += 1


cdef void view_of(View *view, const Axes *axes, cnp.ndarray a, int first) noexcept:
    cdef Py_ssize_t expected = cnp.PyArray_ITEMSIZE(a)
    cdef int i
    view.data = <char *>cnp.PyArray_DATA(a)
    view.dense = cnp.PyArray_ISALIGNED(a)
    for i in range(axes.count - 1, -1, -1):
        view.strides[i] = cnp.PyArray_STRIDE(a, axes.numbers[i] - first)
        view.dense = view.dense and view.strides[i] == expected
        expected *= axes.lengths[i]


cdef void copy_runs(
        char *contiguous, const View *view, const Axes *axes, Py_ssize_t start, Py_ssize_t n,
        Py_ssize_t itemsize, bint into_view) noexcept nogil:
    cdef Py_ssize_t index[MOST_AXES]
    cdef Py_ssize_t rest = start
    cdef int last = axes.count - 1
    cdef char *element = view.data
    cdef Py_ssize_t count
    cdef int i
    for i in range(last, -1, -1):
        index[i] = rest % axes.lengths[i]
        rest //= axes.lengths[i]
        element += index[i] * view.strides[i]
    while True:
        count = 1 if last < 0 else min(n, axes.lengths[last] - index[last])
        if into_view:
            copy_strided(element, 0 if last < 0 else view.strides[last], contiguous, itemsize, count, itemsize)
        else:
            copy_strided(contiguous, itemsize, element, 0 if last < 0 else view.strides[last], count, itemsize)
        contiguous += count * itemsize
        n -= count
        if n == 0:
            return
        # On to the start of the next run.
        element -= index[last] * view.strides[last]
        index[last] = 0
        i = last - 1
        while index[i] == axes.lengths[i] - 1:
            element -= index[i] * view.strides[i]
            index[i] = 0
            i -= 1
        index[i] += 1
        element += view.strides[i]


cdef void gather(
        char *destination, const View *view, const Axes *axes, Py_ssize_t start, Py_ssize_t n,
        Py_ssize_t itemsize) noexcept nogil:
    """Copy ``n`` > 0 elements from number ``start`` on."""
    copy_runs(destination, view, axes, start, n, itemsize, False)


cdef void scatter(
        const View *view, const Axes *axes, Py_ssize_t start, const char *source, Py_ssize_t n,
        Py_ssize_t itemsize) noexcept nogil:
    """The same the other way round."""
    copy_runs(<char *>source, view, axes, start, n, itemsize, True)
