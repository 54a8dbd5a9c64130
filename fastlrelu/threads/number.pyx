# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""Who may use threads, and how many.

Design
------
a. The number of threads is read from OpenMP at each call, so that ``OMP_NUM_THREADS`` and threadpoolctl count. Without
   ``OMP_NUM_THREADS`` the CPU quota counts too. OpenMP's own settings are never changed.
b. Where OpenMP could not open a region safely, the number is 1: inside somebody's region, with some libraries in other
   threads than the main one (``openmp.h``), in some forked children (``team.h``).
"""
import numbers
import os

from .region cimport OpenMPState, openmp_at_import, openmp_now, region_may_open

from . import region
from .processors import quota_count

cdef extern from "platform.h" nogil:
    int processors_of_caller()

cdef enum:
    MOST_THREADS = 1024

cdef int requested_threads = 0
# Whether OMP_NUM_THREADS named it, over quota and affinity.
cdef bint named_by_environment = False
cdef int quota_limit = 1 << 30


cdef int wanted_threads(const OpenMPState *now, int processors) noexcept nogil:
    """Before the limits that hold for any wish."""
    if requested_threads == 0:
        return now.threads if named_by_environment else min(now.threads, min(quota_limit, processors))
    # An explicit number counts, unless threadpoolctl has lowered OpenMP's own since.
    if now.threads >= openmp_at_import.threads:
        return requested_threads
    return min(now.threads, requested_threads)


cdef int permitted_threads(int processors) noexcept nogil:
    """``processors``: those of the caller."""
    cdef OpenMPState now
    if not region_may_open():
        return 1
    now = openmp_now()
    if now.level > 0:
        return 1
    return max(1, min(wanted_threads(&now, processors), min(now.limit, MOST_THREADS)))


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
        What `set_num_threads` set, else ``OMP_NUM_THREADS``, else the smallest of OpenMP's number, the processors of
        this thread's affinity mask and the CPU quota. 1 inside a parallel region and in a build without OpenMP.
    """
    return permitted_threads(processors_of_caller())


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
    cdef OpenMPState now
    cdef int wanted, processors = processors_of_caller()
    if not region.compiled:
        return "built without OpenMP"
    if not region_may_open():
        return region.reason_for_one_thread()
    now = openmp_now()
    if now.level > 0:
        return "inside a parallel region of another library"
    wanted = wanted_threads(&now, processors)
    if wanted > min(now.limit, MOST_THREADS):
        if now.limit > MOST_THREADS:
            return f"more than {MOST_THREADS} are never used"
        return f"OpenMP's thread limit is {now.limit}"
    if requested_threads > 0:
        if now.threads < min(openmp_at_import.threads, requested_threads):
            return f"OpenMP's number was lowered to {now.threads} after the import"
        return f"set_num_threads({requested_threads})"
    if wanted < now.threads:
        if wanted == quota_limit:
            return f"the CPU quota pays for {quota_limit} of {now.threads} processors"
        return f"the affinity mask leaves this thread {processors} of {now.threads} processors"
    if now.threads != openmp_at_import.threads:
        return f"OpenMP's number was set to {now.threads} after the import"
    if named_by_environment:
        return f"OMP_NUM_THREADS={_threads_by_environment}"
    return "OpenMP's number: one for each processor that this process may run on"


cdef _read_environment():
    global quota_limit, named_by_environment, _threads_by_environment
    # The first number of a list is the outermost level's. OpenMP ignores what it cannot read, and so does this.
    text = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if text.isascii() and text.isdecimal() and text.lstrip("0") == str(openmp_at_import.threads):
        _threads_by_environment = os.environ["OMP_NUM_THREADS"]
        named_by_environment = True
    else:
        quota = quota_count()
        if quota is not None and quota < quota_limit:
            quota_limit = quota


_threads_by_environment = None
_read_environment()
for _function in (set_num_threads, get_num_threads):
    _function.__module__ = "fastlrelu"
