/* Every kernel of every SIMD level against the oracle, each operand in a block of memory of exactly its size, so that
 * AddressSanitizer or valgrind sees any access outside. Also how the arm64 kernels are proved, under emulation. */
#include <fenv.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>

#include "fp_state.h"
#include "reference.h"
#include "slope.h"

/* Less for valgrind, which is slow and computes no status flags: NO_STATUS_FLAGS leaves them out. */
#ifndef LONGEST_LENGTH
#define LONGEST_LENGTH 300
#define MOST_VALUES 65536
#define MOST_SLOPES 3000000
#endif
enum { LONGEST = LONGEST_LENGTH, VALUES = MOST_VALUES, SLOPES = MOST_SLOPES };

/* valgrind computes long double in double. */
#if defined(LONG_DOUBLE_IS_DOUBLE)
static const int long_double_is_long = 0;
#else
static const int long_double_is_long = 1;
#endif

static long long checks;

static void check(int right, const char *what, const fl_level *level, int dtype, ptrdiff_t n, ptrdiff_t i) {
    checks++;
    if (!right) {
        printf("%s: %s, dtype %d, n %td, element %td\n", level ? level->name : "", what, dtype, n, i);
        exit(1);
    }
}

static uint64_t random_bits(void) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Any bit pattern of the 16-bit dtypes in turn; of the others random ones, and every special value. */
static void fill(int dtype, char *values, ptrdiff_t n, unsigned first) {
    static const double special[] = {0.0, -0.0, 1, -1, INFINITY, -INFINITY, NAN, 0x1p-149, -0x1p-149, 0x1p-1074, -3.5};
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint16_t half = (uint16_t)(first + i * 40503);
        const uint64_t bits = random_bits();
        char *const element = values + i * (ptrdiff_t)item_size[dtype];
        if (dtype <= FL_BFLOAT16) {
            memcpy(element, &half, 2);
        } else if (bits % 5 == 0) {
            store(dtype, element, special[bits / 5 % (sizeof special / sizeof *special)]);
        } else if (dtype == FL_LONGDOUBLE) {
            store(dtype, element, (wide)(int64_t)bits * 0x1p-60L);
        } else {
            memcpy(element, &bits, item_size[dtype]);
        }
    }
}

