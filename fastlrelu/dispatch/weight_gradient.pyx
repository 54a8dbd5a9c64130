# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True, binding=False
"""The gradients of PReLU: that of its input element by element, that of its weight as sums.

Design
------
a. In the order of its memory, the axes of ``x`` are groups along which the weight varies, in turn with groups along
   which it is summed. The last one or two make a *run* of contiguous elements, which goes through the kernel so many
   elements at a time, each added to a sum of its own: the *lanes*. They belong to one slope, or to the slopes of
   neighbouring columns.
b. All the runs of the same weights are one *tile*, which has its sums to itself and rounds them into the gradient.
   Where there are few weights, the runs of a tile are shared out in parts, whose sums are added up in order at the end.
c. Sums are float64 (long double for long double). How they are split depends on shape and memory order alone: the same
   bits for any number of threads and at any SIMD level.
d. Memory: a few KiB on the stack of each thread, and the sums of the parts, which are at most ``PARTIAL_BYTES``.
"""
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from ..threads.choice cimport Job, Team, enter_team, leave_team
from ..threads.region cimport run_blocks
from .channels cimport write_out
from .loops cimport FL_LONGDOUBLE, Row, fl_fp_adopt, fl_fp_enter, fl_fp_leave, fl_fp_state
from .memory_order cimport MOST_AXES, View, gather, scatter
from .rounding cimport round_sums

cdef enum:
    # Lanes of a run of one slope; a shorter last group than ROW_ELEMENTS makes columns with the group before.
    ROW_LANES = 256
    ROW_ELEMENTS = 16
    # Bytes of the sums, and of the slopes, of a tile of columns: small, since stacks of threads may be.
    COLUMN_BYTES = 16 << 10
    # Of slopes that belong to two lanes or more each.
    REPEATED_BYTES = COLUMN_BYTES // 2
    # Fewer columns than half of these are summed several rows at a time.
    NARROW_COLUMNS = 256
    # Elements of a tile and of a part, so large that the hand-over is nothing beside them, and of a step between parts.
    TILE_ELEMENTS = 32 << 10
    PART_ELEMENTS = 64 << 10
    STEP_ELEMENTS = 16 << 10
    MOST_PARTS = 64
    PARTIAL_BYTES = 256 << 10
    # Operands that are not dense pass through buffers of so many elements.
    PACK_ELEMENTS = 128
    # No sum and no element is larger.
    MOST_BYTES = 16
    CACHE_LINE = 64

# Groups of axes, slowest first, and how many elements of x one step along each is.
cdef struct Groups:
    int count
    Py_ssize_t lengths[MOST_AXES]
    Py_ssize_t strides[MOST_AXES]

cdef struct Plan:
    const Gradient *call
    Py_ssize_t itemsize
    Py_ssize_t sum_size
    bint dense
    Py_ssize_t weights
    Py_ssize_t period  # columns: of all slopes of the last varying group; 0: a run has one slope
    Py_ssize_t inner  # neighbouring columns that share a slope
    Py_ssize_t run
    Py_ssize_t lanes
    Py_ssize_t tiles_across  # in the period
    Py_ssize_t tiles
    Py_ssize_t tiles_at_once
    Py_ssize_t step  # elements of a run between which parts may be cut
    Py_ssize_t steps_of_run
    Py_ssize_t steps  # of a tile
    Py_ssize_t parts  # of each tile
    Groups varying  # beyond the run
    Groups summed
    char *partial  # sums of parts
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


