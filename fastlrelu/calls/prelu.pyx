# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""PReLU, one slope per channel, over whole arrays.

Design
------
a. The forward pass is leaky ReLU with one value, the slope, for each channel: see ``_channels.pyx``.
b. The weight gradient is summed in float64 (long double for long double), in parts whose bounds depend on the shape
   alone and which are added in order: the same bits for any number of threads and at any SIMD level.
"""
cimport numpy as cnp
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from .arrays cimport apart, new_like, overlap_allowed, plain_dtype, same_kind, writable_like
from ..dispatch.channels cimport Channels, channels_of, run_by_channel, write_out
from ..threads.choice cimport Job, Team, enter_team, leave_team
from ..threads.region cimport run_blocks
from ..dispatch.loops cimport (
    FL_BFLOAT16, FL_DTYPES, FL_LONGDOUBLE, FL_OPERATION_leaky_relu, Row, fl_fp_adopt, fl_fp_enter, fl_fp_leave,
    fl_fp_state, fl_prelu_grad, prelu_grad_kernel, row_of
)

import numpy as np

from ..dispatch import loops
from ..threads import choice
from ..ufuncs.operations import leaky_relu, leaky_relu_grad
from .prelu_operands import as_index, as_operand, broadcastable, checked_axis, is_ndarray

cnp.import_array()

cdef int[FL_DTYPES] backward_work
for _dtype, _name in loops.dtype_names.items():
    backward_work[_dtype] = choice.number_of_work(f"prelu_grad {_name}")

cdef enum:
    # Of the gradient: elements summed in one go side by side, and shorter rows than this are summed by column.
    SUM_ELEMENTS = 256
    SUM_ROW_ELEMENTS = 16
    # Elements of one part of a long row, and of the rows of one part of a sum by column.
    PART_ELEMENTS = 64 << 10
    MOST_PARTS = 64
    COLUMN_ELEMENTS = 256
    # No sum and no element is larger.
    MOST_BYTES = 16
    CACHE_LINE = 64

cdef struct Backward:
    const Row *row
    fl_prelu_grad kernel
    int work
    char *grad
    char *x
    char *weight
    char *grad_x
    char *partial  # one sum for each part and channel
    Channels shape
    bint by_row
    Py_ssize_t parts  # of each row; of all the rows together when summed by column
    Py_ssize_t rows  # of one part, when summed by column
    Py_ssize_t columns  # of one block, when summed by column
    bint wide  # the sums are long double
    bint by_way_of_float  # they will be rounded to bfloat16
    bint team
    fl_fp_state caller


cdef inline char *aligned(char *storage) noexcept nogil:
    """The first cache line in ``storage``: a vector across two lines costs two accesses."""
    return storage + (-<size_t>storage & (CACHE_LINE - 1))


cdef inline void add(void *total, const void *value, bint wide) noexcept nogil:
    if wide:
        (<long double *>total)[0] += (<const long double *>value)[0]
    else:
        (<double *>total)[0] += (<const double *>value)[0]


cdef void fold(char *sums, Py_ssize_t n, bint wide) noexcept nogil:
    """The total of ``n`` sums, into the first: pairwise, in an order that depends on ``n`` alone."""
    cdef Py_ssize_t half, i
    while n > 1:
        half = (n + 1) // 2
        if wide:
            for i in range(n - half):
                (<long double *>sums)[i] += (<long double *>sums)[i + half]
        else:
            for i in range(n - half):
                (<double *>sums)[i] += (<double *>sums)[i + half]
        n = half


cdef void sum_part_of_row(const Backward *call, Py_ssize_t block) noexcept nogil:
    cdef char storage[SUM_ELEMENTS * MOST_BYTES + CACHE_LINE]
    cdef char *sums = aligned(storage)
    cdef Py_ssize_t itemsize = call.row.itemsize
    cdef Py_ssize_t sum_size = sizeof(long double) if call.wide else sizeof(double)
    cdef Py_ssize_t row = block // call.parts
    cdef Py_ssize_t start = block % call.parts * PART_ELEMENTS
    cdef Py_ssize_t stop = min(call.shape.inner, start + PART_ELEMENTS)
    cdef Py_ssize_t offset, count
    cdef Py_ssize_t used = min(SUM_ELEMENTS, stop - start)
    memset(sums, 0, used * sum_size)
    while start < stop:
        count = min(SUM_ELEMENTS, stop - start)
        offset = (row * call.shape.inner + start) * itemsize
        call.kernel(
            call.grad + offset, call.x + offset, call.weight + row % call.shape.channels * itemsize, 0,
            call.grad_x + offset, sums, count)
        start += count
    fold(sums, used, call.wide)
    memcpy(call.partial + block * sum_size, sums, sum_size)


cdef void sum_columns(const Backward *call, Py_ssize_t block) noexcept nogil:
    """One part of the rows and some columns: whole channels, or all of them several times over."""
    cdef char sum_storage[COLUMN_ELEMENTS * MOST_BYTES + CACHE_LINE]
    cdef char slope_storage[COLUMN_ELEMENTS * MOST_BYTES + CACHE_LINE]
    cdef char *sums = aligned(sum_storage)
    cdef char *slopes = aligned(slope_storage)
    cdef Py_ssize_t itemsize = call.row.itemsize
    cdef Py_ssize_t sum_size = sizeof(long double) if call.wide else sizeof(double)
    cdef Py_ssize_t period = call.shape.channels * call.shape.inner
    cdef Py_ssize_t first = block // call.parts * call.columns
    cdef Py_ssize_t part = block % call.parts
    cdef Py_ssize_t start = part * call.rows * period + first
    cdef Py_ssize_t stop = min((part + 1) * call.rows, call.shape.outer) * period
    cdef Py_ssize_t step = max(period, call.columns)
    cdef Py_ssize_t width = call.columns if call.columns > period else min(call.columns, period - first)
    cdef Py_ssize_t channel = first // call.shape.inner
    cdef Py_ssize_t i
    memset(sums, 0, width * sum_size)
    write_out(
        slopes, call.weight, channel, call.shape.inner, call.shape.channels, width, itemsize)
    while start < stop:
        call.kernel(
            call.grad + start * itemsize, call.x + start * itemsize, slopes, 1, call.grad_x + start * itemsize,
            sums, min(width, stop - start))
        start += step
    for i in range(width):
        channel = (first + i) // call.shape.inner % call.shape.channels
        add(call.partial + (part * call.shape.channels + channel) * sum_size, sums + i * sum_size, call.wide)


cdef void backward_block(void *context, Py_ssize_t block) noexcept nogil:
    cdef const Backward *call = <const Backward *>context
    cdef fl_fp_state own
    if call.team:
        fl_fp_enter(&own, call.row.all_units)
        fl_fp_adopt(&call.caller, call.row.all_units)
    if call.by_row:
        sum_part_of_row(call, block)
    else:
        sum_columns(call, block)
    if call.team:
        fl_fp_leave(&own, call.row.all_units)


cdef void total_partial(const Backward *call, char *totals) noexcept nogil:
    """Add the partial sums of each channel in order."""
    cdef Py_ssize_t sum_size = sizeof(long double) if call.wide else sizeof(double)
    cdef Py_ssize_t channels = call.shape.channels
    cdef Py_ssize_t count = call.shape.outer * channels * call.parts if call.by_row else channels * call.parts
    cdef Py_ssize_t i
    cdef Py_ssize_t channel
    memset(totals, 0, channels * sum_size)
    for i in range(count):
        channel = i // call.parts % channels if call.by_row else i % channels
        add(totals + channel * sum_size, call.partial + i * sum_size, call.wide)


cdef double rounded_to_odd(double value) noexcept nogil:
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


cdef int backward(Backward *call, char *totals) noexcept nogil:
    """-1 if there is no memory for the partial sums."""
    cdef Team team
    cdef Channels shape = call.shape
    cdef Py_ssize_t period = shape.channels * shape.inner
    cdef Py_ssize_t n = shape.outer * period
    cdef Py_ssize_t sum_size = sizeof(long double) if call.wide else sizeof(double)
    cdef Py_ssize_t blocks, count, repeats, channel
    cdef Job job
    if n == 0:
        memset(totals, 0, shape.channels * sum_size)
        return 0
    call.by_row = shape.inner >= SUM_ROW_ELEMENTS
    if call.by_row:
        call.parts = (shape.inner + PART_ELEMENTS - 1) // PART_ELEMENTS
        blocks = count = shape.outer * shape.channels * call.parts
    elif period > COLUMN_ELEMENTS // 2:
        call.parts = 1
        call.rows = shape.outer
        call.columns = min(period, COLUMN_ELEMENTS // shape.inner * shape.inner)
        blocks = (period + call.columns - 1) // call.columns
        count = shape.channels
    else:
        repeats = COLUMN_ELEMENTS // period
        call.columns = repeats * period
        call.parts = max(1, min(MOST_PARTS, n // PART_ELEMENTS))
        call.rows = (shape.outer + call.parts - 1) // call.parts
        call.rows = (call.rows + repeats - 1) // repeats * repeats
        call.parts = (shape.outer + call.rows - 1) // call.rows
        blocks = call.parts
        count = shape.channels * call.parts
    call.partial = <char *>malloc(count * sum_size)
    if call.partial == NULL:
        return -1
    memset(call.partial, 0, count * sum_size)
    fl_fp_enter(&call.caller, call.row.all_units)
    job.work = call.work
    job.in_place = False
    job.nbytes = 3 * n * call.row.itemsize
    job.output = call.grad_x + job.nbytes // 6
    enter_team(&team, &job)
    call.team = team.threads > 1
    run_blocks(team.threads, backward_block, call, blocks)
    leave_team(&team, &job)
    total_partial(call, totals)
    if call.by_way_of_float:
        for channel in range(shape.channels):
            (<double *>totals)[channel] = rounded_to_odd((<double *>totals)[channel])
    fl_fp_leave(&call.caller, call.row.all_units)
    free(call.partial)
    return 0


def prelu(x, weight, axis=1, out=None):
    """prelu(x, weight, axis=1, out=None)

    PReLU: leaky ReLU with one slope for each channel.

    ``prelu(x, weight)[:, c] = x[:, c]`` where that is greater than 0, else ``weight[c] * x[:, c]``.

    Parameters
    ----------
    x : array_like
        At least one dimension; any float dtype, and what NumPy promotes to one.
    weight : array_like, shape (x.shape[axis],)
        The slopes.
    axis : int, default 1
        The axis of `x` that counts the channels: 1 for (N, C, H, W), -1 for (N, H, W, C).
    out : ndarray, optional
        Where the result is written: the shape of `x` and the dtype of the result, `x` itself allowed.

    Returns
    -------
    ndarray
        `out`, or a new array of the shape of `x`, with the dtype that ``leaky_relu(x, weight)`` has.

    Raises
    ------
    ValueError
        If `weight` is not one-dimensional with one slope for each channel, if `axis` is out of range
        (`numpy.exceptions.AxisError`, which is a ValueError), or `out` has another shape or is read-only.
    TypeError
        If a dtype is neither float, nor integer, nor bool, or the result does not fit the dtype of `out`.

    See Also
    --------
    leaky_relu : the same with a slope that broadcasts as NumPy does

    References
    ----------
    He, Zhang, Ren, Sun: Delving Deep into Rectifiers, 2015, arXiv:1502.01852, equation 1.

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> x = np.array([[-1.0, -1.0, 2.0]])
    >>> fastlrelu.prelu(x, [0.1, 0.2, 0.3])
    array([[-0.1, -0.2,  2. ]])
    """
    cdef int dtype, status
    cdef Channels shape
    cdef cnp.ndarray result
    cdef const Row *row
    cdef char *args[3]
    x = as_operand(x)
    weight = as_operand(weight)
    axis = as_index(axis)
    axis = checked_axis(x.shape, weight.shape, axis)
    if isinstance(out, tuple) and len(out) == 1:
        out = out[0]
    dtype = plain_dtype(x)
    if (
        dtype >= 0 and plain_dtype(weight) == dtype
        and (out is None or (
            writable_like(out, <cnp.ndarray>x, dtype)
            and overlap_allowed(<cnp.ndarray>x, <cnp.ndarray>out)
            and apart(<cnp.ndarray>weight, <cnp.ndarray>out)
        ))
    ):
        result = new_like(<cnp.ndarray>x) if out is None else <cnp.ndarray>out
        args[0] = <char *>cnp.PyArray_DATA(<cnp.ndarray>x)
        args[1] = <char *>cnp.PyArray_DATA(<cnp.ndarray>weight)
        args[2] = <char *>cnp.PyArray_DATA(result)
        shape = channels_of(<cnp.ndarray>x, axis)
        row = row_of(FL_OPERATION_leaky_relu, dtype)
        with nogil:
            status = run_by_channel(row, args, shape)
        if status < 0:
            raise MemoryError("no memory for the slopes of prelu")
        return result
    if getattr(out, "shape", x.shape) != x.shape:
        # The ufunc would repeat the result over a larger one.
        raise ValueError(f"out has shape {out.shape}, but x has shape {x.shape}")
    return leaky_relu(x, broadcastable(weight, x.ndim, axis), out=out)


def prelu_grad(grad_output, x, weight, axis=1):
    """prelu_grad(grad_output, x, weight, axis=1)

    The gradients of `prelu` with respect to its input and its slopes.

    ``grad_x`` is `grad_output` where `x` is greater than 0, else the channel's slope times `grad_output`;
    ``grad_weight[c]`` is the sum of ``grad_output * x`` over the elements of channel ``c`` that are not.

    Parameters
    ----------
    grad_output : array_like
        The gradient with respect to the output of `prelu`, of the shape of `x`.
    x : array_like
        The input of `prelu`.
    weight : array_like, shape (x.shape[axis],)
        The slopes.
    axis : int, default 1
        The axis of `x` that counts the channels.

    Returns
    -------
    grad_x : ndarray
        A new array of the shape of `x`.
    grad_weight : ndarray, shape (x.shape[axis],)
        Products and sums are in float64 (long double for long double) and rounded to the dtype of `grad_x` at the end.
        The same bits for any number of threads, layout aside.

    Raises
    ------
    ValueError
        If the shapes of `grad_output` and `x` differ, `weight` is not one-dimensional with one slope for each channel,
        or `axis` is out of range.
    TypeError
        If a dtype is neither float, nor integer, nor bool.

    References
    ----------
    He, Zhang, Ren, Sun: Delving Deep into Rectifiers, 2015, arXiv:1502.01852, equations 2 and 3.

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> x = np.array([[-1.0, -4.0, 2.0], [-3.0, 4.0, 5.0]])
    >>> grad_x, grad_weight = fastlrelu.prelu_grad(np.ones((2, 3)), x, [0.1, 0.2, 0.3])
    >>> grad_x
    array([[0.1, 0.2, 1. ],
           [0.1, 1. , 1. ]])
    >>> grad_weight
    array([-4., -4.,  0.])
    """
    cdef int dtype, status
    cdef Backward call
    cdef cnp.ndarray grad_x, totals
    cdef char *sums
    grad_output = as_operand(grad_output)
    x = as_operand(x)
    weight = as_operand(weight)
    axis = as_index(axis)
    if grad_output.shape != x.shape:
        raise ValueError(f"grad_output has shape {grad_output.shape}, but x has shape {x.shape}")
    axis = checked_axis(x.shape, weight.shape, axis)
    if not (
        cnp.PyArray_CheckExact(grad_output) and cnp.PyArray_CheckExact(x) and cnp.PyArray_CheckExact(weight)
    ):
        return _prelu_grad_of_other_arrays(grad_output, x, weight, axis)
    dtype = plain_dtype(x)
    if dtype < 0 or plain_dtype(weight) != dtype or not same_kind(grad_output, <cnp.ndarray>x, dtype):
        *_, common = leaky_relu_grad.resolve_dtypes((grad_output.dtype, x.dtype, weight.dtype, None))
        # Aligned too, which ascontiguousarray does not promise.
        grad_output, x, weight = (np.require(a, common, ("C", "A")) for a in (grad_output, x, weight))
        dtype = plain_dtype(x)
    grad_x = new_like(<cnp.ndarray>x)
    call.row = row_of(FL_OPERATION_leaky_relu, dtype)
    call.kernel = prelu_grad_kernel(dtype)
    call.work = backward_work[dtype]
    call.grad = <char *>cnp.PyArray_DATA(<cnp.ndarray>grad_output)
    call.x = <char *>cnp.PyArray_DATA(<cnp.ndarray>x)
    call.weight = <char *>cnp.PyArray_DATA(<cnp.ndarray>weight)
    call.grad_x = <char *>cnp.PyArray_DATA(grad_x)
    call.shape = channels_of(<cnp.ndarray>x, axis)
    call.wide = dtype == FL_LONGDOUBLE
    call.by_way_of_float = dtype == FL_BFLOAT16
    totals = np.empty(weight.shape, np.longdouble if call.wide else np.float64)
    sums = <char *>cnp.PyArray_DATA(totals)
    with nogil:
        status = backward(&call, sums)
    if status < 0:
        raise MemoryError("no memory for the partial sums of prelu_grad")
    with np.errstate(all="ignore"):
        return grad_x, totals.astype(x.dtype, copy=False)


def _prelu_grad_of_other_arrays(grad_output, x, weight, axis):
    """``grad_x`` of the class that the arrays' own rules give; masked, labelled and lazy ones add up by their rules."""
    operands = grad_output, x, weight
    slopes = broadcastable(weight, x.ndim, axis)
    # pandas adds up along one axis at most.
    if all(is_ndarray(value) or hasattr(value, "iloc") for value in operands):
        grad_x, grad_weight = prelu_grad(*(np.asarray(value) for value in operands), axis)
        if all(type(value) in (np.ndarray, np.memmap) for value in operands):
            return grad_x, grad_weight
        return leaky_relu_grad(grad_output, x, slopes), grad_weight
    grad_x = leaky_relu_grad(grad_output, x, slopes)
    wide = np.longdouble if grad_x.dtype == np.longdouble else np.float64
    others = tuple(i for i in range(x.ndim) if i != axis)
    with np.errstate(all="ignore"):
        wide_x = x.astype(wide)
        products = np.multiply(wide_x, grad_output.astype(wide))
        # The products where x is not greater than 0, else 1 - 1: a product with a mask would make nan of inf.
        totals = (leaky_relu_grad(1.0, wide_x, products) - (wide_x > 0)).sum(axis=others)
        return grad_x, totals.astype(grad_x.dtype)


for _function in (prelu, prelu_grad):
    _function.__module__ = "fastlrelu"
