# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True, binding=False
"""Sums that lose nothing, so that the order of their values does not show: not the layout, the threads, the SIMD level.

Design
------
a. The values of a row go into the *bins* of their lanes, by the kernels of ``kernels/exact_sums.h``. The bins hold a
   window of the number line, of more than a hundred bits: it begins a little above the first values, and moves where
   larger ones come, or much smaller ones that reach below its end.
b. What a window does not hold goes into the *superaccumulator* of its weight, an integer as wide as all products of the
   dtype: what is left below the window, infinities and nan, and the bins themselves, before the window moves or so much
   was added that a sum might lose a bit. See Neal, Fast exact summation using small and large superaccumulators, 2015,
   arXiv:1505.05571.
c. At the end both are rounded, once and correctly.
"""
from libc.math cimport INFINITY, NAN, frexp, ldexp
from libc.string cimport memset

from .loops cimport FL_FLOAT64, FL_LONGDOUBLE, FL_SPARE_BITS, FL_ZERO

cdef extern from "<math.h>" nogil:
    long double frexpl(long double value, int *exponent)
    long double ldexpl(long double value, int exponent)

cdef extern from "<float.h>" nogil:
    enum:
        DBL_MANT_DIG, DBL_MAX_EXP, DBL_MIN_EXP, LDBL_MANT_DIG, LDBL_MAX_EXP, LDBL_MIN_EXP

cdef extern from "dispatch/shared_words.h" nogil:
    void ADD_SHARED(long long *word, long long value)

cdef enum:
    # A window begins so many bits above the values that it is made for.
    HEADROOM = 10
    DIGIT_BITS = 32
    # Kept beside the digits: how many values were nan, inf and -inf.
    NANS = 0
    INFINITIES = 1
    NEGATIVE_INFINITIES = 2
    NOT_FINITE = 3

# Each digit is less than 2**32: so many are added to a word before their carries are.
cdef long long MOST_SPILLED = 1 << 30

ctypedef fused real:
    double
    long double


cdef inline real split(real value, int *exponent) noexcept nogil:
    if real is double:
        return frexp(value, exponent)
    else:
        return frexpl(value, exponent)


cdef inline real scaled(real value, int exponent) noexcept nogil:
    if real is double:
        return ldexp(value, exponent)
    else:
        return ldexpl(value, exponent)


cdef Words words_of(int dtype) noexcept nogil:
    """From the last bit of the smallest product, or below, to the largest times 2**63."""
    cdef Words form
    cdef int largest
    if dtype == FL_LONGDOUBLE:
        form.point = -LDBL_MIN_EXP + LDBL_MANT_DIG
        largest = LDBL_MAX_EXP
    elif dtype == FL_FLOAT64:
        form.point = -DBL_MIN_EXP + DBL_MANT_DIG
        largest = DBL_MAX_EXP
    else:
        # Two float32, which other dtypes are a part of.
        form.point = 2 * 149
        largest = 2 * 128
    form.point += DIGIT_BITS
    form.digits = (form.point + largest + 63) // DIGIT_BITS + 1
    form.count = form.digits + NOT_FINITE
    return form


cdef void add_value(long long *words, real value, const Words *form) noexcept nogil:
    cdef int exponent, digit
    cdef real rest
    cdef long long whole
    if value - value != 0:
        words += form.digits
        words[NANS if value != value else INFINITIES if value > 0 else NEGATIVE_INFINITIES] += 1
        return
    rest = split(value, &exponent)
    exponent += form.point
    digit = exponent // DIGIT_BITS
    rest = scaled(rest, exponent % DIGIT_BITS)
    while rest != 0:
        whole = <long long>rest
        words[digit] += whole
        rest = (rest - whole) * <real>(1LL << DIGIT_BITS)
        digit -= 1


cdef void carry(long long *words, const Words *form) noexcept nogil:
    """Make each digit at most half of what the next one counts."""
    cdef long long half = 1LL << (DIGIT_BITS - 1)
    cdef long long over
    cdef int i
    for i in range(form.digits - 1):
        over = (words[i] + half) >> DIGIT_BITS
        words[i] -= over * 2 * half
        words[i + 1] += over


