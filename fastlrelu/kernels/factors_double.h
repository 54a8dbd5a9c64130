/* The factors for float64 (see factors.h), as pairs of numbers and an exponent: (high + low) * 2**exponent.
 *
 * They are good to 2**-56, phi to 2**-54.5, so that one rounding, of the last product, decides the error. Numbers that
 * are multiplied exactly are cut into halves of 26 bits, whose products are exact. The exponent stays apart until that
 * product: alpha or a gradient may bring back what alone would be below the smallest number. */
#ifndef FASTLRELU_FACTORS_DOUBLE_H
#define FASTLRELU_FACTORS_DOUBLE_H

#include "factors.h"

typedef struct {
    double high, low;
} fl_pair;

typedef struct {
    double high, low, exponent;
} fl_factor;

/* The upper 26 bits. */
static ALWAYS_INLINE double fl_upper(const double x) {
    return fl_double(fl_bits(x) & 0xfffffffff8000000u);
}

/* a + b exactly where |a| >= |b|, plus low. */
static ALWAYS_INLINE fl_pair fl_sum_ordered(const double a, const double b, const double low) {
    const double sum = a + b;
    const fl_pair pair = {sum, (b - (sum - a)) + low};
    return pair;
}

/* a + b exactly, plus low. */
static ALWAYS_INLINE fl_pair fl_sum(const double a, const double b, const double low) {
    const double sum = a + b;
    const double other = sum - a;
    const fl_pair pair = {sum, ((a - (sum - other)) + (b - other)) + low};
    return pair;
}

/* high is exact: a product of halves. */
static ALWAYS_INLINE fl_pair fl_product(const fl_pair a, const fl_pair b) {
    const double a_upper = fl_upper(a.high), b_upper = fl_upper(b.high);
    const double a_lower = (a.high - a_upper) + a.low, b_lower = (b.high - b_upper) + b.low;
    const fl_pair pair = {a_upper * b_upper, a_lower * b_upper + (a_upper + a_lower) * b_lower};
    return pair;
}

/* With high rounded from the whole. */
static ALWAYS_INLINE fl_pair fl_rounded(const fl_pair a) {
    return fl_sum_ordered(a.high, a.low, 0);
}

static ALWAYS_INLINE fl_pair fl_quotient(const fl_pair a, const fl_pair b) {
    const double inverse = 1 / b.high;
    const double quotient = a.high * inverse;
    const double q_upper = fl_upper(quotient), b_upper = fl_upper(b.high);
    const double q_lower = quotient - q_upper, b_lower = b.high - b_upper;
    const double rest = ((a.high - q_upper * b_upper) - (q_upper * b_lower + q_lower * b_upper)) - q_lower * b_lower;
    const fl_pair pair = {quotient, ((rest + a.low) - quotient * b.low) * inverse};
    return pair;
}

/* 2**n where that is a normal number, else something too small to be seen beside 1. */
static ALWAYS_INLINE double fl_power(const double n) {
    return fl_power_of_two(fl_at_least(-1000, n) + FL_ROUNDER);
}

/* exp(z) = (1 + high + low) * 2**exponent. z.high has so few bits, or is so near to its multiple of log(2), that their
 * difference is exact. */
static ALWAYS_INLINE fl_factor fl_expm1_reduced(const fl_pair z) {
    const double n = (z.high * FL_LOG2_E + FL_ROUNDER) - FL_ROUNDER;
    const fl_pair rest = fl_sum_ordered(z.high - n * FL_LOG_2_FIRST, -(n * FL_LOG_2_SECOND), z.low);
    const fl_pair r = fl_rounded(rest);
    const double square = r.high * r.high;
    const double tail = (r.low + r.low * r.high) + (0.5 * square + square * r.high * fl_exp(r.high));
    const fl_pair sum = fl_sum_ordered(r.high, tail, 0);
    const fl_factor factor = {sum.high, sum.low, n};
    return factor;
}

static ALWAYS_INLINE fl_factor fl_exp_reduced(const fl_pair z) {
    const fl_factor m = fl_expm1_reduced(z);
    const fl_pair sum = fl_sum_ordered(1, m.high, m.low);
    const fl_factor factor = {sum.high, sum.low, m.exponent};
    return factor;
}

/* q where x < 0, else 1 - q. */
static ALWAYS_INLINE fl_factor fl_share(const double x, const fl_pair q, const double exponent) {
    const double base = x > 0 ? 1 : 0;
    const double scale = x > 0 ? -fl_power(exponent) : 1;
    const double scaled = q.high * scale;
    const double high = base + scaled;
    const fl_factor factor = {high, (scaled - (high - base)) + q.low * scale, x > 0 ? 0 : exponent};
    return factor;
}

/* -t**2 / 2, high of 52 bits. */
static ALWAYS_INLINE fl_pair fl_gauss(const double t) {
    const double upper = fl_upper(t);
    const fl_pair pair = {-0.5 * (upper * upper), -0.5 * ((t - upper) * (t + upper))};
    return pair;
}

