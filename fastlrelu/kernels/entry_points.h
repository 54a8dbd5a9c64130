/* The four kernels of each operation for one dtype, around that dtype's SYMBOL(loop), SYMBOL(lines), SYMBOL(strided).
 */
enum { SYMBOL(plainly), SYMBOL(ahead), SYMBOL(streamed) };

static ALWAYS_INLINE int SYMBOL(contiguous)(VALUE (*apply)(VALUE, VALUE, VALUE), const int inputs, char *const *args,
                                            const ptrdiff_t *strides, const int way, const ptrdiff_t n) {
    const int slope = 1 << (inputs - 1);
    int steps = 0;
    for (int i = 0; i < inputs; i++) {
        steps |= (strides[i] != 0) << i;
    }
    /* 0 where there is no copy of the loop for these steps. A large one has two, for one slope, the last operand, or
     * many; so has one over lines, and another for one value of all operands after the first: a channel's bias. */
#define CASE(s)                                                                                                       \
    case s:                                                                                                           \
        if ((s) >> inputs != 0 ||                                                                                     \
            ((LARGE_LOOP || way != SYMBOL(plainly)) && ((s) | slope) != 2 * slope - 1 && (LARGE_LOOP || (s) != 1))) { \
            return 0;                                                                                                 \
        }                                                                                                             \
        if (way == SYMBOL(plainly)) {                                                                                 \
            SYMBOL(loop)(apply, inputs, args, (s) & 1, ((s) >> 1) & 1, ((s) >> 2) & 1, n);                            \
        } else {                                                                                                      \
            SYMBOL(lines)(apply, inputs, args, (s) & 1, ((s) >> 1) & 1, ((s) >> 2) & 1, way == SYMBOL(streamed), n);  \
        }                                                                                                             \
        return 1;
    switch (steps) {
        CASE(0)
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
        CASE(6)
        CASE(7)
    }
#undef CASE
    return 0;
}

#define KERNELS(name, inputs)                                                                         \
    static void SYMBOL(name##_strided)(char *const *args, const ptrdiff_t *strides, ptrdiff_t n) {    \
        SYMBOL(strided)(SYMBOL(name##_apply), inputs, args, strides, n);                              \
    }                                                                                                 \
    static void SYMBOL(name##_contiguous)(char *const *args, const ptrdiff_t *strides, ptrdiff_t n) { \
        if (!SYMBOL(contiguous)(SYMBOL(name##_apply), inputs, args, strides, SYMBOL(plainly), n)) {   \
            SYMBOL(name##_strided)(args, strides, n);                                                 \
        }                                                                                             \
    }                                                                                                 \
    LINES(name, inputs, ahead)                                                                        \
    LINES(name, inputs, streamed)

/* A large loop has no copies over lines: it computes for longer than it waits for memory. */
#define LINES(name, inputs, way)                                                                              \
    static void SYMBOL(name##_##way)(char *const *args, const ptrdiff_t *strides, ptrdiff_t n) {              \
        if (LARGE_LOOP || !SYMBOL(contiguous)(SYMBOL(name##_apply), inputs, args, strides, SYMBOL(way), n)) { \
            SYMBOL(name##_contiguous)(args, strides, n);                                                      \
        }                                                                                                     \
    }

/* Every operation takes three values here, so that the loops above are written once; the unused ones cost nothing. */
#define OPERATION1(name, a, result)                                                \
    static ALWAYS_INLINE VALUE SYMBOL(name##_apply)(VALUE a, VALUE b_, VALUE c_) { \
        (void)b_, (void)c_;                                                        \
        return result;                                                             \
    }                                                                              \
    KERNELS(name, 1)
#define OPERATION2(name, a, b, result)                                            \
    static ALWAYS_INLINE VALUE SYMBOL(name##_apply)(VALUE a, VALUE b, VALUE c_) { \
        (void)c_;                                                                 \
        return result;                                                            \
    }                                                                             \
    KERNELS(name, 2)
#define OPERATION3(name, a, b, c, result)                                        \
    static ALWAYS_INLINE VALUE SYMBOL(name##_apply)(VALUE a, VALUE b, VALUE c) { \
        return result;                                                           \
    }                                                                            \
    KERNELS(name, 3)

/* Of the operations with a factor, those whose factor is a call; factor_loops.h has the others. */
#if defined(FACTOR_OF)
#define FACTOR1(name, factor, place, a, result)                                    \
    static ALWAYS_INLINE VALUE SYMBOL(name##_apply)(VALUE a, VALUE b_, VALUE c_) { \
        const VALUE f = FACTOR_OF(factor, a);                                      \
        (void)b_, (void)c_;                                                        \
        return result;                                                             \
    }                                                                              \
    KERNELS(name, 1)
#define FACTOR2(name, factor, place, a, b, result)                                \
    static ALWAYS_INLINE VALUE SYMBOL(name##_apply)(VALUE a, VALUE b, VALUE c_) { \
        const VALUE f = FACTOR_OF(factor, place == 0 ? a : b);                    \
        (void)c_;                                                                 \
        return result;                                                            \
    }                                                                             \
    KERNELS(name, 2)
#define FACTOR3(name, factor, place, a, b, c, result)                            \
    static ALWAYS_INLINE VALUE SYMBOL(name##_apply)(VALUE a, VALUE b, VALUE c) { \
        const VALUE f = FACTOR_OF(factor, place == 0 ? a : b);                   \
        return result;                                                           \
    }                                                                            \
    KERNELS(name, 3)
#else
#define FACTOR1(name, factor, place, a, result)
#define FACTOR2(name, factor, place, a, b, result)
#define FACTOR3(name, factor, place, a, b, c, result)
#endif

#include "operations.h"

#undef OPERATION1
#undef OPERATION2
#undef OPERATION3
#undef KERNELS
#undef LINES
#undef VALUE
#undef ADD
#undef SUB
#undef MUL
#undef DIV
#undef SELECT_POSITIVE
#undef CONSTANT
#undef LARGE_LOOP
#undef ROUND
#undef DTYPE
