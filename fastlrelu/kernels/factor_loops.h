/* The four kernels of each operation with a factor for one dtype, with DTYPE, ELEMENT, WIDE (the type that elements are
 * loaded to), FACTORS (single or double) and FINISH_DTYPE (whose last loops serve) defined, and for a 16-bit dtype LOAD
 * and STORE.
 *
 * Block by block: x in, its factors, what they are multiplied by. An operand of stride 0 is repeated to the length of a
 * block, so that one loop does for all. */
typedef void (*SYMBOL(finish))(const WIDE *const *operands, const fl_factors *factors, WIDE *out, ptrdiff_t n);

#if defined(LOAD)
static ONE_COPY void SYMBOL(widen)(float *destination, const ELEMENT *source, const ptrdiff_t n) {
    ELEMENT last[LANES] = {0};
    ptrdiff_t i = 0;
    for (; i <= n - LANES; i += LANES) {
        lanes_store(destination + i, LOAD(source + i));
    }
    if (i < n) {
        memcpy(last, source + i, (size_t)(n - i) * sizeof(ELEMENT));
        lanes_store(destination + i, LOAD(last));
    }
}

static ONE_COPY void SYMBOL(narrow)(ELEMENT *destination, const float *source, const ptrdiff_t n) {
    ELEMENT last[LANES];
    ptrdiff_t i = 0;
    for (; i <= n - LANES; i += LANES) {
        STORE(destination + i, lanes_load(source + i));
    }
    if (i < n) {
        STORE(last, lanes_load(source + i));
        memcpy(destination + i, last, (size_t)(n - i) * sizeof(ELEMENT));
    }
}
#endif

/* n <= FL_BLOCK. */
static ONE_COPY void SYMBOL(block)(const fl_factor_loop *factor, SYMBOL(finish) finish, const int place,
                                   const int inputs, const ELEMENT *const *operands, ELEMENT *out, const ptrdiff_t n) {
    fl_factors factors;
#if defined(LOAD)
    float widened[FL_MAX_INPUTS + 1][FL_BLOCK];
    const float *wide[FL_MAX_INPUTS] = {widened[0], widened[1], widened[2]};
    float *const result = widened[FL_MAX_INPUTS];
    for (int j = 0; j < inputs; j++) {
        SYMBOL(widen)(widened[j], operands[j], n);
    }
    memset(result, 0, sizeof widened[FL_MAX_INPUTS]);
#else
    const ELEMENT *const *const wide = operands;
    ELEMENT *const result = out;
    (void)inputs;
#endif
    /* Not known here: GCC makes one minimum and one maximum of them, but five comparisons of 0. */
    const double lowest = factor->lowest, highest = factor->highest;
    ptrdiff_t i = 0;
    for (; i < n; i++) {
        factors.high[i] = fl_between(lowest, wide[place][i], highest);
    }
    for (; i % FL_PADDING != 0; i++) {
        factors.high[i] = 0;
    }
    factor->compute(&factors, i);
    finish(wide, &factors, result, n);
#if defined(LOAD)
    SYMBOL(narrow)(out, result, n);
#endif
}

static ONE_COPY void SYMBOL(blocks)(const fl_factor_loop *factor, SYMBOL(finish) finish, const int place,
                                    const int inputs, char *const *args, const ptrdiff_t *strides, const ptrdiff_t n) {
    ELEMENT repeated[FL_MAX_INPUTS][FL_BLOCK];
    const ELEMENT *operands[FL_MAX_INPUTS] = {NULL};
    ELEMENT *const out = (ELEMENT *)args[inputs];
    for (int i = 0; i < inputs; i++) {
        operands[i] = (const ELEMENT *)args[i];
        if (strides[i] == 0) {
            const ELEMENT element = *operands[i];
            for (ptrdiff_t j = 0; j < n && j < FL_BLOCK; j++) {
                repeated[i][j] = element;
            }
            operands[i] = repeated[i];
        }
    }
    for (ptrdiff_t start = 0; start < n; start += FL_BLOCK) {
        const ptrdiff_t count = n - start < FL_BLOCK ? n - start : FL_BLOCK;
        SYMBOL(block)(factor, finish, place, inputs, operands, out + start, count);
        for (int i = 0; i < inputs; i++) {
            operands[i] += strides[i] == 0 ? 0 : count;
        }
    }
}

static ONE_COPY void SYMBOL(one_by_one)(const fl_factor_loop *factor, SYMBOL(finish) finish, const int place,
                                        const int inputs, char *const *args, const ptrdiff_t *strides,
                                        const ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        const ELEMENT *operands[FL_MAX_INPUTS] = {NULL};
        for (int j = 0; j < inputs; j++) {
            operands[j] = (const ELEMENT *)(args[j] + i * strides[j]);
        }
        SYMBOL(block)(factor, finish, place, inputs, operands, (ELEMENT *)(args[inputs] + i * strides[inputs]), 1);
    }
}

#define FINISH_(name, dtype) SYMBOL_EXPANDED(name##_finish, dtype, LEVEL)
#define FACTOR_LOOP_(factors, factor) JOINED(factors##_##factor, LEVEL_BELOW)
#define FACTOR_LOOP(factors, factor) FACTOR_LOOP_(factors, factor)
#define KERNELS(name, factor, place, inputs)                                                                         \
    static void SYMBOL(name##_contiguous)(char *const *args, const ptrdiff_t *strides, ptrdiff_t n) {                \
        SYMBOL(blocks)(&FACTOR_LOOP(FACTORS, factor), FINISH_(name, FINISH_DTYPE), place, inputs, args, strides, n); \
    }                                                                                                                \
    static void SYMBOL(name##_strided)(char *const *args, const ptrdiff_t *strides, ptrdiff_t n) {                   \
        SYMBOL(one_by_one)(&FACTOR_LOOP(FACTORS, factor), FINISH_(name, FINISH_DTYPE), place, inputs, args, strides, \
                           n);                                                                                       \
    }                                                                                                                \
    LINES(name, ahead)                                                                                               \
    LINES(name, streamed)
/* No loops over lines: these compute for longer than they wait for memory. */
#define LINES(name, way)                                                                         \
    static void SYMBOL(name##_##way)(char *const *args, const ptrdiff_t *strides, ptrdiff_t n) { \
        SYMBOL(name##_contiguous)(args, strides, n);                                             \
    }
#define OPERATION1(name, a, result)
#define OPERATION2(name, a, b, result)
#define OPERATION3(name, a, b, c, result)
#define FACTOR1(name, factor, place, a, result) KERNELS(name, factor, place, 1)
#define FACTOR2(name, factor, place, a, b, result) KERNELS(name, factor, place, 2)
#define FACTOR3(name, factor, place, a, b, c, result) KERNELS(name, factor, place, 3)

#include "operations.h"

#undef OPERATION1
#undef OPERATION2
#undef OPERATION3
#undef KERNELS
#undef LINES
#undef FINISH_
#undef FACTOR_LOOP
#undef FACTOR_LOOP_
#undef WIDE
#undef FINISH_DTYPE