static ALWAYS_INLINE fl_factor fl_expm1_double(const double x) {
    const fl_pair z = {x, 0};
    const fl_factor m = fl_expm1_reduced(z);
    const double power = fl_power(m.exponent);
    const fl_pair less_one = fl_sum_ordered(-1, power, 0);
    const fl_pair sum = fl_sum_ordered(less_one.high, m.high * power, less_one.low + m.low * power);
    const int tiny = fl_magnitude(x) < 0x1p-300;
    const fl_factor factor = {tiny ? x * 0x1p600 : sum.high, tiny ? 0 : sum.low, tiny ? -600 : 0};
    return factor;
}

static ALWAYS_INLINE fl_factor fl_exp_double(const double x) {
    const fl_pair z = {x, 0};
    return fl_exp_reduced(z);
}

static ALWAYS_INLINE fl_factor fl_phi_double(const double x) {
    const double t = fl_magnitude(x);
    const fl_factor e = fl_exp_reduced(fl_gauss(t));
    const fl_pair quotient = fl_quotient(fl_sum(t, -5.25, 0), fl_sum(t, 5.25, 0));
    const fl_pair u = {quotient.high, 0}, slope = {FL_TAIL_1, FL_TAIL_1_LOW};
    const fl_pair linear = fl_product(u, slope);
    const double square = u.high * u.high;
    /* The rounding of u counts as much as the derivative here, which is within 0.06 of that parenthesis. */
    const double shift = quotient.low * ((square * square - 1) * (0.17 - 0.085 * u.high));
    /* At t = 0 the terms from the third on are larger than their sum. */
    const fl_pair third = fl_sum_ordered(FL_TAIL_2, FL_TAIL_3 * u.high, FL_TAIL_2_LOW + FL_TAIL_3_LOW * u.high);
    const fl_pair more = fl_sum_ordered(third.high, square * fl_tail(u.high), third.low);
    const double rest = square * more.high + (((square * more.low + linear.low) + shift) + FL_TAIL_0_LOW);
    const fl_pair tail = fl_sum_ordered(FL_TAIL_0, linear.high, rest);
    const fl_pair power = {e.high, e.low};
    return fl_share(x, fl_quotient(fl_product(power, tail), fl_sum(t, 1.25, 0)), e.exponent);
}

static ALWAYS_INLINE fl_factor fl_phi_grad_double(const double x) {
    const double t = fl_magnitude(x);
    const fl_factor e = fl_exp_reduced(fl_gauss(t));
    const double u = (t - 4) / (t + 4);
    const fl_pair gradient = fl_sum_ordered(FL_GRADIENT_0, u * fl_gradient(u), FL_GRADIENT_0_LOW);
    const fl_pair power = {e.high, e.low};
    const fl_pair to_zero = fl_rounded(fl_sum(FL_GELU_ZERO, -t, FL_GELU_ZERO_LOW));
    const fl_pair ratio = fl_quotient(fl_rounded(fl_product(to_zero, fl_sum(t, 2.5, 0))), fl_sum(t, 1.5, 0));
    const fl_pair q = fl_product(fl_rounded(fl_product(ratio, gradient)), power);
    return fl_share(x, q, e.exponent);
}

/* a + b * y, b.high of 26 bits. */
static ALWAYS_INLINE fl_pair fl_linear(const fl_pair a, const fl_pair b, const fl_pair y) {
    const fl_pair product = fl_product(b, y);
    return fl_sum(product.high, a.high, product.low + a.low);
}

static ALWAYS_INLINE fl_pair fl_negative(const fl_pair a) {
    const fl_pair pair = {-a.high, -a.low};
    return pair;
}

static ALWAYS_INLINE fl_factor fl_phi_tanh_double(const double x) {
    const fl_pair t = {fl_magnitude(x), 0};
    const fl_pair a = {FL_TANH_A, FL_TANH_A_LOW}, b = {FL_TANH_B, FL_TANH_B_LOW};
    const fl_factor e = fl_exp_reduced(fl_negative(fl_product(t, fl_linear(a, b, fl_product(t, t)))));
    const double power = fl_power(e.exponent);
    const fl_pair divisor = fl_sum_ordered(1, e.high * power, e.low * power);
    const fl_pair dividend = {x > 0 ? 1 : e.high, x > 0 ? 0 : e.low};
    const fl_pair q = fl_quotient(dividend, divisor);
    const fl_factor factor = {q.high, q.low, x > 0 ? 0 : e.exponent};
    return factor;
}

