# The number of threads, for the teams.

cdef int permitted_threads(int processors) noexcept nogil
