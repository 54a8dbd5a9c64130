# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True, binding=False
"""The gradients of PReLU: that of its input element by element, that of its weight as sums.

Design
------
a. In the order of its memory, the axes of ``x`` are groups along which the weight varies, in turn with groups along
   which it is summed. The last one or two make a *run* of contiguous elements, which goes through the kernels a *row*
   at a time. Its elements are added to the sums of the *lanes* in turn, which belong to one slope, or to the slopes of
   neighbouring columns.
b. All the runs of the same weights are one *tile*, which has its sums to itself and rounds them into the gradient.
   Where a team has few tiles, the runs of each are shared out in parts, whose sums are added to shared ones.
c. Sums are exact (``exact_sums.pyx``), so that no order of them shows in the result.
d. Memory: some KiB on the stack of each thread, and the shared sums, which are at most ``SHARED_BYTES``.
"""
from libc.stdlib cimport calloc, free

from ..threads.choice cimport Job, Team, enter_team, leave_team
from ..threads.region cimport run_blocks
from .channels cimport write_out
from .exact_sums cimport (
    LANES_BYTES, MOST_WORDS, ROW_BYTES, Sums, Words, add_row, begin, finish, round_words, share, words_of,
)
from .loops cimport FL_BINS, FL_LONGDOUBLE, Row, fl_fp_adopt, fl_fp_enter, fl_fp_leave, fl_fp_state
from .memory_order cimport MOST_AXES, View, gather, scatter
from .rounding cimport round_sums

cdef enum:
    # Of a run of one slope; a last group shorter than SHORT_RUN makes columns with the group before.
    RUN_LANES = 64
    SHORT_RUN = 128
    # Where the lanes are few, so many elements go through the kernels at once.
    ROW_ELEMENTS = 512
    # Elements of a tile and of a part, so large that the hand-over is nothing beside them, and of a step between parts.
    TILE_ELEMENTS = 32 << 10
    PART_ELEMENTS = 64 << 10
    STEP_ELEMENTS = 16 << 10
    # So many blocks for each thread that the last ones end together.
    BLOCKS_OF_THREAD = 4
    SHARED_BYTES = 256 << 10
    # Operands that are not dense pass through buffers of so many elements.
    PACK_ELEMENTS = 128
    # No sum and no element is larger.
    MOST_BYTES = 16
    CACHE_LINE = 64
    LINE_ELEMENTS = 16

# Groups of axes, slowest first, and how many elements of x one step along each is.
cdef struct Groups:
    int count
    Py_ssize_t lengths[MOST_AXES]
    Py_ssize_t strides[MOST_AXES]

cdef struct Plan:
    const Gradient *call
    Py_ssize_t itemsize
    Py_ssize_t sum_size
    Words form
    bint dense
    Py_ssize_t weights
    Py_ssize_t period  # columns: of all slopes of the last varying group; 0: a run has one slope
    Py_ssize_t inner  # neighbouring columns that share a slope
    Py_ssize_t run
    Py_ssize_t lanes
    Py_ssize_t row  # whole lanes over and over
    Py_ssize_t tiles_across  # in the period
    Py_ssize_t tiles
    Py_ssize_t tiles_at_once
    Py_ssize_t step  # elements of a run between which parts may be cut
    Py_ssize_t steps_of_run
    Py_ssize_t steps  # of a tile
    Py_ssize_t parts  # of each tile
    Groups varying  # beyond the run
    Groups summed
    long long *shared  # sums of parts
    bint team
    fl_fp_state caller


cdef inline char *aligned(char *storage) noexcept nogil:
    """The first cache line in ``storage``: a vector across two lines costs two accesses."""
    return storage + (-<size_t>storage & (CACHE_LINE - 1))


cdef void write_gradient(const Plan *plan, Py_ssize_t first, const char *sums, Py_ssize_t n) noexcept nogil:
    """Round the sums of ``n`` weights into the gradient."""
    cdef const Gradient *call = plan.call
    cdef char buffer[PACK_ELEMENTS * MOST_BYTES]
    cdef Py_ssize_t done = 0
    cdef Py_ssize_t count
    if call.grad_weight.dense:
        round_sums(call.grad_weight.data + first * plan.itemsize, sums, n, call.dtype)
        return
    while done < n:
        count = min(PACK_ELEMENTS, n - done)
        round_sums(buffer, sums + done * plan.sum_size, count, call.dtype)
        scatter(&call.grad_weight, &call.varying, first + done, buffer, count, plan.itemsize)
        done += count


