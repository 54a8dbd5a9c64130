# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True, binding=False
"""The parallel region: the one place where OpenMP's threads share the blocks of a call.

Design
------
a. ``run_blocks`` is a prange over blocks. It is static, so that each thread meets the same blocks at the next call, in
   its own core's cache.
b. One region at a time in the process: it is tried for, never waited for. Whoever does not get it works alone, so that
   concurrent callers do not multiply the threads.
c. Everything that OpenMP is asked is in this module, the only one that is linked with it. Its settings are never
   changed; ``idle.py`` says how long its threads stay awake, which it reads once, when it is loaded.
d. ``team.h`` has whose workers stay, what happens at a fork, and what where a thread cannot be started.
"""
import os
import re

from cython.parallel cimport parallel, prange, threadid

cdef extern from "openmp.h" nogil:
    const bint openmp_compiled
    bint openmp_is_llvm
    bint openmp_loses_forks
    ctypedef struct openmp_state:
        int threads
        int limit
        int level
    openmp_state ask_openmp_first()
    openmp_state ask_openmp_now(const openmp_state *first)
    bint openmp_opens_regions_here()
    const char *openmp_library()

cdef extern from "platform.h" nogil:
    int current_processor()
    void leave_processor(int processor)

cdef extern from "team.h" nogil:
    bint openmp_is_lost
    bint team_prepare(size_t stack_bytes)
    bint team_is_kept()
    bint team_take()
    void team_release()
    bint team_begin(int threads, int processors)
    void team_end(int threads)

cdef openmp_state at_import = ask_openmp_first()
openmp_at_import = OpenMPState(at_import.threads, at_import.limit, at_import.level)
compiled = bool(openmp_compiled)
llvm = bool(openmp_is_llvm)


cdef OpenMPState openmp_now() noexcept nogil:
    cdef openmp_state now = ask_openmp_now(&at_import)
    return OpenMPState(now.threads, now.limit, now.level)


cdef bint region_may_open() noexcept nogil:
    """Whether it is safe in this thread and process, somebody else's region around it aside."""
    return not openmp_is_lost and openmp_opens_regions_here()


cdef bint workers_are_kept() noexcept nogil:
    """Whether this thread's workers wait for its next region, which is then cheap."""
    return team_is_kept()


cdef bint take_region() noexcept nogil:
    """False if somebody has it; else ``release_region`` must follow."""
    return team_take()


cdef void release_region() noexcept nogil:
    team_release()


cdef bint open_region(int threads, int processors) noexcept nogil:
    """Prepare for ``run_blocks``, once the region is taken. False if it would fail; else ``close_region`` follows."""
    return team_begin(threads, processors)


cdef void close_region(int threads) noexcept nogil:
    team_end(threads)


cdef void share_blocks(int threads, block_task task, void *context, Py_ssize_t blocks) noexcept nogil:
    """On its own: clang has LLVM's library take in the thread wherever a function with a region is entered."""
    cdef int callers = current_processor()
    cdef Py_ssize_t block
    with parallel(num_threads=threads):
        # Some kernels wake a thread where its waker runs, although another processor is idle; there the two would take
        # turns for milliseconds.
        if threadid() > 0:
            leave_processor(callers)
        for block in prange(blocks, schedule="static"):
            task(context, block)


cdef void run_blocks(int threads, block_task task, void *context, Py_ssize_t blocks) noexcept nogil:
    """Call ``task(context, block)`` for each block from 0 to ``blocks - 1``."""
    cdef Py_ssize_t block
    if threads < 2:
        for block in range(blocks):
            task(context, block)
    else:
        share_blocks(threads, task, context, blocks)


def library():
    """The path of the OpenMP library in use, which another package may have loaded; None without one."""
    cdef const char *path = openmp_library()
    return None if path == NULL else os.fsdecode(path)


def reason_for_one_thread():
    """Why ``region_may_open`` says no, in words."""
    if openmp_is_lost:
        return "a forked child whose OpenMP library lost its threads at the fork"
    if openmp_loses_forks:
        return "an OpenMP library of LLVM's before 19, which does not survive every fork once it has threads"
    return "not the main thread, which alone may safely use this OpenMP library"


def _stack_bytes():
    """Of a thread, as OpenMP reads it from the environment; 0 where it says nothing."""
    text = os.environ.get("OMP_STACKSIZE") or os.environ.get("GOMP_STACKSIZE") or ""
    size = re.fullmatch(r"\s*(\d{1,12})\s*([bkmg]?)\s*", text, re.ASCII | re.IGNORECASE)
    return int(size[1]) << {"b": 0, "": 10, "k": 10, "m": 20, "g": 30}[size[2].lower()] if size else 0


if not team_prepare(min(_stack_bytes(), 1 << 62)):
    raise ImportError("fastlrelu cannot watch for forks: pthread_atfork failed")
