# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True, binding=False
"""An operation over a whole array with one value for each channel: the slope of PReLU, a bias.

Design
------
a. As a ufunc call with a broadcast operand, NumPy would hand over one row at a time, or copies of the operand: no
   threads, and a call per row. Here a contiguous array is (outer, channels, inner), cut into blocks for the team
   whatever its layout.
b. Where ``inner`` is long, each piece has one value. Where it is short, the values are written out once over as many
   elements as make a piece worth a kernel call, and the piece has an array of values.
"""
cimport numpy as cnp
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from ..threads.choice cimport Job, Team, enter_team, leave_team
from ..threads.region cimport run_blocks
from .loops cimport (
    FL_MAX_INPUTS, Row, fl_fp_adopt, fl_fp_enter, fl_fp_leave, fl_fp_state, repeat, run_contiguous, stream_bytes
)
from .memory_order cimport Axes

cnp.import_array()

cdef enum:
    # Shorter rows than this have their values written out, which has to be done once before all outer repeats.
    ROW_ELEMENTS = 64
    FEW_REPEATS_ROW_ELEMENTS = 16
    FEW_REPEATS = 8
    # ... over at least as many elements as this.
    PIECE_ELEMENTS = 1024
    # Results that are stored past the caches begin and end with their piece, which costs as much as a few KiB of them.
    STREAM_PIECE_BYTES = 16 << 10
    BLOCK_BYTES = 128 << 10
    CACHE_LINE = 64


cdef Channels channels_of(cnp.ndarray x, int axis) noexcept:
    """The three extents of a contiguous array in the order of its memory."""
    cdef Channels shape
    cdef int i
    cdef Py_ssize_t before = 1
    cdef Py_ssize_t after = 1
    for i in range(axis):
        before *= cnp.PyArray_DIM(x, i)
    for i in range(axis + 1, cnp.PyArray_NDIM(x)):
        after *= cnp.PyArray_DIM(x, i)
    shape.channels = cnp.PyArray_DIM(x, axis)
    shape.outer = before if cnp.PyArray_IS_C_CONTIGUOUS(x) else after
    shape.inner = after if cnp.PyArray_IS_C_CONTIGUOUS(x) else before
    return shape


cdef bint channels_along(const Axes *axes, const Axes *varying, Channels *shape) noexcept nogil:
    """The extents where values vary along ``varying`` alone; False if those axes are not neighbours in memory."""
    cdef int before = 0
    cdef int i
    shape.outer = shape.channels = shape.inner = 1
    while before < axes.count and (varying.count == 0 or axes.numbers[before] != varying.numbers[0]):
        shape.outer *= axes.lengths[before]
        before += 1
    for i in range(varying.count):
        if axes.numbers[before + i] != varying.numbers[i]:
            return False
        shape.channels *= varying.lengths[i]
    for i in range(before + varying.count, axes.count):
        shape.inner *= axes.lengths[i]
    return True


cdef struct Call:
    const Row *row
    char *const *args
    char *values  # of the channels, written out where several are in a piece
    Py_ssize_t n
    Py_ssize_t block  # elements
    Py_ssize_t piece  # elements that share a value, or after which the values repeat
    Py_ssize_t shift  # elements before the first piece, so that the result's begin with a cache line
    Py_ssize_t channels
    bint value_per_piece
    bint stream
    bint team
    fl_fp_state caller


cdef void channel_block(void *context, Py_ssize_t block) noexcept nogil:
    cdef const Call *call = <const Call *>context
    cdef Py_ssize_t itemsize = call.row.itemsize
    cdef Py_ssize_t position = block * call.block
    cdef Py_ssize_t stop = min(call.n, position + call.block)
    cdef Py_ssize_t within, count
    cdef char *args[FL_MAX_INPUTS + 1]
    cdef Py_ssize_t strides[FL_MAX_INPUTS + 1]
    cdef fl_fp_state own
    cdef int output = call.row.inputs
    cdef int i
    strides[0] = strides[output] = itemsize
    strides[1] = 0 if call.value_per_piece else itemsize
    for i in range(2, output):
        args[i] = call.args[i]
        strides[i] = 0
    if call.team:
        fl_fp_enter(&own, call.row.all_units)
        fl_fp_adopt(&call.caller, call.row.all_units)
    while position < stop:
        within = position % call.piece
        count = min((0 if within < call.shift else call.piece) + call.shift - within, stop - position)
        args[0] = call.args[0] + position * itemsize
        if call.value_per_piece:
            args[1] = call.values + position // call.piece % call.channels * itemsize
        else:
            args[1] = call.values + within * itemsize
        args[output] = call.args[output] + position * itemsize
        run_contiguous(call.row, args, strides, count, call.stream)
        position += count
    if call.team:
        fl_fp_leave(&own, call.row.all_units)


