# What the other Cython modules use of the thread policy.

ctypedef void (*block_task)(void *context, Py_ssize_t block) noexcept nogil

cdef struct Team:
    int threads  # 1: the caller works alone
    int slot  # the row of measurements that this call adds to; -1: none
    long long started

cdef Py_ssize_t smallest_team_bytes

cdef void enter_team(Team *team, Py_ssize_t nbytes, const char *output) noexcept nogil
cdef void run_blocks(const Team *team, block_task task, void *context, Py_ssize_t blocks) noexcept nogil
cdef void leave_team(const Team *team, Py_ssize_t nbytes) noexcept nogil
