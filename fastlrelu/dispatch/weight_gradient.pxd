# The gradients of PReLU over whole arrays.

from .loops cimport Row, fl_sums
from .memory_order cimport Axes, View

cdef struct Gradient:
    const Row *row
    const fl_sums *kernels
    int dtype
    int work  # its number in the thread policy
    Axes axes  # of x
    View grad
    View x
    View grad_x
    Axes varying  # those of the weight
    View weight
    View grad_weight

cdef void sum_gradient(const Gradient *call) noexcept nogil
