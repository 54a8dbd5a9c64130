# Whether several threads share a call: what the other Cython modules use of it.

cdef struct Job:
    int work  # from number_of_work()
    bint in_place  # the output is an input
    Py_ssize_t nbytes  # memory traffic
    const char *output  # an address in the midst of it

cdef struct Team:
    int threads  # 1: the caller works alone
    bint new_output  # large, and in memory that the system has yet to provide
    void *slot  # the measurements that this call adds to; NULL: none
    long long started

cdef Py_ssize_t smallest_team_bytes

cdef void enter_team(Team *team, const Job *job) noexcept nogil
cdef void leave_team(const Team *team, const Job *job) noexcept nogil
