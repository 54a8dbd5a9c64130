/* The operations, one line each: OPERATION<inputs>(name, argument names..., result).
 *
 * Included many times with other meanings of OPERATION1 to OPERATION3, so there is no include guard. The results are
 * written in the words below, which loops_wide.h and loops_half.h define for each dtype; the arguments have the dtype
 * of the array.
 *   ADD(a, b)  SUB(a, b)  MUL(a, b)  DIV(a, b)
 *   SELECT_POSITIVE(c, a, b)   a where c > 0, else b: b where c is nan
 *   CONSTANT(v)                a literal in the array's dtype
 *   ROUND(v)                   around each intermediate result, which NumPy would store in the array's dtype; the
 *                              result of the line is rounded when it is stored
 */
#ifndef LEAKY_RELU
#define LEAKY_RELU(x, slope) SELECT_POSITIVE(x, x, MUL(slope, x))
#endif

OPERATION2(leaky_relu, x, slope, LEAKY_RELU(x, slope))
OPERATION3(leaky_relu_grad, grad, x, slope, SELECT_POSITIVE(x, grad, MUL(slope, grad)))
OPERATION3(add_leaky_relu, x, y, slope, LEAKY_RELU(ROUND(ADD(x, y)), slope))