cdef real rounded(long long *words, const Words *form, real zero) noexcept nogil:
    """The nearest value, to even between two, as `math.fsum` rounds."""
    cdef const long long *special = words + form.digits
    cdef int top = form.digits - 1
    cdef int i
    cdef real nearest, total, part, following
    cdef real rest = zero
    if special[NANS] > 0 or (special[INFINITIES] > 0 and special[NEGATIVE_INFINITIES] > 0):
        return <real>NAN
    if special[INFINITIES] > 0 or special[NEGATIVE_INFINITIES] > 0:
        return <real>(INFINITY if special[INFINITIES] > 0 else -INFINITY)
    carry(words, form)
    while top >= 0 and words[top] == 0:
        top -= 1
    if top < 0:
        return zero
    nearest = <real>words[top]
    i = top - 1
    while i >= 0 and rest == 0:
        part = scaled(<real>words[i], DIGIT_BITS * (i - top))
        total = nearest + part
        rest = part - (total - nearest)
        nearest = total
        i -= 1
    while i >= 0 and words[i] == 0:
        i -= 1
    if i >= 0 and rest != 0 and (words[i] > 0) == (rest > 0):
        following = nearest + 2 * rest
        if following - nearest == 2 * rest:
            nearest = following
    return scaled(nearest, DIGIT_BITS * top - form.point)


cdef void round_each(real *sums, long long *words, Py_ssize_t n, const Words *form) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        sums[i] = rounded[real](words + i * form.count, form, 0)


cdef void round_words(char *sums, long long *words, Py_ssize_t n, const Words *form, bint wide) noexcept nogil:
    """The sums in ``n`` superaccumulators."""
    if wide:
        round_each(<long double *>sums, words, n, form)
    else:
        round_each(<double *>sums, words, n, form)


cdef void fold(real *bins, Py_ssize_t n) noexcept nogil:
    """The total of ``n`` lanes, into the first: by halves, which the compiler computes in vectors."""
    cdef Py_ssize_t half, i
    while n > 1:
        half = (n + 1) // 2
        for i in range(n - half):
            bins[i] += bins[i + half]
        n = half


