/* The last loops of the operations with a factor for one dtype, with DTYPE, ELEMENT, FACTORS (single or double) and
 * RESULT, the rounding to an element, defined: what the factors are multiplied by, and whether at all. */
#define FINISH_WORD_(factors, word) word##_##factors
#define FINISH_WORD(factors, word) FINISH_WORD_(factors, word)

#define ORDINARY_single(operands, inputs, factors, n) 1
#define f_single const double f = factors->high[i]
#define PRODUCT2_single(f, a) ((f) * (a))
/* a * b has 48 bits at most. */
#define PRODUCT3_single(f, a, b) ((a) * (b) * (f))
#define ORDINARY_double JOINED(ordinary_block, LEVEL)
#define f_double const fl_factor f = {factors->high[i], factors->low[i], factors->exponent[i]}
#define PRODUCT2_double(f, a) fl_product2(f, a, ordinary)
#define PRODUCT3_double(f, a, b) fl_product3(f, a, b, ordinary)

#define PRODUCT2 FINISH_WORD(FACTORS, PRODUCT2)
#define PRODUCT3 FINISH_WORD(FACTORS, PRODUCT3)
#define NOT_BELOW(v, a) fl_at_least(v, a)

#define FINISH_LOOP(arguments, result)     \
    INDEPENDENT_ITERATIONS                 \
    for (ptrdiff_t i = 0; i < n; i++) {    \
        FINISH_WORD(FACTORS, f);           \
        arguments out[i] = RESULT(result); \
    }
#define FINISH(name, inputs, arguments, result)                                                            \
    static ONE_COPY void SYMBOL(name##_finish)(const ELEMENT *const *operands, const fl_factors *factors,  \
                                               ELEMENT *out, ptrdiff_t n) {                                \
        const ELEMENT *const first = operands[0], *const second = operands[1], *const third = operands[2]; \
        (void)second, (void)third;                                                                         \
        if (FINISH_WORD(FACTORS, ORDINARY)(operands, inputs, factors, n)) {                                \
            enum { ordinary = 1 };                                                                         \
            FINISH_LOOP(arguments, result)                                                                 \
        } else {                                                                                           \
            enum { ordinary = 0 };                                                                         \
            FINISH_LOOP(arguments, result)                                                                 \
        }                                                                                                  \
    }
#define OPERATION1(name, a, result)
#define OPERATION2(name, a, b, result)
#define OPERATION3(name, a, b, c, result)
#define FACTOR1(name, factor, place, a, result) FINISH(name, 1, const double a = first[i]; (void)a;, result)
#define FACTOR2(name, factor, place, a, b, result) \
    FINISH(name, 2, const double a = first[i]; const double b = second[i]; (void)b;, result)
#define FACTOR3(name, factor, place, a, b, c, result) \
    FINISH(name, 3, const double a = first[i]; const double b = second[i]; const double c = third[i];, result)

#include "operations.h"

#undef OPERATION1
#undef OPERATION2
#undef OPERATION3
#undef FINISH
#undef FINISH_LOOP
#undef ORDINARY_single
#undef ORDINARY_double
#undef FINISH_WORD
#undef FINISH_WORD_
#undef f_single
#undef f_double
#undef PRODUCT2_single
#undef PRODUCT3_single
#undef PRODUCT2_double
#undef PRODUCT3_double
#undef PRODUCT2
#undef PRODUCT3
#undef NOT_BELOW
#undef RESULT
