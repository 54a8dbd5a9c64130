# The table of operations, and the one way through it, for the ufuncs and the direct calls.

cdef extern from "kernels/kernels.h" nogil:
    ctypedef void (*fl_kernel)(char *const *args, const Py_ssize_t *strides, Py_ssize_t n) noexcept nogil
    ctypedef struct fl_operation:
        const char *name
        int inputs
    ctypedef struct fl_kernels:
        fl_kernel contiguous
        fl_kernel ahead
        fl_kernel streamed
        fl_kernel strided
    ctypedef struct fl_sums:
        int (*prelu_grad)(
            const void *grad, const void *x, const void *slopes, Py_ssize_t slope_step, void *grad_x, void *products,
            Py_ssize_t n) noexcept nogil
        int (*extract)(
            const void *values, const void *cuts, void *bins, Py_ssize_t stride, Py_ssize_t n) noexcept nogil
        void (*join)(void *bins, Py_ssize_t stride, Py_ssize_t n) noexcept nogil

    cdef enum:
        FL_BINS
        FL_SPARE_BITS
        FL_ZERO
        FL_NOT_FINITE

    cdef enum:
        FL_FLOAT16
        FL_BFLOAT16
        FL_FLOAT32
        FL_FLOAT64
        FL_LONGDOUBLE
        FL_DTYPES

    cdef enum:
        FL_MAX_INPUTS
        FL_OPERATIONS
        FL_OPERATION_leaky_relu
        FL_OPERATION_leaky_relu_grad
        FL_OPERATION_add_leaky_relu
        FL_OPERATION_elu
        FL_OPERATION_elu_grad
        FL_OPERATION_gelu
        FL_OPERATION_gelu_grad
        FL_OPERATION_gelu_tanh
        FL_OPERATION_gelu_tanh_grad

cdef extern from "kernels/fp_state.h" nogil:
    ctypedef struct fl_fp_state:
        pass
    void fl_fp_enter(fl_fp_state *before, int all_units)
    void fl_fp_leave(const fl_fp_state *before, int all_units)
    void fl_fp_adopt(const fl_fp_state *caller, int all_units)

# One operation for one dtype: the `data` pointer of its ufunc loop.
cdef struct Row:
    fl_kernels kernels
    int inputs
    int itemsize
    int work  # its number in the thread policy
    bint all_units  # long double: computed by a unit with a status of its own

# What strides and addresses say of a call's operands.
cdef struct Operands:
    bint contiguous  # the output is, and the inputs are or have stride 0, and they are independent
    bint independent  # no input shares memory with the output, unless element on element
    bint in_place  # some input is the output, element on element

cdef const fl_operation *operation_of(int operation) noexcept nogil
cdef Row *row_of(int operation, int dtype) noexcept nogil
cdef const fl_sums *sums_of(int dtype) noexcept nogil
cdef void run_known(
    const Operands *kind, const Row *row, char *const *args, const Py_ssize_t *strides, Py_ssize_t n,
    Py_ssize_t nbytes, const fl_fp_state *caller) noexcept nogil
cdef void run(const Row *row, char *const *args, const Py_ssize_t *strides, Py_ssize_t n) noexcept nogil
cdef void copy_strided(
    char *destination, Py_ssize_t destination_stride, const char *source, Py_ssize_t source_stride,
    Py_ssize_t n, Py_ssize_t itemsize) noexcept nogil
cdef void repeat(char *destination, const char *element, Py_ssize_t n, Py_ssize_t itemsize) noexcept nogil
cdef void run_contiguous(
    const Row *row, char *const *args, const Py_ssize_t *strides, Py_ssize_t n, bint stream) noexcept nogil
cdef Py_ssize_t stream_bytes