cdef void fold_columns(real *bins, Py_ssize_t n, Py_ssize_t period, Py_ssize_t inner) noexcept nogil:
    """The total of each weight's lanes, into the first ones, which no later weight reads."""
    cdef Py_ssize_t columns = min(n, period)
    cdef Py_ssize_t weight, column, row
    cdef real total
    for weight in range(columns // inner):
        total = 0
        for row in range(n // columns):
            for column in range(inner):
                total += bins[row * columns + weight * inner + column]
        bins[weight] = total


cdef void fold_lanes(const Sums *sums, real *bins) noexcept nogil:
    cdef int _bin
    if sums.weights == sums.lanes:
        return
    for _bin in range(FL_BINS):
        if sums.period == 0:
            fold(bins, sums.lanes)
        else:
            fold_columns(bins, sums.lanes, sums.period, sums.inner)
        bins += sums.lanes


cdef void spill(Sums *sums, Py_ssize_t weight, real value) noexcept nogil:
    cdef Py_ssize_t i
    if sums.spilled == 0:
        memset(sums.words, 0, sums.weights * sums.form.count * sizeof(long long))
    elif sums.spilled == MOST_SPILLED:
        for i in range(sums.weights):
            carry(sums.words + i * sums.form.count, &sums.form)
        sums.spilled = 1
    add_value(sums.words + weight * sums.form.count, value, &sums.form)
    sums.spilled += 1


cdef void empty_bins(Sums *sums, real *bins) noexcept nogil:
    cdef Py_ssize_t weight
    cdef int i
    fold_lanes(sums, bins)
    for i in range(FL_BINS):
        for weight in range(sums.weights):
            spill(sums, weight, bins[i * sums.lanes + weight])
    memset(bins, 0, FL_BINS * sums.lanes * sizeof(real))
    sums.adds = 0


cdef inline int most_top(bint wide) noexcept nogil:
    """Of a window whose sums are finite."""
    return (LDBL_MAX_EXP if wide else DBL_MAX_EXP) - FL_SPARE_BITS - 1


cdef void move_window(Sums *sums, int exponent, real *cuts) noexcept nogil:
    """Let the window begin above values of less than 2**exponent, and where its last bit is still a normal number."""
    cdef int mantissa = LDBL_MANT_DIG if sums.wide else DBL_MANT_DIG
    cdef int least = (LDBL_MIN_EXP if sums.wide else DBL_MIN_EXP) + (FL_BINS + 1) * mantissa
    cdef int i
    sums.top = min(max(exponent + HEADROOM, least), most_top(sums.wide))
    for i in range(FL_BINS):
        # Added to a value, it leaves no bit of it below the piece's last one.
        cuts[i] = scaled(<real>1.5, sums.top + mantissa - 1 - (i + 1) * (mantissa - FL_SPARE_BITS))


cdef void spill_rests(Sums *sums, const real *values, const real *cuts, bint whole) noexcept nogil:
    """What the bins have not taken of each value, or the whole of it."""
    cdef Py_ssize_t i
    cdef int b
    cdef real rest
    for i in range(sums.filled):
        rest = values[i]
        if not whole:
            for b in range(FL_BINS):
                rest -= (rest + cuts[b]) - cuts[b]
        if rest != 0:
            spill(sums, 0 if sums.period == 0 else i % sums.period // sums.inner, rest)


cdef void add_to_bins(Sums *sums, real *bins) noexcept nogil:
    cdef real *values = <real *>sums.values
    cdef real *cuts = <real *>sums.cuts
    cdef int exponent = sums.exponent
    cdef Py_ssize_t adds = (sums.filled + sums.lanes - 1) // sums.lanes * (sums.lanes // sums.weights)
    if exponent > most_top(sums.wide):  # FL_NOT_FINITE too
        spill_rests(sums, values, cuts, True)
        return
    if exponent > sums.top or sums.adds + adds > 1 << FL_SPARE_BITS:
        if sums.adds > 0:
            empty_bins(sums, bins)
        move_window(sums, exponent, cuts)
    sums.adds += adds
    if sums.kernels.extract(values, cuts, bins, sums.lanes, sums.filled):
        spill_rests(sums, values, cuts, False)
        if exponent + HEADROOM < sums.top:
            empty_bins(sums, bins)
            move_window(sums, exponent, cuts)


cdef void add_row(Sums *sums) noexcept nogil:
    """Add the values of the row, and let a new one begin."""
    if sums.exponent != FL_ZERO:
        if sums.wide:
            add_to_bins(sums, <long double *>sums.bins)
        else:
            add_to_bins(sums, <double *>sums.bins)
    sums.filled = 0
    sums.exponent = FL_ZERO


cdef void begin(Sums *sums) noexcept nogil:
    memset(sums.bins, 0, FL_BINS * sums.lanes * (sizeof(long double) if sums.wide else sizeof(double)))
    sums.adds = 0
    sums.spilled = 0
    sums.top = FL_ZERO
    sums.filled = 0
    sums.exponent = FL_ZERO


cdef void empty(Sums *sums) noexcept nogil:
    if sums.wide:
        empty_bins(sums, <long double *>sums.bins)
    else:
        empty_bins(sums, <double *>sums.bins)


cdef void finish(Sums *sums) noexcept nogil:
    """Put the sum of each weight into the first bins."""
    if sums.spilled > 0:
        empty(sums)
        round_words(sums.bins, sums.words, sums.weights, &sums.form, sums.wide)
        return
    if sums.wide:
        fold_lanes(sums, <long double *>sums.bins)
    else:
        fold_lanes(sums, <double *>sums.bins)
    sums.kernels.join(sums.bins, sums.lanes, sums.weights)


cdef void share(Sums *sums, long long *shared) noexcept nogil:
    """Add the sum of each weight to a superaccumulator that other threads add to as well."""
    cdef long long *words = sums.words
    cdef Py_ssize_t i, weight
    empty(sums)
    for weight in range(sums.weights):
        carry(words + weight * sums.form.count, &sums.form)
    for i in range(sums.weights * sums.form.count):
        if words[i] != 0:
            ADD_SHARED(shared + i, words[i])