cdef void fold_columns(char *sums, Py_ssize_t n, Py_ssize_t period, Py_ssize_t inner, bint wide) noexcept nogil:
    """The total of each channel in order, into the first sums, which no later channel reads."""
    cdef Py_ssize_t sum_size = sizeof(long double) if wide else sizeof(double)
    cdef Py_ssize_t columns = min(n, period)
    cdef Py_ssize_t channel, column, row
    cdef char *total
    for channel in range(columns // inner):
        total = sums + channel * inner * sum_size
        for row in range(n // columns):
            for column in range(row * columns, row * columns + inner):
                if column > 0:
                    add(total, total + column * sum_size, wide)
        memcpy(sums + channel * sum_size, total, sum_size)


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
        const Plan *plan, Py_ssize_t first, Py_ssize_t used, char *buffer) noexcept nogil:
    """The slopes of a tile's lanes, of which the first belongs to weight ``first``."""
    cdef const Gradient *call = plan.call
    cdef const View *weight = &call.weight
    cdef Py_ssize_t itemsize = plan.itemsize
    cdef Py_ssize_t channels
    cdef char own[REPEATED_BYTES]
    if plan.period == 0:
        channels = 1
    else:
        channels = min(used, plan.period) // plan.inner
    cdef const char *slopes = weight.data + first * itemsize
    if not weight.dense and used == channels:
        gather(buffer, weight, &call.varying, first, channels, itemsize)
        return buffer
    if not weight.dense:
        gather(own, weight, &call.varying, first, channels, itemsize)
        slopes = own
    elif used == channels or plan.period == 0:
        return slopes
    write_out(buffer, slopes, 0, plan.inner, channels, 1 if plan.period == 0 else used, itemsize)
    return buffer


cdef void add_packed(
        const Plan *plan, Py_ssize_t start, Py_ssize_t n, const char *slopes, bint many, char *sums) noexcept nogil:
    """Of operands that are not all dense, ``n`` elements in the order of x."""
    cdef const Gradient *call = plan.call
    cdef Py_ssize_t itemsize = plan.itemsize
    cdef char buffers[3][PACK_ELEMENTS * MOST_BYTES]
    cdef char *operands[3]
    cdef const View *view
    cdef Py_ssize_t done = 0
    cdef Py_ssize_t count
    cdef int i
    while done < n:
        count = min(PACK_ELEMENTS, n - done)
        for i in range(3):
            view = &call.grad if i == 0 else &call.x if i == 1 else &call.grad_x
            if view.dense:
                operands[i] = view.data + (start + done) * itemsize
            else:
                operands[i] = buffers[i]
                if i < 2:
                    gather(buffers[i], view, &call.axes, start + done, count, itemsize)
        call.kernel(
            operands[0], operands[1], slopes + (done * itemsize if many else 0), many, operands[2],
            sums + done * plan.sum_size, count)
        if not call.grad_x.dense:
            scatter(&call.grad_x, &call.axes, start + done, buffers[2], count, itemsize)
        done += count


cdef void sum_tile(const Plan *plan, Py_ssize_t tile, Py_ssize_t part) noexcept nogil:
    cdef const Gradient *call = plan.call
    cdef char sum_storage[COLUMN_BYTES + CACHE_LINE]
    cdef char slope_storage[COLUMN_BYTES + CACHE_LINE]
    cdef char *sums = aligned(sum_storage)
    cdef Py_ssize_t itemsize = plan.itemsize
    cdef bint wide = call.dtype == FL_LONGDOUBLE
    cdef bint many = plan.period > 0
    cdef Py_ssize_t column = tile % plan.tiles_across * plan.lanes
    cdef Py_ssize_t base = offset_of(&plan.varying, tile // plan.tiles_across) + column
    cdef Py_ssize_t run = plan.run if plan.tiles_across == 1 else min(plan.lanes, plan.period - column)
    cdef Py_ssize_t used = min(plan.lanes, run)
    cdef Py_ssize_t first = tile
    cdef Py_ssize_t n = 1
    cdef Py_ssize_t step, start, stop, offset, count
    cdef const char *slopes
    if many:
        first = (tile // plan.tiles_across * plan.period + column) // plan.inner
        n = min(used, plan.period) // plan.inner
    slopes = slopes_of(plan, first, used, aligned(slope_storage))
    memset(sums, 0, used * plan.sum_size)
    for step in range(plan.steps * part // plan.parts, plan.steps * (part + 1) // plan.parts):
        start = step % plan.steps_of_run * plan.step
        stop = min(run, start + plan.step)
        offset = base + offset_of(&plan.summed, step // plan.steps_of_run)
        start += offset
        stop += offset
        while start < stop:
            count = min(used, stop - start)
            if plan.dense:
                call.kernel(
                    call.grad.data + start * itemsize, call.x.data + start * itemsize, slopes, many,
                    call.grad_x.data + start * itemsize, sums, count)
            else:
                add_packed(plan, start, count, slopes, many, sums)
            start += count
    if many and n < used:
        fold_columns(sums, used, plan.period, plan.inner, wide)
    elif not many:
        fold(sums, used, wide)
    if plan.parts == 1:
        write_gradient(plan, first, sums, n)
    else:
        memcpy(plan.partial + (part * plan.weights + first) * plan.sum_size, sums, n * plan.sum_size)


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


cdef void add_parts(const Plan *plan) noexcept nogil:
    """The partial sums of each weight in order, rounded into the gradient."""
    cdef bint wide = plan.call.dtype == FL_LONGDOUBLE
    cdef Py_ssize_t i
    for i in range(plan.weights, plan.parts * plan.weights):
        add(plan.partial + i % plan.weights * plan.sum_size, plan.partial + i * plan.sum_size, wide)
    write_gradient(plan, 0, plan.partial, plan.weights)


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
    cdef Py_ssize_t n, most, channels, repeats
    cdef Groups *groups
    cdef int i
    plan.call = call
    plan.itemsize = call.row.itemsize
    plan.sum_size = sizeof(long double) if call.dtype == FL_LONGDOUBLE else sizeof(double)
    plan.dense = call.grad.dense and call.x.dense and call.grad_x.dense
    plan.run = 1
    plan.period = 0
    plan.inner = plan.tiles_across = 1
    if not varies[count - 1]:
        plan.run = lengths[count - 1]
        count -= 1
    if count > 0 and plan.run < ROW_ELEMENTS:
        channels = lengths[count - 1]
        count -= 1
        plan.inner = plan.run
        plan.run = plan.period = channels * plan.inner
        most = COLUMN_BYTES // max(plan.sum_size, plan.itemsize) // plan.inner
        plan.tiles_across = (channels + most - 1) // most
        plan.lanes = (channels + plan.tiles_across - 1) // plan.tiles_across * plan.inner
        if 2 * plan.period <= NARROW_COLUMNS and count > 0:
            plan.run = lengths[count - 1] * plan.period
            count -= 1
            repeats = NARROW_COLUMNS // plan.period
            plan.lanes = repeats * plan.period
    else:
        plan.lanes = ROW_LANES
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
    plan.step = max(1, STEP_ELEMENTS // plan.lanes) * plan.lanes
    plan.steps_of_run = (plan.run + plan.step - 1) // plan.step if plan.tiles_across == 1 else 1
    plan.steps *= plan.steps_of_run
    plan.parts = max(1, min(
        min(MOST_PARTS, plan.steps),
        min(n // PART_ELEMENTS // plan.tiles, PARTIAL_BYTES // plan.sum_size // plan.weights)))
    plan.tiles_at_once = max(1, min(plan.tiles, TILE_ELEMENTS // max(1, n // plan.tiles))) if plan.parts == 1 else 1
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


cdef int sum_gradient(const Gradient *call) noexcept nogil:
    """Both gradients, of arrays that have elements. -1 if there is no memory for the sums of parts.

    ``grad_x`` may be ``grad`` or ``x``, element on element; every other operand is apart from both gradients.
    """
    cdef Plan plan
    cdef Team team
    cdef Job job
    cdef Py_ssize_t n = make_plan(&plan, call)
    plan.partial = NULL
    if plan.parts > 1:
        plan.partial = <char *>malloc(plan.parts * plan.weights * plan.sum_size)
        if plan.partial == NULL:
            return -1
    job.work = call.work
    job.in_place = call.grad_x.data == call.grad.data or call.grad_x.data == call.x.data
    job.nbytes = 3 * n * plan.itemsize
    job.output = call.grad_x.data + (job.nbytes // 6 if call.grad_x.dense else 0)
    fl_fp_enter(&plan.caller, call.row.all_units)
    enter_team(&team, &job)
    plan.team = team.threads > 1
    run_blocks(
        team.threads, tile_block, &plan, (plan.tiles + plan.tiles_at_once - 1) // plan.tiles_at_once * plan.parts)
    leave_team(&team, &job)
    if plan.parts > 1:
        add_parts(&plan)
    fl_fp_leave(&plan.caller, call.row.all_units)
    free(plan.partial)
    return 0