cdef inline Py_ssize_t offset_of(const Groups *groups, Py_ssize_t index) noexcept nogil:
    cdef Py_ssize_t offset = 0
    cdef int i
    for i in range(groups.count - 1, 0, -1):
        offset += index % groups.lengths[i] * groups.strides[i]
        index //= groups.lengths[i]
    return offset + index * groups.strides[0] if groups.count > 0 else offset


cdef const char *slopes_of(
        const Plan *plan, Py_ssize_t first, Py_ssize_t columns, Py_ssize_t n, char *buffer) noexcept nogil:
    """The slopes of ``n`` elements of a tile, of which the first belongs to weight ``first``."""
    cdef const Gradient *call = plan.call
    cdef const View *weight = &call.weight
    cdef Py_ssize_t itemsize = plan.itemsize
    cdef Py_ssize_t channels = columns // plan.inner if plan.period > 0 else 1
    cdef char own[LANES_BYTES]
    cdef const char *slopes = weight.data + first * itemsize
    if not weight.dense:
        gather(own, weight, &call.varying, first, channels, itemsize)
        slopes = own
    elif plan.period == 0 or n == channels:
        return slopes
    write_out(buffer, slopes, 0, plan.inner, channels, 1 if plan.period == 0 else n, itemsize)
    return buffer


cdef void add_elements(
        const Plan *plan, Sums *sums, Py_ssize_t start, Py_ssize_t n, const char *slopes) noexcept nogil:
    """Put the products of ``n`` elements, in the order of x, into the row, and their gradients into grad_x."""
    cdef const Gradient *call = plan.call
    cdef Py_ssize_t itemsize = plan.itemsize
    cdef char buffers[3][PACK_ELEMENTS * MOST_BYTES]
    cdef char *operands[3]
    cdef const View *view
    cdef int i, exponent
    for i in range(3):
        view = &call.grad if i == 0 else &call.x if i == 1 else &call.grad_x
        if view.dense:
            operands[i] = view.data + start * itemsize
        else:
            operands[i] = buffers[i]
            if i < 2:
                gather(buffers[i], view, &call.axes, start, n, itemsize)
    exponent = sums.kernels.prelu_grad(
        operands[0], operands[1], slopes, plan.period > 0, operands[2], sums.values + sums.filled * plan.sum_size, n)
    sums.exponent = max(sums.exponent, exponent)
    sums.filled += n
    if not call.grad_x.dense:
        scatter(&call.grad_x, &call.axes, start, buffers[2], n, itemsize)


