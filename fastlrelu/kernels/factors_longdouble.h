/* The factors for longdouble, from the C library's functions: see factors.h.
 *
 * A function of a rounded argument is wrong by its derivative times the rounding, which for exp(-x**2 / 2) is as many
 * units as x**2: each argument's rest is found by fmal and put right to first order. Around the zeros of the gradients
 * their Taylor series take over. */
#ifndef FASTLRELU_FACTORS_LONGDOUBLE_H
#define FASTLRELU_FACTORS_LONGDOUBLE_H

#include <math.h>
#include <stddef.h>

#include "coefficients.h"
#include "compiler.h"

typedef struct {
    long double high, low;
} fl_long_pair;

static ALWAYS_INLINE fl_long_pair fl_long_product(const long double a, const long double b) {
    const long double high = a * b;
    const fl_long_pair pair = {high, fmal(a, b, -high)};
    return pair;
}

static ALWAYS_INLINE long double fl_long_exp(const fl_long_pair z) {
    const long double power = expl(z.high);
    return power + power * z.low;
}

static ALWAYS_INLINE long double fl_long_series(const long double *terms, const size_t n, const long double d) {
    long double sum = terms[n - 1];
    for (size_t i = n - 1; i-- > 0;) {
        sum = sum * d + terms[i];
    }
    return sum * d;
}

static ALWAYS_INLINE long double fl_expm1_longdouble(const long double x) {
    return x > 0 ? 0 : expm1l(x);
}

static ALWAYS_INLINE long double fl_exp_longdouble(const long double x) {
    return x > 0 ? 1 : expl(x);
}

/* Beyond 200 everything has underflown, and infinity has no rest. */
static ALWAYS_INLINE long double fl_long_between(const long double x) {
    return x < -200 ? -200 : x > 200 ? 200 : x;
}

static long double fl_phi_longdouble(const long double any) {
    const long double x = fl_long_between(any);
    const fl_long_pair y = fl_long_product(-x, FL_LONG_SQRT_HALF);
    const long double argument = y.high - x * FL_LONG_SQRT_HALF_LOW;
    const long double rest = ((y.high - argument) - x * FL_LONG_SQRT_HALF_LOW) + y.low;
    return 0.5L * erfcl(argument) - rest * (FL_LONG_SQRT_PI_INVERSE * expl(-argument * argument));
}

static long double fl_phi_grad_longdouble(const long double any) {
    static const long double series[] = {FL_LONG_GELU_SERIES};
    const long double x = fl_long_between(any);
    const long double d = (x + FL_LONG_GELU_ZERO) + FL_LONG_GELU_ZERO_LOW;
    const fl_long_pair square = fl_long_product(x, x);
    const fl_long_pair z = {-0.5L * square.high, -0.5L * square.low};
    if (d > -1.3L && d < 1) {
        return fl_long_series(series, sizeof series / sizeof *series, d);
    }
    const long double sum = fl_phi_longdouble(x) + x * (FL_LONG_PHI_0 * fl_long_exp(z));
    return sum == 0 ? -0.0L : sum;
}

/* exp(-w(t)), t >= 0. */
static long double fl_long_tanh_exp(const long double t) {
    const fl_long_pair square = fl_long_product(t, t);
    const fl_long_pair cubic = fl_long_product(FL_LONG_TANH_B, square.high);
    const long double sum = FL_LONG_TANH_A + cubic.high;
    const long double other = sum - FL_LONG_TANH_A;
    const long double low = ((FL_LONG_TANH_A - (sum - other)) + (cubic.high - other)) + cubic.low +
                            FL_LONG_TANH_B * square.low + FL_LONG_TANH_B_LOW * square.high + FL_LONG_TANH_A_LOW;
    const fl_long_pair w = fl_long_product(t, sum);
    const fl_long_pair z = {-w.high, -(w.low + t * low)};
    return fl_long_exp(z);
}

static long double fl_phi_tanh_longdouble(const long double any) {
    const long double x = fl_long_between(any);
    const long double e = fl_long_tanh_exp(fabsl(x));
    return (x > 0 ? 1 : e) / (1 + e);
}

static long double fl_phi_tanh_grad_longdouble(const long double any) {
    static const long double series[] = {FL_LONG_TANH_SERIES};
    const long double x = fl_long_between(any);
    const long double t = fabsl(x);
    const long double d = (x + FL_LONG_TANH_ZERO) + FL_LONG_TANH_ZERO_LOW;
    const long double e = fl_long_tanh_exp(t);
    const long double v =
        t * ((FL_LONG_TANH_A + FL_LONG_TANH_A_LOW) + 3 * (FL_LONG_TANH_B + FL_LONG_TANH_B_LOW) * (t * t));
    const long double q = e * ((1 + e) - v) / ((1 + e) * (1 + e));
    if (d > -0.6L && d < 0.6L) {
        return fl_long_series(series, sizeof series / sizeof *series, d);
    }
    return x > 0 ? 1 - q : q;
}

#endif
