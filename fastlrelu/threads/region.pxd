# What the thread policy asks of OpenMP, and the region.

cdef struct OpenMPState:
    int threads  # of a region that this thread would open
    int limit  # of all threads that it may start
    int level  # of regions that it is in, other libraries' too

ctypedef void (*block_task)(void *context, Py_ssize_t block) noexcept nogil

cdef OpenMPState openmp_at_import

cdef OpenMPState openmp_now() noexcept nogil
cdef bint region_may_open() noexcept nogil
cdef bint workers_are_kept() noexcept nogil
cdef bint take_region() noexcept nogil
cdef void release_region() noexcept nogil
cdef bint open_region(int threads, int processors) noexcept nogil
cdef void close_region(int threads) noexcept nogil
cdef void run_blocks(int threads, block_task task, void *context, Py_ssize_t blocks) noexcept nogil
