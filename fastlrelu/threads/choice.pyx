# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True, binding=False
"""The choice: whether several threads share a call.

Design
------
a. A call with less work than ``smallest_team_bytes`` never comes here. No parallel region is faster than that.
b. Whoever does not get the region (``region.pyx``) works alone. Whoever has it also owns every measurement below, but
   for the term of the way that is held, which is atomic.
c. Threads must not lose to one thread. Per operation, dtype and size, and apart for results in place, for output memory
   that the system has yet to provide, which several threads fetch faster than one, and for callers whose workers do not
   stay, a few calls of each way are timed, one after the other, and the faster way is held for a number of calls before
   both are timed again: for ever more calls while the same way wins, and for the more the more the other loses. Where
   an empty region takes longer than threads could save, they are not even tried, and a held team that suddenly takes
   longer than one thread did, in the mean of its latest calls, ends its term.
"""
import itertools

from libc.limits cimport INT_MAX
from libc.string cimport memset

from .number cimport permitted_threads
from .region cimport close_region, open_region, release_region, run_blocks, take_region, workers_are_kept

from ..dispatch import caches

cdef extern from "platform.h" nogil:
    long long nanoseconds()
    int recent_processors_of_caller()
    long long load_relaxed(const long long *value)
    void store_relaxed(long long *value, long long new_value)
    bint page_is_absent(const char *address)

# Measurements of calls whose memory traffic lies between one power of two and the next.
cdef struct Slot:
    long long threads  # of the team that is measured
    long long term  # calls for which a way is still held: > 0 alone, < 0 together
    long long length  # of the last term
    int calls_alone  # in the measurement under way
    int calls_together
    double alone  # nanoseconds per byte, the least of the measurement
    double together  # likewise; then the mean of the held team's latest calls

cdef enum:
    # Sizes with a slot of their own: from 2**FIRST_SIZE bytes on, by power of two.
    FIRST_SIZE = 17
    SIZES = 32
    # Operations and dtypes, which differ in time per byte.
    WORKS = 64
    # Calls of each way in one measurement.
    FIRST_CALLS = 3
    # A team gets faster over a few short calls in a row: so many that a pause leaves enough of them on one side.
    SHORT_CALLS = 16
    SHORT_NANOSECONDS = 1000000
    # Empty regions in one measurement.
    REGIONS = 8
    # Calls over which the mean of a held team goes.
    LATEST_CALLS = 16
    FIRST_TERM = 16
    LAST_TERM = 65536
    # Calls of the faster way over which one call of the slower way may spread its loss, per unit of the loss.
    CALLS_PER_LOSS = 64
    # Short calls that may be slow since the workers were asleep, and so the caller was when they were late.
    WAKING_CALLS = 8
    # A team that takes this many times as long as one thread even then gets no more calls. Longer calls count as this
    # long: what happens once in a while must not decide.
    HOPELESS = 4
    # A few microseconds of work at the speed of the second-level cache.
    DEFAULT_TEAM_BYTES = 512 << 10
    # Asking the system for the state of a page is nothing beside this much work.
    ASK_BYTES = 4 << 20

# A team that wins by less may lose at the next call.
cdef double CLEARLY = 0.92
# The latest calls of a team lose when they take this many times as long as the best calls of one thread, not its mean.
cdef double LOST = 1.2
# Above this, one region costs little beside the work, so that no first calls are spent on one thread.
cdef Py_ssize_t always_try_bytes = 64 << 20
cdef Py_ssize_t smallest_team_bytes = DEFAULT_TEAM_BYTES
# Each thread of a team gets at least this much.
cdef Py_ssize_t thread_bytes = 128 << 10

# Where a result goes, which decides how far the caches help.
cdef enum:
    PRESENT
    NEW
    IN_PLACE
    MEMORIES

# Of an empty parallel region; no threads: not measured yet.
cdef struct Cost:
    double nanoseconds
    int threads

# Callers whose workers are started anew for each region, and callers whose workers stay.
cdef Slot slots[2][WORKS][MEMORIES][SIZES]
cdef Cost costs[2]
cdef bint measured_choice = True