cdef void sum_tile(const Plan *plan, Py_ssize_t tile, Py_ssize_t part) noexcept nogil:
    cdef char bins[FL_BINS * LANES_BYTES + CACHE_LINE]
    cdef char values[ROW_BYTES + CACHE_LINE]
    cdef char slope_storage[ROW_BYTES + CACHE_LINE]
    cdef long long words[MOST_WORDS]
    cdef Sums sums
    cdef const char *slopes
    cdef bint many = plan.period > 0
    cdef Py_ssize_t column = tile % plan.tiles_across * plan.lanes
    cdef Py_ssize_t base = offset_of(&plan.varying, tile // plan.tiles_across) + column
    cdef Py_ssize_t run = plan.run if plan.tiles_across == 1 else min(plan.lanes, plan.period - column)
    # Of a run of columns, each row has the same slopes.
    cdef Py_ssize_t slopes_at_once = plan.row if plan.tiles_across == 1 else run
    cdef Py_ssize_t first = tile
    cdef Py_ssize_t row, step, start, stop, count, slope
    sums.kernels = plan.call.kernels
    sums.wide = plan.call.dtype == FL_LONGDOUBLE
    sums.lanes = min(plan.lanes, run)
    sums.period = min(plan.period, sums.lanes)
    sums.inner = plan.inner
    sums.weights = 1
    if many:
        first = (tile // plan.tiles_across * plan.period + column) // plan.inner
        sums.weights = sums.period // plan.inner
    sums.values = aligned(values)
    sums.bins = aligned(bins)
    sums.form = plan.form
    sums.words = words
    begin(&sums)
    row = plan.row // sums.lanes * sums.lanes
    slopes = slopes_of(plan, first, sums.period, slopes_at_once, aligned(slope_storage))
    for step in range(plan.steps * part // plan.parts, plan.steps * (part + 1) // plan.parts):
        start = base + offset_of(&plan.summed, step // plan.steps_of_run)
        stop = start + min(run, (step % plan.steps_of_run + 1) * plan.step)
        start += step % plan.steps_of_run * plan.step
        while start < stop:
            slope = sums.filled % slopes_at_once
            count = min(stop - start, min(row - sums.filled, slopes_at_once - slope))
            if not plan.dense:
                count = min(count, PACK_ELEMENTS)
            add_elements(plan, &sums, start, count, slopes + (slope * plan.itemsize if many else 0))
            if sums.filled == row:
                add_row(&sums)
            start += count
    add_row(&sums)
    if plan.parts == 1:
        finish(&sums)
        write_gradient(plan, first, sums.bins, sums.weights)
    else:
        share(&sums, plan.shared + first * plan.form.count)


cdef void tile_block(void *context, Py_ssize_t block) noexcept nogil:
    cdef const Plan *plan = <const Plan *>context
    cdef const Row *row = plan.call.row
    cdef Py_ssize_t tile = block // plan.parts * plan.tiles_at_once
    cdef Py_ssize_t stop = min(plan.tiles, tile + plan.tiles_at_once)
    cdef fl_fp_state own
    if plan.team:
        fl_fp_enter(&own, row.all_units)
        fl_fp_adopt(&plan.caller, row.all_units)
    while tile < stop:
        sum_tile(plan, tile, block % plan.parts)
        tile += 1
    if plan.team:
        fl_fp_leave(&own, row.all_units)


cdef void share_out(Plan *plan, Py_ssize_t n, int threads) noexcept nogil:
    """Parts of tiles for a team, where there is memory for their sums."""
    cdef Py_ssize_t wanted = (BLOCKS_OF_THREAD * threads + plan.tiles - 1) // plan.tiles
    cdef Py_ssize_t words = plan.weights * plan.form.count
    wanted = min(wanted, min(plan.steps, n // PART_ELEMENTS // plan.tiles))
    plan.parts = 1
    plan.shared = NULL
    if threads > 1 and wanted > 1 and words * sizeof(long long) <= SHARED_BYTES:
        plan.shared = <long long *>calloc(words, sizeof(long long))
        if plan.shared != NULL:
            plan.parts = wanted
    plan.tiles_at_once = max(1, min(plan.tiles, TILE_ELEMENTS // max(1, n // plan.tiles))) if plan.parts == 1 else 1


cdef void write_shared(const Plan *plan) noexcept nogil:
    """The sums of parts, rounded into the gradient."""
    cdef char sums[ROW_BYTES]
    cdef Py_ssize_t done = 0
    cdef Py_ssize_t count
    while done < plan.weights:
        count = min(ROW_BYTES // plan.sum_size, plan.weights - done)
        round_words(sums, plan.shared + done * plan.form.count, count, &plan.form, plan.call.dtype == FL_LONGDOUBLE)
        write_gradient(plan, done, sums, count)
        done += count


cdef int groups_of(const Gradient *call, Py_ssize_t *lengths, bint *varies) noexcept nogil:
    """The lengths of the groups of axes, slowest first, and whether the weight varies; their number, 1 for a scalar."""
    cdef int count = 0
    cdef int of_weight = 0
    cdef bint varying
    cdef int i
    lengths[0] = 1
    varies[0] = False
    for i in range(call.axes.count):
        varying = of_weight < call.varying.count and call.varying.numbers[of_weight] == call.axes.numbers[i]
        of_weight += varying
        if count > 0 and varies[count - 1] == varying:
            lengths[count - 1] *= call.axes.lengths[i]
        else:
            lengths[count] = call.axes.lengths[i]
            varies[count] = varying
            count += 1
    return max(count, 1)


cdef Py_ssize_t make_plan(Plan *plan, const Gradient *call) noexcept nogil:
    """How the elements, whose number is returned, are shared out."""
    cdef Py_ssize_t lengths[MOST_AXES]
    cdef bint varies[MOST_AXES]
    cdef int count = groups_of(call, lengths, varies)
    cdef Py_ssize_t n, most, channels
    cdef Groups *groups
    cdef int i
    plan.call = call
    plan.itemsize = call.row.itemsize
    plan.sum_size = sizeof(long double) if call.dtype == FL_LONGDOUBLE else sizeof(double)
    plan.form = words_of(call.dtype)
    plan.dense = call.grad.dense and call.x.dense and call.grad_x.dense
    plan.run = 1
    plan.period = 0
    plan.inner = plan.tiles_across = 1
    plan.lanes = RUN_LANES
    if not varies[count - 1]:
        plan.run = lengths[count - 1]
        count -= 1
    if count > 0 and plan.run < SHORT_RUN:
        channels = lengths[count - 1]
        count -= 1
        plan.inner = plan.run
        plan.run = plan.period = channels * plan.inner
        most = min(LANES_BYTES // plan.sum_size // plan.inner, MOST_WORDS // plan.form.count)
        if most < channels and most > LINE_ELEMENTS:
            # Every tile but the last in whole cache lines.
            most = most // LINE_ELEMENTS * LINE_ELEMENTS
        plan.tiles_across = (channels + most - 1) // most
        plan.lanes = min(channels, most) * plan.inner
        if plan.tiles_across == 1 and count > 0:
            # Rows of rows: where the columns are few, so are the lanes of one row.
            plan.run = lengths[count - 1] * plan.period
            count -= 1
            plan.lanes = max(1, SHORT_RUN // plan.period) * plan.period
    plan.row = max(ROW_ELEMENTS, 4 * plan.lanes) // plan.lanes * plan.lanes
    n = plan.run
    plan.varying.count = plan.summed.count = 0
    for i in range(count - 1, -1, -1):
        groups = &plan.varying if varies[i] else &plan.summed
        groups.lengths[groups.count] = lengths[i]
        groups.strides[groups.count] = n
        groups.count += 1
        n *= lengths[i]
    plan.tiles = plan.tiles_across
    plan.steps = 1
    reverse(&plan.varying, &plan.tiles)
    reverse(&plan.summed, &plan.steps)
    plan.weights = plan.tiles // plan.tiles_across * max(1, plan.period // plan.inner)
    plan.step = max(1, STEP_ELEMENTS // plan.row) * plan.row
    plan.steps_of_run = (plan.run + plan.step - 1) // plan.step if plan.tiles_across == 1 else 1
    plan.steps *= plan.steps_of_run
    return n


cdef void reverse(Groups *groups, Py_ssize_t *number) noexcept nogil:
    """Put the slowest group first, and multiply the number by that of the groups' elements."""
    cdef int i
    cdef int last = groups.count - 1
    for i in range(groups.count):
        number[0] *= groups.lengths[i]
    for i in range(groups.count // 2):
        groups.lengths[i], groups.lengths[last - i] = groups.lengths[last - i], groups.lengths[i]
        groups.strides[i], groups.strides[last - i] = groups.strides[last - i], groups.strides[i]


cdef void sum_gradient(const Gradient *call) noexcept nogil:
    """Both gradients, of arrays that have elements.

    ``grad_x`` may be ``grad`` or ``x``, element on element; every other operand is apart from both gradients.
    """
    cdef Plan plan
    cdef Team team
    cdef Job job
    cdef Py_ssize_t n = make_plan(&plan, call)
    job.work = call.work
    job.in_place = call.grad_x.data == call.grad.data or call.grad_x.data == call.x.data
    job.nbytes = 3 * n * plan.itemsize
    job.output = call.grad_x.data + (job.nbytes // 6 if call.grad_x.dense else 0)
    fl_fp_enter(&plan.caller, call.row.all_units)
    enter_team(&team, &job)
    plan.team = team.threads > 1
    share_out(&plan, n, team.threads)
    run_blocks(
        team.threads, tile_block, &plan, (plan.tiles + plan.tiles_at_once - 1) // plan.tiles_at_once * plan.parts)
    leave_team(&team, &job)
    if plan.parts > 1:
        write_shared(&plan)
    fl_fp_leave(&plan.caller, call.row.all_units)
    free(plan.shared)
