# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True, binding=False
"""The one way from operands to a kernel, and the table operation x dtype of the kernels in use.

Design
------
a. Whoever the caller is, the work goes through ``run``: it looks at strides and overlap, chooses the kernel, and for
   large arrays the stores and the threads.
b. Python-facing code is compiled for the baseline alone. The wider instructions are in the kernels, of which the best
   that this CPU has are chosen once, at import.
"""
import os

from ..threads.choice cimport Job, Team, enter_team, leave_team, smallest_team_bytes
from ..threads.region cimport run_blocks

from ..threads import choice
from . import caches

cdef extern from "kernels/kernels.h" nogil:
    ctypedef struct fl_level:
        const char *name
        int (*supported)()
        fl_kernels kernels[FL_OPERATIONS][FL_DTYPES]
        fl_sums sums[FL_DTYPES]
    const fl_operation fl_operations[FL_OPERATIONS]
    const fl_level *fl_levels[]
    const int fl_levels_count
    void fl_copy_strided(
        char *destination, Py_ssize_t destination_stride, const char *source, Py_ssize_t source_stride,
        Py_ssize_t n, size_t itemsize)
    void fl_stream_fence()

cdef enum:
    # Elements per block of a team: large enough to hide the hand-over, small enough to share out evenly.
    BLOCK_BYTES = 128 << 10
    CACHE_LINE = 64
    # Shorter runs are not worth a second and a third call, for the elements that fill no cache line.
    LINES_BYTES = 4 << 10
    # A team streams from an eighth more on: its cores' own caches hold as much.
    TEAM_SHARE = 8
    PACK_BYTES = 2 << 10
    # Fewer strided elements are done sooner one by one.
    PACK_ELEMENTS = 8

cdef Row rows[FL_OPERATIONS][FL_DTYPES]
cdef const fl_level *active_level = NULL
stream_bytes = caches.stream_bytes()

dtype_names = {
    FL_FLOAT16: "float16", FL_BFLOAT16: "bfloat16", FL_FLOAT32: "float32", FL_FLOAT64: "float64",
    FL_LONGDOUBLE: "longdouble",
}


cdef const fl_operation *operation_of(int operation) noexcept nogil:
    return &fl_operations[operation]


cdef Row *row_of(int operation, int dtype) noexcept nogil:
    return &rows[operation][dtype]


cdef const fl_sums *sums_of(int dtype) noexcept nogil:
    return &active_level.sums[dtype]


cdef struct Call:
    const Row *row
    char *const *args
    const Py_ssize_t *strides
    Py_ssize_t n
    Py_ssize_t block  # elements
    Operands kind
    bint stream
    bint team
    fl_fp_state caller


cdef bint disjoint(
        const char *a, Py_ssize_t stride_a, const char *b, Py_ssize_t stride_b,
        Py_ssize_t n, Py_ssize_t itemsize) noexcept nogil:
    cdef Py_ssize_t span_a = stride_a * (n - 1)
    cdef Py_ssize_t span_b = stride_b * (n - 1)
    return (
        a + max(span_a, 0) + itemsize <= b + min(span_b, 0)
        or b + max(span_b, 0) + itemsize <= a + min(span_a, 0)
    )


cdef void copy_strided(
        char *destination, Py_ssize_t destination_stride, const char *source, Py_ssize_t source_stride,
        Py_ssize_t n, Py_ssize_t itemsize) noexcept nogil:
    fl_copy_strided(destination, destination_stride, source, source_stride, n, itemsize)


cdef void repeat(char *destination, const char *element, Py_ssize_t n, Py_ssize_t itemsize) noexcept nogil:
    fl_copy_strided(destination, itemsize, element, 0, n, itemsize)


cdef void run_aligned(
        const Row *row, fl_kernel kernel, char *const *args, const Py_ssize_t *strides, Py_ssize_t n) noexcept nogil:
    """Contiguous operands: the output's whole cache lines by `kernel`, the elements before and after them apart."""
    cdef char *part[FL_MAX_INPUTS + 1]
    cdef Py_ssize_t out = <Py_ssize_t>args[row.inputs]
    cdef Py_ssize_t per_line = CACHE_LINE // row.itemsize
    cdef Py_ssize_t head = (-out & (CACHE_LINE - 1)) // row.itemsize
    cdef Py_ssize_t whole = (n - head) // per_line * per_line
    cdef int i
    if whole <= 0 or (out + head * row.itemsize) & (CACHE_LINE - 1) != 0:
        row.kernels.contiguous(args, strides, n)
        return
    if head > 0:
        row.kernels.contiguous(args, strides, head)
    for i in range(row.inputs + 1):
        part[i] = args[i] + head * strides[i]
    kernel(part, strides, whole)
    if head + whole < n:
        for i in range(row.inputs + 1):
            part[i] = args[i] + (head + whole) * strides[i]
        row.kernels.contiguous(part, strides, n - head - whole)


