/* What the operations with a factor pass from one of their loops to the next: blocks that stay in the fastest cache.
 *
 * Each loop is short enough for the compiler to vectorise it and exists once for each level: the factors of float32
 * serve the 16-bit dtypes too, whatever they are multiplied by. */
#ifndef FASTLRELU_FACTOR_BLOCKS_H
#define FASTLRELU_FACTOR_BLOCKS_H

#include <stddef.h>

/* Factors are computed for multiples of FL_PADDING, so that their large loops need no second copy for the rest. */
enum { FL_BLOCK = 256, FL_PADDING = 16 };

/* The float32 exponent makes the compiler work on two vectors of float64 at a time, one of which computes while the
 * other waits. float32's factors are in `high` alone. */
typedef struct {
    double high[FL_BLOCK], low[FL_BLOCK];
    float exponent[FL_BLOCK];
} fl_factors;

/* Computes factors from x in `high`, which is brought between the bounds before. */
typedef struct {
    void (*compute)(fl_factors *factors, ptrdiff_t n);
    double lowest, highest;
} fl_factor_loop;

/* FACTOR(name, lowest and highest x for float32, the same for float64). Beyond these bounds no result changes any more;
 * within them every step stays in the range of its numbers. */
#define FL_FACTORS(FACTOR)             \
    FACTOR(expm1, -60, 0, -60, 0)      \
    FACTOR(exp, -300, 0, -2300, 0)     \
    FACTOR(phi, -20, 20, -56, 56)      \
    FACTOR(phi_grad, -20, 20, -56, 56) \
    FACTOR(phi_tanh, -20, 20, -30, 30) \
    FACTOR(phi_tanh_grad, -20, 20, -30, 30)

#endif
