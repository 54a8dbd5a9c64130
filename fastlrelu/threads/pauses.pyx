# cython: language_level=3, cdivision=True, freethreading_compatible=True, binding=False
"""How long a pause of the processor takes in the loop of a thread that waits: 5 ns on some, 70 on others."""

cdef extern from "platform.h" nogil:
    long long nanoseconds()
    void pause_for_spin()

cdef enum:
    ROUNDS = 5
    PAUSES = 500


def pauses_in(long long duration):
    """How many pauses fill so many nanoseconds."""
    cdef long long started, least = 1 << 60
    cdef int _i
    for _i in range(ROUNDS):
        started = nanoseconds()
        for _i in range(PAUSES):
            pause_for_spin()
        least = min(least, nanoseconds() - started)
    return max(1, duration * PAUSES // max(1, least))