cdef void run_contiguous(
        const Row *row, char *const *args, const Py_ssize_t *strides, Py_ssize_t n, bint stream) noexcept nogil:
    if stream:
        run_aligned(row, row.kernels.streamed, args, strides, n)
        fl_stream_fence()
    elif n * row.itemsize >= LINES_BYTES:
        run_aligned(row, row.kernels.ahead, args, strides, n)
    else:
        row.kernels.contiguous(args, strides, n)


cdef void run_packed(
        const Row *row, char *const *args, const Py_ssize_t *strides, Py_ssize_t n) noexcept nogil:
    """Strided operands that do not overlap: through contiguous buffers, since a loop over strides is not vectorised."""
    cdef char *part[FL_MAX_INPUTS + 1]
    cdef Py_ssize_t part_strides[FL_MAX_INPUTS + 1]
    cdef char buffers[FL_MAX_INPUTS + 1][PACK_BYTES]
    cdef char *operand
    cdef int itemsize = row.itemsize
    cdef int output = row.inputs
    cdef Py_ssize_t start = 0
    cdef Py_ssize_t count
    cdef int i
    while start < n:
        count = min(n - start, PACK_BYTES // itemsize)
        for i in range(row.inputs + 1):
            operand = args[i] + start * strides[i]
            if strides[i] == itemsize or (strides[i] == 0 and i != output):
                part[i] = operand
                part_strides[i] = strides[i]
            else:
                part[i] = buffers[i]
                part_strides[i] = itemsize
                if i != output:
                    fl_copy_strided(part[i], itemsize, operand, strides[i], count, itemsize)
        row.kernels.contiguous(part, part_strides, count)
        if part[output] == buffers[output]:
            fl_copy_strided(
                args[output] + start * strides[output], strides[output], part[output], itemsize, count, itemsize)
        start += count


cdef void run_operands(
        const Operands *kind, const Row *row, char *const *args, const Py_ssize_t *strides,
        Py_ssize_t n) noexcept nogil:
    if kind.contiguous:
        run_contiguous(row, args, strides, n, False)
    elif kind.independent and n >= PACK_ELEMENTS:
        run_packed(row, args, strides, n)
    else:
        row.kernels.strided(args, strides, n)


cdef void run_block(void *context, Py_ssize_t block) noexcept nogil:
    cdef const Call *call = <const Call *>context
    cdef const Row *row = call.row
    cdef char *args[FL_MAX_INPUTS + 1]
    cdef Py_ssize_t start = block * call.block
    cdef Py_ssize_t count = min(call.n - start, call.block)
    cdef fl_fp_state own
    cdef int i
    for i in range(row.inputs + 1):
        args[i] = call.args[i] + start * call.strides[i]
    if call.team:
        fl_fp_enter(&own, row.all_units)
        fl_fp_adopt(&call.caller, row.all_units)
    if call.stream:
        run_contiguous(row, args, call.strides, count, True)
    else:
        run_operands(&call.kind, row, args, call.strides, count)
    if call.team:
        fl_fp_leave(&own, row.all_units)


cdef void run_large(Call *call, Py_ssize_t nbytes) noexcept nogil:
    cdef Team team
    cdef Job job
    call.block = max(1, BLOCK_BYTES // call.row.itemsize)
    job.work = call.row.work
    job.in_place = call.kind.in_place
    job.nbytes = nbytes
    job.output = call.args[call.row.inputs] + call.n // 2 * call.strides[call.row.inputs]
    enter_team(&team, &job)
    call.team = team.threads > 1
    # A new page is cleared by the system first, and then in the cache.
    call.stream = (
        call.kind.contiguous and not call.kind.in_place and not team.new_output
        and nbytes >= (stream_bytes + stream_bytes // TEAM_SHARE if call.team else stream_bytes))
    run_blocks(team.threads, run_block, call, (call.n + call.block - 1) // call.block)
    leave_team(&team, &job)


cdef void run_known(
        const Operands *kind, const Row *row, char *const *args, const Py_ssize_t *strides, Py_ssize_t n,
        Py_ssize_t nbytes, const fl_fp_state *caller) noexcept nogil:
    """`run` between fl_fp_enter and fl_fp_leave, for operands whose kind and memory traffic are known."""
    cdef Call call
    if nbytes < smallest_team_bytes or not kind.independent:
        run_operands(kind, row, args, strides, n)
        return
    call.kind = kind[0]
    call.row = row
    call.args = args
    call.strides = strides
    call.n = n
    call.caller = caller[0]
    run_large(&call, nbytes)


cdef void run(const Row *row, char *const *args, const Py_ssize_t *strides, Py_ssize_t n) noexcept nogil:
    """Apply the row's operation to ``n`` elements.

    ``args`` and ``strides`` are those of a ufunc inner loop: the inputs, then the output. Where the output overlaps an
    input other than element on element, the elements are computed one by one in ascending order.
    """
    cdef Operands kind
    cdef fl_fp_state before
    cdef const char *out = args[row.inputs]
    cdef Py_ssize_t out_stride = strides[row.inputs]
    cdef Py_ssize_t itemsize = row.itemsize
    cdef Py_ssize_t moving = 1  # operands that are not a single element
    cdef int i
    kind.in_place = False
    kind.independent = True
    kind.contiguous = out_stride == itemsize
    for i in range(row.inputs):
        if args[i] == out and strides[i] == out_stride and out_stride != 0:
            kind.in_place = True
        elif not disjoint(args[i], strides[i], out, out_stride, n, itemsize):
            kind.independent = False
        if strides[i] != itemsize and strides[i] != 0:
            kind.contiguous = False
        moving += strides[i] != 0
    kind.contiguous = kind.contiguous and kind.independent
    fl_fp_enter(&before, row.all_units)
    run_known(&kind, row, args, strides, n, n * itemsize * moving, &before)
    fl_fp_leave(&before, row.all_units)


def levels():
    """The SIMD levels that this CPU has, best first."""
    return [fl_levels[i].name.decode() for i in range(fl_levels_count) if fl_levels[i].supported()]


def level():
    """The SIMD level in use."""
    return active_level.name.decode()


def use_level(name):
    """Switch to the level called `name`: for the tests and the self-check, while nothing else computes."""
    global active_level
    cdef int i, operation, dtype
    if name not in levels():
        raise ValueError(f"SIMD level {name!r} is not one of this CPU's: {', '.join(levels())}")
    for i in range(fl_levels_count):
        if fl_levels[i].name.decode() == name:
            active_level = fl_levels[i]
    for operation in range(FL_OPERATIONS):
        for dtype in range(FL_DTYPES):
            rows[operation][dtype].kernels = active_level.kernels[operation][dtype]


def stream_threshold():
    """Bytes of memory traffic from which a separate output is stored past the caches."""
    return stream_bytes


def set_stream_threshold(nbytes):
    """Set `stream_threshold`: for the tests, while nothing else computes."""
    global stream_bytes
    stream_bytes = nbytes


cdef _build_table():
    cdef int operation, dtype
    cdef int itemsizes[FL_DTYPES]
    itemsizes[FL_FLOAT16] = itemsizes[FL_BFLOAT16] = 2
    itemsizes[FL_FLOAT32] = 4
    itemsizes[FL_FLOAT64] = 8
    itemsizes[FL_LONGDOUBLE] = sizeof(long double)
    for operation in range(FL_OPERATIONS):
        for dtype in range(FL_DTYPES):
            rows[operation][dtype].inputs = fl_operations[operation].inputs
            rows[operation][dtype].itemsize = itemsizes[dtype]
            rows[operation][dtype].work = choice.number_of_work(
                f"{fl_operations[operation].name.decode()} {dtype_names[dtype]}")
            rows[operation][dtype].all_units = dtype == FL_LONGDOUBLE


cdef _choose_level():
    forced = os.environ.get("FASTLRELU_SIMD")
    if forced and forced.lower() not in levels():
        raise ImportError(
            f"FASTLRELU_SIMD={forced!r} is not a SIMD level of this CPU and build; choose one of {', '.join(levels())}")
    use_level(forced.lower() if forced else levels()[0])


_build_table()
_choose_level()
