# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""Who may use threads, and how many: the one place that knows OpenMP.

Design
------
a. A call with less work than ``smallest_team_bytes`` never comes here. No parallel region is faster than that.
b. One team at a time in the process: a lock that is tried, never waited for. Whoever does not get it works alone, so
   that concurrent callers do not multiply the threads. The lock also guards every measurement below.
c. A forked child works alone: its copy of the OpenMP runtime has lost its threads and would wait for them for ever.
   Parallel regions are opened by a thread of our own, ``launcher.h`` says why; the caller works beside it.
d. The number of threads is read from OpenMP at each call, so that ``OMP_NUM_THREADS`` and threadpoolctl count. Without
   ``OMP_NUM_THREADS`` the CPU quota counts too. OpenMP's own settings are never changed.
e. Threads must not lose to one thread. Per size, both ways are timed as they are used, the faster one is kept, and the
   other is tried again ever more rarely.
"""
import numbers
import os

from cython.parallel cimport prange
from libc.string cimport memset
from cpython.pythread cimport (
    NOWAIT_LOCK, PyThread_acquire_lock, PyThread_allocate_lock, PyThread_release_lock, PyThread_type_lock
)

from . import _caches, _processors

cdef extern from "launcher.h" nogil:
    int fl_launch(void (*region)(void *, int) noexcept nogil, void *context, int helpers)
    void fl_await()
    Py_ssize_t fl_next(Py_ssize_t *counter)

cdef extern from *:
    """
    #include <time.h>
    #if defined(_OPENMP)
    #include <omp.h>
    static const int openmp_compiled = 1;
    #else
    static const int openmp_compiled = 0;
    static int omp_get_max_threads(void) { return 1; }
    static int omp_get_thread_limit(void) { return 1; }
    static int omp_get_level(void) { return 0; }
    #endif

    #if defined(_WIN32)
    #include <windows.h>
    static volatile long fork_happened = 0;
    static int watch_forks(void) { return 0; }
    static long long nanoseconds(void) {
        LARGE_INTEGER count, frequency;
        QueryPerformanceCounter(&count);
        QueryPerformanceFrequency(&frequency);
        return (long long)(1e9 * (double)count.QuadPart / (double)frequency.QuadPart);
    }
    #else
    #include <pthread.h>
    /* Written in the child before any other thread can exist there, read-only afterwards. */
    static volatile int fork_happened = 0;
    static void after_fork_in_child(void) { fork_happened = 1; }
    static int watch_forks(void) { return pthread_atfork(NULL, NULL, after_fork_in_child); }
    static long long nanoseconds(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
    }
    #endif
    """
    const int openmp_compiled
    int fork_happened
    int omp_get_max_threads() noexcept nogil
    int omp_get_thread_limit() noexcept nogil
    int omp_get_level() noexcept nogil
    int watch_forks()
    long long nanoseconds() noexcept nogil

# Measurements of one power of two of bytes, in nanoseconds per byte; 0: not measured yet.
cdef struct Slot:
    double alone
    double together
    int calls_alone
    int calls_together
    long long until_retry
    long long retry_interval

cdef enum:
    SLOTS = 48
    # Calls that each way gets before the two are compared.
    FIRST_CALLS = 3
    FIRST_RETRY = 64
    LAST_RETRY = 65536
    MOST_THREADS = 1024
    DEFAULT_TEAM_BYTES = 256 << 10

# Above this, one region costs little beside the work, so that no first calls are spent on one thread.
cdef Py_ssize_t always_try_bytes = 64 << 20
cdef Py_ssize_t smallest_team_bytes = DEFAULT_TEAM_BYTES
# Each thread of a team gets at least this much.
cdef Py_ssize_t thread_bytes = 128 << 10

cdef Slot slots[SLOTS]
cdef PyThread_type_lock team_lock = PyThread_allocate_lock()
cdef int requested_threads = 0
cdef int processor_limit = 1 << 30
cdef int openmp_threads_at_import = omp_get_max_threads()
cdef bint measured_choice = True


cdef int wanted_threads() noexcept nogil:
    """Before the limits that hold for any wish."""
    cdef int threads = omp_get_max_threads()
    if requested_threads == 0:
        return min(threads, processor_limit)
    # An explicit number counts, unless threadpoolctl has lowered OpenMP's own since.
    if threads >= openmp_threads_at_import:
        return requested_threads
    return min(threads, requested_threads)


cdef int permitted_threads() noexcept nogil:
    if fork_happened or omp_get_level() > 0:
        return 1
    return max(1, min(wanted_threads(), min(omp_get_thread_limit(), MOST_THREADS)))


cdef int slot_of(Py_ssize_t nbytes) noexcept nogil:
    cdef int slot = 0
    while nbytes > 1 and slot < SLOTS - 1:
        nbytes >>= 1
        slot += 1
    return slot


cdef bint together_is_faster(Slot *slot, Py_ssize_t nbytes) noexcept nogil:
    cdef bint faster
    if not measured_choice:
        return True
    if slot.calls_alone < FIRST_CALLS and nbytes < always_try_bytes:
        return False
    if slot.calls_together < FIRST_CALLS:
        return True
    if slot.calls_alone == 0:
        return True
    faster = slot.together < slot.alone
    slot.until_retry -= 1
    if slot.until_retry > 0:
        return faster
    slot.retry_interval = min(LAST_RETRY, max(FIRST_RETRY, 2 * slot.retry_interval))
    slot.until_retry = slot.retry_interval
    return not faster


cdef void enter_team(Team *team, Py_ssize_t nbytes) noexcept nogil:
    """Decide how many threads share ``nbytes`` of memory traffic; ``leave_team`` must follow."""
    cdef int threads = permitted_threads()
    team.threads = 1
    team.slot = -1
    threads = min(threads, <int>min(nbytes // thread_bytes, MOST_THREADS))
    if threads < 2 or not PyThread_acquire_lock(team_lock, NOWAIT_LOCK):
        return
    team.slot = slot_of(nbytes)
    if together_is_faster(&slots[team.slot], nbytes):
        team.threads = threads
    else:
        PyThread_release_lock(team_lock)
    team.started = nanoseconds()


# One call's blocks, and the next of them that nobody works on.
cdef struct Work:
    block_task task
    void *context
    Py_ssize_t blocks
    Py_ssize_t next


cdef void take_blocks(Work *work) noexcept nogil:
    cdef Py_ssize_t block = fl_next(&work.next)
    while block < work.blocks:
        work.task(work.context, block)
        block = fl_next(&work.next)


cdef void help_with_blocks(void *work, int helpers) noexcept nogil:
    cdef int helper
    if helpers == 1:
        take_blocks(<Work *>work)
        return
    for helper in prange(helpers, schedule="static", chunksize=1, num_threads=helpers):
        take_blocks(<Work *>work)


cdef void run_blocks(const Team *team, block_task task, void *context, Py_ssize_t blocks) noexcept nogil:
    """Call ``task(context, block)`` for each block from 0 to ``blocks - 1``."""
    cdef Work work
    cdef bint launched
    work.task = task
    work.context = context
    work.blocks = blocks
    work.next = 0
    # Without a helper not through OpenMP, which a forked child must not enter.
    launched = team.threads > 1 and fl_launch(help_with_blocks, &work, team.threads - 1)
    # The caller works on while the others wake up, and does their share if they are late.
    take_blocks(&work)
    if launched:
        fl_await()


cdef double lower_estimate(double estimate, double sample, int calls) noexcept nogil:
    """Follow the low end of the samples: what lifts a single one is the rest of the machine."""
    if calls == 0 or sample < estimate:
        return sample
    return estimate + (sample - estimate) / 16


cdef void leave_team(const Team *team, Py_ssize_t nbytes) noexcept nogil:
    cdef double sample
    cdef Slot *slot
    if team.slot < 0:
        return
    sample = <double>(nanoseconds() - team.started) / <double>nbytes
    slot = &slots[team.slot]
    if team.threads > 1:
        slot.together = lower_estimate(slot.together, sample, slot.calls_together)
        slot.calls_together = min(slot.calls_together + 1, FIRST_CALLS)
    elif PyThread_acquire_lock(team_lock, NOWAIT_LOCK):
        slot.alone = lower_estimate(slot.alone, sample, slot.calls_alone)
        slot.calls_alone = min(slot.calls_alone + 1, FIRST_CALLS)
    else:
        return
    PyThread_release_lock(team_lock)


def _checked_threads(n):
    if isinstance(n, bool) or not isinstance(n, numbers.Integral):
        raise TypeError(f"the number of threads must be an integer, not {n!r}")
    if not 1 <= n <= MOST_THREADS:
        raise ValueError(f"the number of threads must be from 1 to {MOST_THREADS}, not {n!r}")
    return int(n)


def set_num_threads(n):
    """set_num_threads(n)

    Let large calls in this process use up to `n` threads.

    Parameters
    ----------
    n : int
        1 to 1024. A call may use fewer, where more would not make it faster.

    Raises
    ------
    TypeError
        If `n` is not an integer.
    ValueError
        If `n` is out of range.

    See Also
    --------
    num_threads : the same for the length of a ``with`` block
    """
    global requested_threads
    requested_threads = _checked_threads(n)


def get_num_threads():
    """get_num_threads()

    The largest number of threads that a call from this thread would use now.

    Returns
    -------
    int
        What `set_num_threads` set, else the smallest of OpenMP's number, the processors of the affinity mask and,
        without ``OMP_NUM_THREADS``, the CPU quota. 1 in a forked child and in a build without OpenMP.
    """
    return permitted_threads() if openmp_compiled else 1


class num_threads:  # noqa: N801
    """num_threads(n)

    Context manager: up to `n` threads inside, the former number afterwards.

    Parameters
    ----------
    n : int
        1 to 1024. Like `set_num_threads` it counts for the whole process, not for one thread alone.

    Raises
    ------
    TypeError
        If `n` is not an integer.
    ValueError
        If `n` is out of range.

    Examples
    --------
    >>> import fastlrelu
    >>> with fastlrelu.num_threads(1):
    ...     fastlrelu.get_num_threads()
    1
    """

    __module__ = "fastlrelu"

    def __init__(self, n):
        self._threads = _checked_threads(n)
        self._former = []

    def __enter__(self):
        global requested_threads
        self._former.append(requested_threads)
        requested_threads = self._threads
        return self

    def __exit__(self, *exception):
        global requested_threads
        requested_threads = self._former.pop()


def threads_reason():
    """Which rule set the number of threads, in words."""
    cdef int threads = omp_get_max_threads()
    if not openmp_compiled:
        return "built without OpenMP"
    if fork_happened:
        return "a forked child: OpenMP's threads did not survive the fork"
    if omp_get_level() > 0:
        return "inside a parallel region of another library"
    if wanted_threads() > min(omp_get_thread_limit(), MOST_THREADS):
        if omp_get_thread_limit() > MOST_THREADS:
            return f"more than {MOST_THREADS} are never used"
        return f"OpenMP's thread limit is {omp_get_thread_limit()}"
    if requested_threads > 0:
        if threads < min(openmp_threads_at_import, requested_threads):
            return f"OpenMP's number was lowered to {threads} after the import"
        return f"set_num_threads({requested_threads})"
    if processor_limit < threads:
        return f"the CPU quota pays for {processor_limit} of {threads} processors"
    if threads != openmp_threads_at_import:
        return f"OpenMP's number was set to {threads} after the import"
    if _threads_by_environment is not None:
        return f"OMP_NUM_THREADS={_threads_by_environment}"
    return "OpenMP's number: one for each processor that this process may run on"


def measurements():
    """One dict for each size that was timed: bytes of traffic, GB/s with one thread and with several."""
    rows = []
    for i in range(SLOTS):
        if slots[i].calls_alone or slots[i].calls_together:
            rows.append({
                "bytes": 1 << i,
                "alone": 1 / slots[i].alone if slots[i].calls_alone else None,
                "together": 1 / slots[i].together if slots[i].calls_together else None,
            })
    return rows


def parallel_bytes():
    """Bytes of memory traffic below which a call never uses threads."""
    return smallest_team_bytes


def parallel_reason():
    """Where the choice between one thread and several comes from, in words."""
    if not measured_choice:
        return "FASTLRELU_PARALLEL_BYTES, with several threads from there on"
    return "no parallel region is faster than so little work; above, the faster of both as measured"


def set_parallel_bytes(nbytes):
    """Use threads from so many bytes of traffic on, without measuring; None: back to measuring. Forgets the past."""
    global smallest_team_bytes, measured_choice
    smallest_team_bytes = DEFAULT_TEAM_BYTES if nbytes is None else nbytes
    measured_choice = nbytes is None
    memset(slots, 0, sizeof(slots))


cdef _read_environment():
    global processor_limit, _threads_by_environment
    # The first number of a list is the outermost level's. OpenMP ignores what it cannot read, and so does this.
    text = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if text.isascii() and text.isdecimal() and text.lstrip("0") == str(openmp_threads_at_import):
        _threads_by_environment = os.environ["OMP_NUM_THREADS"]
    else:
        quota = _processors.quota_count()
        if quota is not None and quota < processor_limit:
            processor_limit = quota
    override = _caches.bytes_from_environment("FASTLRELU_PARALLEL_BYTES")
    if override is not None:
        set_parallel_bytes(override)


_threads_by_environment = None
if watch_forks() != 0:
    raise ImportError("fastlrelu cannot watch for forks: pthread_atfork failed")
_read_environment()
openmp = bool(openmp_compiled)
for _function in (set_num_threads, get_num_threads):
    _function.__module__ = "fastlrelu"
