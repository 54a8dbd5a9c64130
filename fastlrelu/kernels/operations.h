/* The operations, one line each: OPERATION<inputs>(name, argument names..., result), or
 * FACTOR<inputs>(name, factor, place of x, argument names..., result) with f, one of the factors of x in factors.h.
 *
 * Included many times with other meanings of OPERATION1 to FACTOR3, so there is no include guard. The results are
 * written in the words below, which loops_wide.h and loops_half.h define for each dtype; the arguments have the dtype
 * of the array.
 *   ADD(a, b)  SUB(a, b)  MUL(a, b)  DIV(a, b)
 *   SELECT_POSITIVE(c, a, b)   a where c > 0, else b: b where c is nan
 *   CONSTANT(v)                a literal in the array's dtype
 *   ROUND(v)                   around each intermediate result, which NumPy would store in the array's dtype; the
 *                              result of the line is rounded when it is stored
 * and for a FACTOR, where whatever is computed from f is rounded but once,
 *   PRODUCT2(f, a)  PRODUCT3(f, a, b)
 *   NOT_BELOW(v, a)            a, or the literal v where a < v: a factor that is 0 has no product with infinity
 */
#ifndef LEAKY_RELU
#define LEAKY_RELU(x, slope) SELECT_POSITIVE(x, x, MUL(slope, x))
#endif

OPERATION2(leaky_relu, x, slope, LEAKY_RELU(x, slope))
OPERATION3(leaky_relu_grad, grad, x, slope, SELECT_POSITIVE(x, grad, MUL(slope, grad)))
OPERATION3(add_leaky_relu, x, y, slope, LEAKY_RELU(ROUND(ADD(x, y)), slope))

#if !defined(FACTOR1)
#define FACTOR1(name, factor, place, a, result) OPERATION1(name, a, result)
#define FACTOR2(name, factor, place, a, b, result) OPERATION2(name, a, b, result)
#define FACTOR3(name, factor, place, a, b, c, result) OPERATION3(name, a, b, c, result)
#endif
FACTOR2(elu, expm1, 0, x, alpha, SELECT_POSITIVE(x, x, PRODUCT2(f, alpha)))
FACTOR3(elu_grad, exp, 1, grad, x, alpha, SELECT_POSITIVE(x, grad, PRODUCT3(f, grad, alpha)))
FACTOR1(gelu, phi, 0, x, PRODUCT2(f, NOT_BELOW(-60, x)))
FACTOR2(gelu_grad, phi_grad, 1, grad, x, PRODUCT2(f, grad))
FACTOR1(gelu_tanh, phi_tanh, 0, x, PRODUCT2(f, NOT_BELOW(-60, x)))
FACTOR2(gelu_tanh_grad, phi_tanh_grad, 1, grad, x, PRODUCT2(f, grad))
#undef FACTOR1
#undef FACTOR2
#undef FACTOR3