cdef void write_out(
        char *destination, const char *values, Py_ssize_t first, Py_ssize_t inner, Py_ssize_t channels,
        Py_ssize_t n, Py_ssize_t itemsize) noexcept nogil:
    """``n`` values, those of channel ``first`` and the following, each ``inner`` times, the channels in turn."""
    cdef Py_ssize_t i = 0
    cdef Py_ssize_t channel = first
    cdef Py_ssize_t count
    while i < n:
        if inner == 1:
            count = min(channels - channel, n - i)
            memcpy(destination + i * itemsize, values + channel * itemsize, count * itemsize)
            channel += count
        else:
            count = min(inner, n - i)
            repeat(destination + i * itemsize, values + channel * itemsize, count, itemsize)
            channel += 1
        i += count
        if channel == channels:
            channel = 0


cdef inline Py_ssize_t whole_lines(Py_ssize_t periods, Py_ssize_t period, Py_ssize_t per_line) noexcept nogil:
    """At most so many periods, in whole cache lines if it can be: ``per_line`` is a power of two."""
    cdef Py_ssize_t together = max(1, per_line // (period & -period))
    return periods // together * together if periods >= together else periods


cdef int run_by_channel(const Row *row, char *const *args, Channels shape) noexcept nogil:
    """Apply the row's operation to a whole array with one value of the second operand for each channel.

    The first input and the output are contiguous and of that shape, the same or apart; the second input has a value
    for each channel, any other a single one. -1 if there is no memory to write the values out.
    """
    cdef Call call
    cdef Team team
    cdef Job job
    cdef Py_ssize_t period = shape.channels * shape.inner
    cdef char *written_out = NULL
    cdef bint past_caches
    cdef Py_ssize_t wanted
    cdef Py_ssize_t per_line = CACHE_LINE // row.itemsize
    call.shift = 0
    call.row = row
    call.args = args
    call.values = args[1]
    call.n = shape.outer * period
    call.channels = shape.channels
    call.value_per_piece = (
        shape.channels == 1
        or shape.inner >= (FEW_REPEATS_ROW_ELEMENTS if shape.outer < FEW_REPEATS else ROW_ELEMENTS))
    call.piece = shape.inner
    call.block = BLOCK_BYTES // row.itemsize
    if call.n == 0:
        return 0
    job.work = row.work
    job.in_place = args[0] == args[row.inputs]
    job.nbytes = 2 * call.n * row.itemsize
    job.output = args[row.inputs] + job.nbytes // 4
    past_caches = not job.in_place and job.nbytes >= stream_bytes
    if call.value_per_piece and shape.channels == 1:
        call.piece = call.n
    elif not call.value_per_piece:
        wanted = STREAM_PIECE_BYTES // row.itemsize if past_caches else PIECE_ELEMENTS
        call.piece = period * whole_lines(max(1, min(shape.outer, wanted // period)), period, per_line)
        if call.piece % per_line == 0 and call.piece <= wanted:
            call.shift = (-<size_t>args[row.inputs] & (CACHE_LINE - 1)) // row.itemsize
        if call.piece + call.shift > shape.channels:
            written_out = <char *>malloc((call.piece + call.shift) * row.itemsize)
            if written_out == NULL:
                return -1
            write_out(written_out, args[1], 0, shape.inner, shape.channels, call.piece + call.shift, row.itemsize)
            call.values = written_out
    fl_fp_enter(&call.caller, row.all_units)
    enter_team(&team, &job)
    call.team = team.threads > 1
    call.stream = past_caches and not team.new_output and 2 * call.piece * row.itemsize > STREAM_PIECE_BYTES
    run_blocks(team.threads, channel_block, &call, (call.n + call.block - 1) // call.block)
    leave_team(&team, &job)
    fl_fp_leave(&call.caller, row.all_units)
    free(written_out)
    return 0
