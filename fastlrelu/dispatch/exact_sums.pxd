# Exact sums of many values in each of some lanes, several lanes to a weight: see exact_sums.pyx.

from .loops cimport FL_BINS, fl_sums

cdef enum:
    # What a thread has on its stack, where there may be little: the values of a row, four for each of the most lanes; a
    # bin of each lane; superaccumulators, of which no page is touched before one is needed.
    ROW_BYTES = 8 << 10
    LANES_BYTES = ROW_BYTES // 4
    MOST_WORDS = 6 << 10

# The superaccumulators of one dtype.
cdef struct Words:
    int count  # of each, those of infinities and nan included
    int digits
    int point  # the weight of digit i is 2**(32 * i - point)

cdef struct Sums:
    const fl_sums *kernels
    bint wide  # long double, else double
    Py_ssize_t lanes
    Py_ssize_t period  # lanes after which the weights begin anew; 0: all lanes have one weight
    Py_ssize_t inner  # neighbouring lanes of a weight
    Py_ssize_t weights
    char *values  # the row to be added, of each lane in turn
    Py_ssize_t filled  # elements of it
    int exponent  # all of them are below 2**exponent
    char *bins
    long double cuts[FL_BINS]
    int top  # no value of 2**top or more goes into the bins
    Py_ssize_t adds  # to each weight, at most, since the bins were empty
    Words form
    long long *words
    long long spilled  # adds to a word since the last carry; 0: no superaccumulator is in use

cdef Words words_of(int dtype) noexcept nogil
cdef void begin(Sums *sums) noexcept nogil
cdef void add_row(Sums *sums) noexcept nogil
cdef void finish(Sums *sums) noexcept nogil
cdef void share(Sums *sums, long long *shared) noexcept nogil
cdef void round_words(char *rounded, long long *words, Py_ssize_t n, const Words *form, bint wide) noexcept nogil
