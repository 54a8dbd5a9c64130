# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""Who may use threads, and how many.

Design
------
a. A forked child works alone: its copy of the OpenMP runtime has lost its threads and would wait for them for ever.
b. The number of threads is read from OpenMP at each call, so that ``OMP_NUM_THREADS`` and threadpoolctl count. Without
   ``OMP_NUM_THREADS`` the CPU quota counts too. OpenMP's own settings are never changed.
"""
import numbers
import os

from . import _processors

cdef extern from "openmp.h" nogil:
    const int openmp_compiled
    int fork_happened
    int omp_get_max_threads()
    int omp_get_thread_limit()
    int omp_get_level()
    int watch_forks()

cdef enum:
    MOST_THREADS = 1024

cdef int requested_threads = 0
cdef int processor_limit = 1 << 30
cdef int openmp_threads_at_import = omp_get_max_threads()


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


_threads_by_environment = None
if watch_forks() != 0:
    raise ImportError("fastlrelu cannot watch for forks: pthread_atfork failed")
_read_environment()
openmp = bool(openmp_compiled)
for _function in (set_num_threads, get_num_threads):
    _function.__module__ = "fastlrelu"