static void *exactly(size_t bytes) {
    void *const memory = malloc(bytes ? bytes : 1);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

/* The start of a cache line. */
static void *aligned(size_t bytes) {
    void *const memory = aligned_alloc(64, bytes);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

enum way { PLAIN, AHEAD, STREAMED };

static fl_kernel kernel_of(const fl_kernels *kernels, enum way way, ptrdiff_t stretch) {
    if (stretch > 1) {
        return kernels->strided;
    }
    return way == PLAIN ? kernels->contiguous : way == AHEAD ? kernels->ahead : kernels->streamed;
}

/* One call: steps says which inputs are single elements, in_place which input is the output, -1 for none. By way of
 * whole cache lines n is cut to them. */
static void check_call(const fl_level *level, int operation, int dtype, ptrdiff_t n, int steps, int in_place,
                       ptrdiff_t stretch, enum way way) {
    const int inputs = fl_operations[operation].inputs;
    const ptrdiff_t size = (ptrdiff_t)item_size[dtype];
    char *args[FL_MAX_INPUTS + 1] = {NULL}, *copies[FL_MAX_INPUTS];
    ptrdiff_t strides[FL_MAX_INPUTS + 1];
    if (way != PLAIN) {
        n -= n % (64 / size);
    }
    for (int i = 0; i < inputs; i++) {
        const ptrdiff_t count = steps >> i & 1 ? n * stretch : 1;
        strides[i] = steps >> i & 1 ? size * stretch : 0;
        args[i] = way != PLAIN && i == in_place ? aligned((size_t)(count * size)) : exactly((size_t)(count * size));
        copies[i] = exactly((size_t)(count * size));
        fill(dtype, args[i], count, (unsigned)(7919 * i + (int)n));
        memcpy(copies[i], args[i], (size_t)(count * size));
    }
    strides[inputs] = size * stretch;
    args[inputs] = in_place >= 0  ? args[in_place]
                   : way == PLAIN ? exactly((size_t)(n * stretch * size))
                                  : aligned((size_t)(n * size));
    kernel_of(&level->kernels[operation][dtype], way, stretch)(args, strides, n);
    if (way == STREAMED) {
        fl_stream_fence();
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        wide v[FL_MAX_INPUTS] = {0};
        for (int j = 0; j < inputs; j++) {
            v[j] = load(dtype, copies[j] + i * strides[j]);
        }
        const wide value = load(dtype, args[inputs] + i * strides[inputs]);
        const wide reference = expected(operation, dtype, v[0], v[1], v[2]);
        check(is_exact(operation) ? same(value, reference) : near(dtype, value, reference, v[0]),
              fl_operations[operation].name, level, dtype, n, i);
    }
    if (in_place < 0) {
        free(args[inputs]);
    }
    for (int i = 0; i < inputs; i++) {
        free(args[i]);
        free(copies[i]);
    }
}

static wide sum_at(int dtype, const void *sums, ptrdiff_t i) {
    return dtype == FL_LONGDOUBLE ? ((const long double *)sums)[i] : (wide)((const double *)sums)[i];
}

static void check_prelu_grad(const fl_level *level, int dtype, ptrdiff_t n, ptrdiff_t step) {
    const size_t size = item_size[dtype];
    const size_t sum_size = dtype == FL_LONGDOUBLE ? sizeof(long double) : sizeof(double);
    char *const grad = exactly(n * size), *const x = exactly(n * size), *const out = exactly(n * size);
    char *const slopes = exactly((step ? n : 1) * size);
    void *const products = exactly(n * sum_size);
    fill(dtype, grad, n, 1);
    fill(dtype, x, n, 2);
    fill(dtype, slopes, step ? n : 1, 3);
    const int exponent = level->sums[dtype].prelu_grad(grad, x, slopes, step, out, products, n);
    for (ptrdiff_t i = 0; i < n; i++) {
        const wide g = load(dtype, grad + i * size), v = load(dtype, x + i * size);
        const wide slope = load(dtype, slopes + (step ? i * size : 0));
        const wide product = dtype == FL_LONGDOUBLE ? g * v : (wide)((double)g * (double)v);
        const wide actual = sum_at(dtype, products, i);
        check(same(load(dtype, out + i * size), v > 0 ? g : times(dtype, slope, g)), "grad_x", level, dtype, n, i);
        check(same(actual, v > 0 ? 0 : product) || (actual == 0 && product == 0), "product", level, dtype, n, i);
        int own = FL_ZERO;
        if (exponent < DBL_MAX_EXP && actual != 0) {
            frexpl(actual, &own);
        }
        check(own <= exponent || (dtype == FL_LONGDOUBLE && !long_double_is_long), "exponent", level, dtype, n, i);
    }
    free(grad), free(x), free(out), free(slopes), free(products);
}

static void set_sum(int dtype, void *sums, ptrdiff_t i, wide value) {
    if (dtype == FL_LONGDOUBLE) {
        ((long double *)sums)[i] = value;
    } else {
        ((double *)sums)[i] = (double)value;
    }
}

/* Integers times 2^-11, 2^-50 and 2^-100 at random, added up as integers of 128 bits, which the compiler rounds. */
static void check_sums(const fl_level *level, int dtype, ptrdiff_t stride, ptrdiff_t n) {
    static const int places[] = {11, 50, 100};
    const int mantissa = dtype == FL_LONGDOUBLE ? LDBL_MANT_DIG : DBL_MANT_DIG;
    const size_t sum_size = dtype == FL_LONGDOUBLE ? sizeof(long double) : sizeof(double);
    void *const values = exactly(n * sum_size), *const bins = exactly(FL_BINS * stride * sum_size);
    __int128 *const totals = exactly(stride * sizeof *totals);
    wide cuts[FL_BINS];
    for (int b = 0; b < FL_BINS; b++) {
        set_sum(dtype, cuts, b, ldexpl(1.5L, mantissa - 1 - (b + 1) * (mantissa - FL_SPARE_BITS)));
    }
    memset(bins, 0, FL_BINS * stride * sum_size);
    memset(totals, 0, stride * sizeof *totals);
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint64_t bits = random_bits();
        const int place = places[bits % 3], whole = (int)(bits >> 8 & 4095) - 2048;
        set_sum(dtype, values, i, ldexpl(whole, -place));
        totals[i % stride] += whole * ((__int128)1 << (100 - place));
    }
    check(!level->sums[dtype].extract(values, cuts, bins, stride, n), "nothing left", level, dtype, n, stride);
    level->sums[dtype].join(bins, stride, stride);
    for (ptrdiff_t i = 0; i < stride; i++) {
        const wide rounded = dtype == FL_LONGDOUBLE ? (wide)totals[i] : (wide)(double)totals[i];
        check(same(sum_at(dtype, bins, i), ldexpl(rounded, -100)), "sum", level, dtype, n, i);
    }
    set_sum(dtype, values, n / 2, ldexpl(3, -FL_BINS * (mantissa - FL_SPARE_BITS) - 2));
    check(level->sums[dtype].extract(values, cuts, bins, stride, n), "something left", level, dtype, n, stride);
    free(values), free(bins), free(totals);
}

static void check_level(const fl_level *level) {
    for (int dtype = 0; dtype < FL_DTYPES; dtype++) {
        for (int operation = 0; operation < FL_OPERATIONS; operation++) {
            const int inputs = fl_operations[operation].inputs;
            /* The others' reference takes long, and their loops have fewer ends. */
            const ptrdiff_t step = is_exact(operation) ? 1 : 23, most = is_exact(operation) ? VALUES : VALUES / 128;
            const ptrdiff_t lengths[] = {1, 7, 33, most};
            for (int steps = 0; steps < 1 << inputs; steps++) {
                for (ptrdiff_t n = 1; n <= LONGEST; n += step) {
                    check_call(level, operation, dtype, n, steps, -1, 1, PLAIN);
                }
                for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
                    check_call(level, operation, dtype, lengths[i], steps, -1, 1, PLAIN);
                    check_call(level, operation, dtype, lengths[i] % 1000, steps, -1, 3, PLAIN);
                    for (int in_place = 0; in_place < inputs; in_place++) {
                        if (steps >> in_place & 1) {
                            check_call(level, operation, dtype, lengths[i], steps, in_place, 1, PLAIN);
                        }
                    }
                }
                for (int lines = 1; lines <= 5; lines++) {
                    const ptrdiff_t n = lines * (64 / (ptrdiff_t)item_size[dtype]);
                    check_call(level, operation, dtype, n, steps, -1, 1, AHEAD);
                    check_call(level, operation, dtype, n, steps, -1, 1, STREAMED);
                    for (int in_place = 0; in_place < inputs; in_place++) {
                        if (steps >> in_place & 1) {
                            check_call(level, operation, dtype, n, steps, in_place, 1, AHEAD);
                        }
                    }
                }
                check_call(level, operation, dtype, most, steps, -1, 1, AHEAD);
                check_call(level, operation, dtype, most, steps, -1, 1, STREAMED);
            }
        }
        for (ptrdiff_t n = 1; n <= LONGEST; n++) {
            check_prelu_grad(level, dtype, n, 0);
            check_prelu_grad(level, dtype, n, 1);
        }
        check_prelu_grad(level, dtype, VALUES, 1);
        if (dtype == FL_LONGDOUBLE && !long_double_is_long) {
            continue;
        }
        for (ptrdiff_t n = 1; n <= LONGEST; n++) {
            check_sums(level, dtype, n % 37 + 1, n);
            check_sums(level, dtype, n, 5 * n);
        }
    }
}