cdef Slot *slot_of(const Job *job, bint new_output, bint kept) noexcept nogil:
    cdef Py_ssize_t rest = job.nbytes >> FIRST_SIZE + 1
    cdef int size = 0
    while rest > 0 and size < SIZES - 1:
        rest >>= 1
        size += 1
    return &slots[kept][job.work][IN_PLACE if job.in_place else NEW if new_output else PRESENT][size]


cdef void no_work(void *context, Py_ssize_t block) noexcept nogil:
    pass


cdef void measure_region(Cost *cost, int threads, int processors) noexcept nogil:
    """Time a region without work: the least of a few."""
    cdef long long started
    cdef double sample
    cdef int _i
    cost.threads = threads
    cost.nanoseconds = 0
    for _i in range(REGIONS):
        started = nanoseconds()
        if open_region(threads, processors):
            run_blocks(threads, no_work, NULL, threads)
            close_region(threads)
        sample = <double>(nanoseconds() - started)
        cost.nanoseconds = min(cost.nanoseconds, sample) if cost.nanoseconds > 0 else sample


cdef bint region_pays(Cost *cost, int threads, int processors, double alone) noexcept nogil:
    """Whether a region takes less than several threads could save of ``alone`` nanoseconds."""
    # The machine may have been busy the last time.
    if cost.threads != threads or cost.nanoseconds * threads > alone * (threads - 1):
        measure_region(cost, threads, processors)
    return cost.nanoseconds * threads <= alone * (threads - 1)


cdef void hold(Slot *slot, bint together, double loss) noexcept nogil:
    """End the measurement and hold one way, while the other would take ``1 + loss`` times as long."""
    cdef long long length = FIRST_TERM
    if slot.length > 0 and not together:
        length = 2 * slot.length
    elif slot.length < 0 and together:
        length = -2 * slot.length
    length = <long long>min(<double>LAST_TERM, max(<double>length, CALLS_PER_LOSS * loss))
    slot.length = -length if together else length
    slot.calls_alone = slot.calls_together = 0
    store_relaxed(&slot.term, slot.length)


cdef bint measure_together(Slot *slot, Cost *cost, int threads, int processors, Py_ssize_t nbytes) noexcept nogil:
    """The next step of a measurement, with the region taken: whether this call uses the team."""
    cdef int team_calls = SHORT_CALLS if slot.alone * nbytes < SHORT_NANOSECONDS else FIRST_CALLS
    if slot.threads != threads:
        store_relaxed(&slot.term, 0)
        slot.length = slot.calls_alone = slot.calls_together = 0
        slot.alone = slot.together = 0
        store_relaxed(&slot.threads, threads)
    if nbytes < always_try_bytes:
        if slot.calls_alone < FIRST_CALLS:
            return False
        if slot.calls_together == 0 and not region_pays(cost, threads, processors, slot.alone * nbytes):
            hold(slot, False, 0)
            return False
        if slot.calls_together < team_calls:
            if slot.calls_together < WAKING_CALLS or slot.together < HOPELESS * slot.alone:
                return True
    else:
        # So long a call is not spent on one thread first.
        if slot.calls_together < FIRST_CALLS:
            return True
        if slot.calls_alone < FIRST_CALLS:
            return False
    if slot.together < CLEARLY * slot.alone:
        hold(slot, True, slot.alone / slot.together - 1)
        return True
    hold(slot, False, slot.together / slot.alone - 1)
    return False


cdef long long held_term(const Slot *slot, int threads) noexcept nogil:
    return load_relaxed(&slot.term) if load_relaxed(&slot.threads) == threads else 0