static ALWAYS_INLINE fl_factor fl_phi_tanh_grad_double(const double x) {
    const double t = fl_magnitude(x);
    const fl_pair a = {FL_TANH_A, FL_TANH_A_LOW}, b = {FL_TANH_B, FL_TANH_B_LOW};
    const fl_pair b3 = {FL_TANH_3B, FL_TANH_3B_LOW}, e0 = {FL_TANH_E, FL_TANH_E_LOW};
    const fl_pair zero = {FL_TANH_ZERO, FL_TANH_ZERO_LOW}, t_pair = {t, 0};
    const fl_pair to_zero = fl_rounded(fl_sum(FL_TANH_ZERO, -t, FL_TANH_ZERO_LOW));
    const fl_pair sum = fl_sum(zero.high, t, zero.low);
    const fl_pair product = fl_product(t_pair, sum);
    const fl_pair y = fl_sum(product.high, FL_TANH_ZERO_SQUARE, product.low + FL_TANH_ZERO_SQUARE_LOW);
    const fl_factor m = fl_expm1_reduced(fl_product(to_zero, fl_linear(a, b, y)));
    const double power = fl_power(m.exponent);
    /* exp(w0 - w) - 1 and, without its exponent, exp(w0 - w) */
    const fl_pair less_one = fl_sum_ordered(-1, power, 0);
    const fl_pair grown = fl_sum(less_one.high, m.high * power, less_one.low + m.low * power);
    const fl_pair e = fl_product(e0, fl_sum_ordered(1, m.high, m.low));
    const fl_pair slope = fl_product(to_zero, fl_linear(a, b3, y));
    const fl_pair more = fl_product(e0, grown);
    const fl_pair numerator = fl_sum(slope.high, more.high, slope.low + more.low);
    const fl_pair one_and_e = fl_sum_ordered(1, e.high * power, e.low * power);
    const fl_pair square = fl_product(one_and_e, one_and_e);
    const fl_pair q = fl_quotient(fl_product(fl_rounded(e), numerator), fl_rounded(square));
    return fl_share(x, q, m.exponent);
}

/* a * 2**-exponent, and the exponent: so that products of two such numbers are neither too large nor too small. */
static ALWAYS_INLINE fl_factor fl_scaled(const double a) {
    const double magnitude = fl_magnitude(a);
    const double scale = magnitude > 0x1p300 ? 0x1p-600 : magnitude < 0x1p-300 ? 0x1p600 : 1;
    const fl_factor factor = {a * scale, 0, magnitude > 0x1p300 ? 600 : magnitude < 0x1p-300 ? -600 : 0};
    return factor;
}

/* The product, its high part rounded from the whole; 0, infinity and nan as they are, which have no low part. */
static ALWAYS_INLINE fl_factor fl_times(const fl_factor a, const fl_factor b) {
    const fl_pair a_pair = {a.high, a.low}, b_pair = {b.high, b.low};
    const fl_pair product = fl_product(a_pair, b_pair);
    const double magnitude = fl_magnitude(product.high);
    const fl_pair sum = fl_rounded(product);
    const int finite = (magnitude > 0) & (magnitude < 0x1p1023);
    const fl_factor factor = {finite ? sum.high : product.high, finite ? sum.low : 0, a.exponent + b.exponent};
    return factor;
}

/* The number itself, rounded once: of the two powers of two only the last can make it subnormal. */
static ALWAYS_INLINE double fl_value(const fl_factor a) {
    const double exponent = fl_at_least(-2000, a.exponent);
    const double rounded = 0.5 * exponent + FL_ROUNDER;
    const double rest = exponent - (rounded - FL_ROUNDER);
    return a.high * fl_power_of_two(rounded) * fl_power_of_two(rest + FL_ROUNDER);
}

/* Whether `a` is far from the ends of the range of its numbers, or 0. */
static ALWAYS_INLINE int fl_ordinary(const double a) {
    const double magnitude = fl_magnitude(a);
    return (magnitude <= 0x1p100) & ((magnitude >= 0x1p-100) | (magnitude == 0));
}

#define FL_ORDINARY_EXPONENT -700

static ALWAYS_INLINE fl_factor fl_ordinary_times(const double a, const fl_factor f) {
    const fl_pair a_pair = {a, 0}, f_pair = {f.high, f.low};
    const fl_pair product = fl_product(a_pair, f_pair);
    const fl_pair sum = fl_rounded(product);
    const uint64_t sign = fl_bits(product.high) & 0x8000000000000000u; /* -0.0 + 0.0 would lose it. */
    const fl_factor factor = {fl_double(fl_bits(sum.high) | sign), sum.low, f.exponent};
    return factor;
}

static ALWAYS_INLINE double fl_ordinary_value(const fl_factor a) {
    return a.high * fl_power_of_two(a.exponent + FL_ROUNDER);
}

/* For other numbers, with the same bits where both are right: rare, and so not worth a copy for each level. */
static ONE_COPY double fl_scaled_product2(const fl_factor f, const double a) {
    return fl_value(fl_times(fl_scaled(a), f));
}

static ONE_COPY double fl_scaled_product3(const fl_factor f, const double a, const double b) {
    return fl_value(fl_times(fl_scaled(a), fl_times(fl_scaled(b), f)));
}

static ALWAYS_INLINE double fl_product2(const fl_factor f, const double a, const int ordinary) {
    return ordinary ? fl_ordinary_value(fl_ordinary_times(a, f)) : fl_scaled_product2(f, a);
}

static ALWAYS_INLINE double fl_product3(const fl_factor f, const double a, const double b, const int ordinary) {
    return ordinary ? fl_ordinary_value(fl_ordinary_times(a, fl_ordinary_times(b, f))) : fl_scaled_product3(f, a, b);
}

#endif
