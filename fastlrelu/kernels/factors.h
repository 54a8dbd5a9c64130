/* The factors of ELU and GELU, functions of x alone that the operations multiply by alpha, by x or by a gradient.
 *
 * Plain C without branches, calls and fused multiply-adds, so that every SIMD level computes the same bits. Accuracy
 * beyond the result's comes at two prices: for float32 and the 16-bit dtypes from float64 (here), whose 29 spare bits
 * make each step's rounding disappear; for float64 from pairs of numbers (factors_double.h), since x86-64's baseline
 * has no fused multiply-add to form such pairs with, and one emulated costs more than products of halves.
 *
 * In all of them t = |x|, and where x > 0 the share of x that passes is 1 - Phi(-t), so that nothing cancels. */
#ifndef FASTLRELU_FACTORS_H
#define FASTLRELU_FACTORS_H

#include <stdint.h>
#include <string.h>

#include "coefficients.h"
#include "compiler.h"

static ALWAYS_INLINE uint64_t fl_bits(const double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static ALWAYS_INLINE double fl_double(const uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static ALWAYS_INLINE double fl_magnitude(const double x) {
    return fl_double(fl_bits(x) & 0x7fffffffffffffffu);
}

/* Both pass nan on. */
static ALWAYS_INLINE double fl_at_most(const double limit, const double x) {
    return limit < x ? limit : x;
}

static ALWAYS_INLINE double fl_at_least(const double limit, const double x) {
    return limit > x ? limit : x;
}

/* nan stays. */
static ALWAYS_INLINE double fl_between(const double low, const double x, const double high) {
    return fl_at_least(low, fl_at_most(high, x));
}

/* To float32, the last bit set where anything was lost among the many that a 16-bit dtype does not have: whatever is
 * rounded from that is rounded as if from `value`. Of 13 bits, float32's subnormal numbers lose none that bfloat16
 * needs. */
static ALWAYS_INLINE float fl_odd(const double value) {
    const uint64_t rest = (UINT64_C(1) << 40) - 1;
    const uint64_t bits = fl_bits(value);
    return (float)fl_double((bits | ((bits & rest) + rest)) & ~rest);
}

/* Added to a small number this rounds it to an integer n and leaves n + 1023 in the lowest bits: 2**n is one shift on.
 */
#define FL_ROUNDER (0x1.8p52 + 1023)

static ALWAYS_INLINE double fl_power_of_two(const double rounded) {
    return fl_double(fl_bits(rounded) << 52);
}

typedef struct {
    double rest, power;
} fl_split;

/* 2**z = (1 + rest * fl_single_exp2(rest)) * power. */
static ALWAYS_INLINE fl_split fl_single_split(const double z) {
    const double rounded = z + FL_ROUNDER;
    const fl_split split = {z - (rounded - FL_ROUNDER), fl_power_of_two(rounded)};
    return split;
}

static ALWAYS_INLINE double fl_single_power(const double z) {
    const fl_split s = fl_single_split(z);
    return (FL_SINGLE_EXP_1 + s.rest * fl_single_exp2(s.rest)) * s.power;
}

/* exp(x) - 1 for x <= 0. */
static ALWAYS_INLINE double fl_expm1_single(const double x) {
    const fl_split s = fl_single_split(x * FL_LOG2_E);
    const double result = s.rest * fl_single_exp2(s.rest) * s.power + (s.power - 1);
    return fl_double(fl_bits(result) | (fl_bits(x) & 0x8000000000000000u)); /* -0.0 stays. */
}

/* exp(x) for x <= 0; what is below exp(-300) is nothing, whatever alpha and gradient it is multiplied by. */
static ALWAYS_INLINE double fl_exp_single(const double x) {
    const double power = fl_single_power(x * FL_LOG2_E);
    return x == 0 ? 1 : power;
}

/* Phi(x). */
static ALWAYS_INLINE double fl_phi_single(const double x) {
    const double t = fl_magnitude(x);
    const double inverse = 1 / (t + 4);
    const double q = fl_single_power(t * t * FL_SINGLE_GAUSS) * (fl_single_tail(t * inverse) * inverse);
    return x > 0 ? 1 - q : q;
}

/* Phi(x) + x * phi(x), which is 0 once, at -FL_GELU_ZERO; the difference from there is a factor of its own. */
static ALWAYS_INLINE double fl_phi_grad_single(const double x) {
    const double t = fl_magnitude(x);
    const double gradient = (FL_GELU_ZERO - t) * fl_single_gradient(t / (t + 4));
    const double q = fl_single_power(t * t * FL_SINGLE_GAUSS) * gradient;
    const double result = x > 0 ? 1 - q : q;
    return x == 0 ? 0.5 : result;
}

/* 1 / (1 + exp(-w)), w = 2 * sqrt(2 / pi) * (x + 0.044715 * x**3). */
static ALWAYS_INLINE double fl_phi_tanh_single(const double x) {
    const double t = fl_magnitude(x);
    const double e = fl_single_power(t * (FL_SINGLE_TANH_A + FL_SINGLE_TANH_B * (t * t)));
    return (x > 0 ? 1 : e) / (1 + e);
}

/* The derivative of x times that, e * (1 + e - v) / (1 + e)**2 for x < 0, with e = exp(-w(t)) and v = t * w'(t).
 * It is 0 at t0, where 1 + e0 = v0, so that 1 + e - v = (v0 - v) + e0 * expm1(w0 - w). */
static ALWAYS_INLINE double fl_phi_tanh_grad_single(const double x) {
    const double t = fl_magnitude(x);
    const double to_zero = FL_TANH_ZERO - t;
    const double y = FL_TANH_ZERO_SQUARE + t * (FL_TANH_ZERO + t);
    const fl_split s = fl_single_split(-to_zero * (FL_SINGLE_TANH_A + FL_SINGLE_TANH_B * y));
    const double grown = s.rest * fl_single_exp2(s.rest) * s.power;
    const double e = FL_SINGLE_TANH_E * (grown + s.power);
    const double numerator =
        to_zero * (FL_TANH_A + (FL_TANH_3B + FL_TANH_3B_LOW) * y) + FL_SINGLE_TANH_E * (grown + (s.power - 1));
    const double q = e * numerator / ((1 + e) * (1 + e));
    const double result = x > 0 ? 1 - q : q;
    return x == 0 ? 0.5 : result;
}

#endif