static void check_copies(void) {
    for (int dtype = 0; dtype < FL_DTYPES; dtype++) {
        const ptrdiff_t size = (ptrdiff_t)item_size[dtype];
        for (ptrdiff_t n = 1; n < 50; n++) {
            char *const source = exactly((size_t)(size * (3 * n - 2))), *const packed = exactly((size_t)(size * n));
            fill(dtype, source, 3 * n - 2, 5);
            fl_copy_strided(packed, size, source + 3 * size * (n - 1), -3 * size, n, (size_t)size);
            for (ptrdiff_t i = 0; i < n; i++) {
                check(same(load(dtype, packed + i * size), load(dtype, source + 3 * size * (n - 1 - i))), "copy", NULL,
                      dtype, n, i);
            }
            free(source), free(packed);
        }
    }
}

static void check_slopes(void) {
    for (int i = 0; i < SLOPES; i++) {
        const uint64_t bits = random_bits();
        double value;
        fl_slope slope;
        memcpy(&value, &bits, sizeof value);
        /* Half of them where float16 has values. */
        value = i & 1 ? ldexp((double)(int64_t)bits, -63 - (int)(bits % 30)) * 70000 : value;
        fl_slope_of(&slope, value, FL_FLOAT16);
        check(same(load(FL_FLOAT16, &slope), widen(half_of(FL_FLOAT16, value), 10, -14)), "slope", NULL, 0, i, 0);
        fl_slope_of(&slope, value, FL_BFLOAT16);
        check(same(load(FL_BFLOAT16, &slope), widen(half_of(FL_BFLOAT16, (float)value), 7, -126)), "slope", NULL, 1, i,
              0);
    }
}