cdef void enter_team(Team *team, const Job *job) noexcept nogil:
    """Decide how many threads share the job; ``leave_team`` must follow."""
    cdef int threads = permitted_threads(INT_MAX)
    cdef bint kept
    cdef int processors
    cdef Slot *slot
    cdef long long term
    team.threads = 1
    team.slot = NULL
    team.new_output = not job.in_place and job.nbytes >= ASK_BYTES and page_is_absent(job.output)
    if threads < 2 or job.nbytes < max(smallest_team_bytes, threads * thread_bytes):
        return
    kept = workers_are_kept()
    slot = slot_of(job, team.new_output, kept)
    term = held_term(slot, threads)
    # Two callers at once may count down from the same number: one call more or less is no matter.
    if term > 0:
        store_relaxed(&slot.term, term - 1)
        return
    # Not asked for before, since it takes a system call.
    processors = recent_processors_of_caller()
    threads = permitted_threads(processors)
    if threads < 2 or not take_region():
        return
    term = held_term(slot, threads)
    if term > 0:
        store_relaxed(&slot.term, term - 1)
        release_region()
        return
    if term < 0:
        store_relaxed(&slot.term, term + 1)
    elif measured_choice and not measure_together(slot, &costs[kept], threads, processors, job.nbytes):
        release_region()
        team.slot = slot
        team.started = nanoseconds()
        return
    team.started = nanoseconds()
    if open_region(threads, processors):
        team.slot = slot
        team.threads = threads
    else:
        # Trying costs more than several threads save.
        hold(slot, False, HOPELESS)
        release_region()


cdef void leave_team(const Team *team, const Job *job) noexcept nogil:
    cdef double sample
    cdef Slot *slot = <Slot *>team.slot
    if slot == NULL:
        return
    if team.threads > 1:
        close_region(team.threads)
    sample = <double>(nanoseconds() - team.started) / <double>job.nbytes
    if team.threads > 1:
        if load_relaxed(&slot.term) < 0:
            slot.together += (min(sample, HOPELESS * slot.alone) - slot.together) / LATEST_CALLS
            if slot.together > LOST * slot.alone:
                slot.length = 0
                store_relaxed(&slot.term, 0)
        else:
            slot.together = min(slot.together, sample) if slot.calls_together > 0 else sample
            slot.calls_together = min(slot.calls_together + 1, SHORT_CALLS)
    elif load_relaxed(&slot.term) == 0 and take_region():
        # The measurement may have ended meanwhile.
        if slot.term == 0:
            slot.alone = min(slot.alone, sample) if slot.calls_alone > 0 else sample
            slot.calls_alone += 1
    else:
        return
    release_region()


def measurements():
    """One dict for each kind of call that was timed: work, output memory, workers, traffic, GB/s alone and together."""
    cdef int kept, work, memory, size
    cdef const Slot *slot
    rows = []
    for kept, work, memory, size in itertools.product((1, 0), range(len(_works)), range(MEMORIES), range(SIZES)):
        slot = &slots[kept][work][memory][size]
        if slot.alone > 0 or slot.together > 0:
            rows.append({
                "work": _works[work],
                "memory": ("present", "new", "in place")[memory],
                "workers": ("started for each call", "kept")[kept],
                "bytes": <long long>1 << size + FIRST_SIZE,
                "alone": 1 / slot.alone if slot.alone > 0 else None,
                "together": 1 / slot.together if slot.together > 0 else None,
            })
    return rows


def number_of_work(name):
    """A number for `Job.work`: calls with the same one take about as long per byte."""
    if len(_works) == WORKS:
        raise RuntimeError(f"no number left for {name!r}: WORKS in choice.pyx is {WORKS}")
    _works.append(name)
    return len(_works) - 1


def parallel_bytes():
    """Bytes of memory traffic below which a call never uses threads."""
    return smallest_team_bytes


def parallel_reason():
    """Where the choice between one thread and several comes from, in words."""
    if not measured_choice:
        return "FASTLRELU_PARALLEL_BYTES, with several threads from there on"
    cost = f"; an empty region takes {costs[1].nanoseconds / 1000:.1f} us" if costs[1].threads > 0 else ""
    return f"no region is faster than less work; from there on the faster of both as measured{cost}"


def set_parallel_bytes(nbytes):
    """Use threads from so many bytes of traffic on, without measuring; None: back to measuring. Forgets the past."""
    global smallest_team_bytes, measured_choice
    smallest_team_bytes = DEFAULT_TEAM_BYTES if nbytes is None else nbytes
    measured_choice = nbytes is None
    memset(slots, 0, sizeof(slots))
    memset(costs, 0, sizeof(costs))


_works = []
_override = caches.bytes_from_environment("FASTLRELU_PARALLEL_BYTES")
if _override is not None:
    set_parallel_bytes(_override)