#if !defined(NO_STATUS_FLAGS)
/* By computing: fegetround() asks only one of x86's two units. */
static int rounds_upward(void) {
    volatile double one = 1, little = 0x1p-60;
    return one + little > 1;
}

static void check_fp_state(void) {
    for (int all_units = 0; all_units < 2; all_units++) {
        fl_fp_state caller, own;
        volatile double zero = 0, sink;
        feclearexcept(FE_ALL_EXCEPT);
        feraiseexcept(FE_DIVBYZERO);
        fl_fp_enter(&own, all_units);
        sink = zero / zero;
        fl_fp_leave(&own, all_units);
        check(fetestexcept(FE_INVALID | FE_DIVBYZERO) == FE_DIVBYZERO, "status flags", NULL, -1, all_units, 0);
        fesetround(FE_UPWARD);
        fl_fp_enter(&caller, all_units);
        fl_fp_leave(&caller, all_units);
        check(rounds_upward(), "the caller's rounding", NULL, -1, all_units, 0);
        fesetround(FE_TONEAREST);
        fl_fp_enter(&own, all_units);
        fl_fp_adopt(&caller, all_units);
        check(rounds_upward(), "a worker adopts the rounding", NULL, -1, all_units, 0);
        sink = zero / zero;
        fl_fp_leave(&own, all_units);
        check(!rounds_upward(), "a worker is given its own back", NULL, -1, all_units, 0);
        check(fetestexcept(FE_INVALID) == 0, "a worker's status flags", NULL, -1, all_units, 0);
        (void)sink;
    }
}
#endif

int main(void) {
    int levels = 0;
#if !defined(NO_STATUS_FLAGS)
    check_fp_state();
#endif
    check_slopes();
    check_copies();
    for (int i = 0; i < fl_levels_count; i++) {
        if (fl_levels[i]->supported()) {
            check_level(fl_levels[i]);
            printf("%s ", fl_levels[i]->name);
            levels++;
        }
    }
    printf("%lld checks\n", checks);
    return levels == 0;
}
