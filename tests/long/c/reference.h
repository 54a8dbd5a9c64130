/* The oracle in C: each dtype's values as long double, which holds them all, and its products rounded once. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"

typedef long double wide;

static const size_t item_size[FL_DTYPES] = {2, 2, 4, 8, sizeof(long double)};

/* fraction_bits and smallest exponent of the two 16-bit formats. */
static uint16_t narrow(double value, int fraction_bits, int smallest) {
    const int bias = 1 - smallest;
    const uint16_t sign = signbit(value) ? 0x8000u : 0;
    const unsigned infinity = (unsigned)((1 << (15 - fraction_bits)) - 1) << fraction_bits;
    const double magnitude = fabs(value);
    if (isnan(value)) {
        return (uint16_t)(sign | infinity | 1u << (fraction_bits - 1));
    }
    if (isinf(value)) {
        return (uint16_t)(sign | infinity);
    }
    const int exponent = magnitude < ldexp(1, smallest) ? smallest : ilogb(magnitude);
    const double units = nearbyint(ldexp(magnitude, fraction_bits - exponent));
    /* A subnormal has no leading one: the exponent field is counted from the smallest normal's. */
    const double bits = ldexp(exponent + bias - 1, fraction_bits) + units;
    return (uint16_t)(sign | (bits >= infinity ? infinity : (unsigned)bits));
}

static wide widen(uint16_t bits, int fraction_bits, int smallest) {
    const int field = (bits & 0x7fff) >> fraction_bits;
    const int fraction = bits & ((1 << fraction_bits) - 1);
    const int all_ones = (1 << (15 - fraction_bits)) - 1;
    wide magnitude;
    if (field == all_ones) {
        magnitude = fraction ? NAN : INFINITY;
    } else if (field == 0) {
        magnitude = ldexpl(fraction, smallest - fraction_bits);
    } else {
        magnitude = ldexpl(fraction + (1 << fraction_bits), smallest + field - 1 - fraction_bits);
    }
    return bits & 0x8000 ? -magnitude : magnitude;
}

static uint16_t half_of(int dtype, double value) {
    return dtype == FL_FLOAT16 ? narrow(value, 10, -14) : narrow(value, 7, -126);
}

static wide load(int dtype, const void *source) {
    uint16_t half;
    float single;
    double twice;
    wide value;
    switch (dtype) {
        case FL_FLOAT16:
        case FL_BFLOAT16:
            memcpy(&half, source, sizeof half);
            return dtype == FL_FLOAT16 ? widen(half, 10, -14) : widen(half, 7, -126);
        case FL_FLOAT32:
            memcpy(&single, source, sizeof single);
            return single;
        case FL_FLOAT64:
            memcpy(&twice, source, sizeof twice);
            return twice;
        default:
            memcpy(&value, source, sizeof value);
            return value;
    }
}

static void store(int dtype, void *destination, wide value) {
    const uint16_t half = dtype <= FL_BFLOAT16 ? half_of(dtype, (double)value) : 0;
    const float single = (float)value;
    const double twice = (double)value;
    const void *const sources[FL_DTYPES] = {&half, &half, &single, &twice, &value};
    memcpy(destination, sources[dtype], item_size[dtype]);
}

/* As the dtype computes: 16-bit ones in float, each result rounded. */
static wide rounded(int dtype, wide value) {
    unsigned char bytes[sizeof(wide)];
    store(dtype, bytes, value);
    return load(dtype, bytes);
}

static wide times(int dtype, wide a, wide b) {
    volatile float single = (float)a * (float)b;
    volatile double twice = (double)a * (double)b;
    return dtype == FL_LONGDOUBLE ? a * b : dtype == FL_FLOAT64 ? (wide)twice : rounded(dtype, single);
}

static wide plus(int dtype, wide a, wide b) {
    volatile float single = (float)a + (float)b;
    volatile double twice = (double)a + (double)b;
    return dtype == FL_LONGDOUBLE ? a + b : dtype == FL_FLOAT64 ? (wide)twice : rounded(dtype, single);
}

/* Phi and phi of the normal distribution, and the sum in the tanh form. */
static wide phi(wide x) {
    return erfcl(-x * 0.70710678118654752440084436210484904L) / 2;
}

static wide phi_tanh(wide x) {
    const wide u = 0.79788456080286535587989211986876373L * (x + 0.044715L * x * x * x);
    return 1 / (1 + expl(-2 * u));
}

/* Of the derivatives of gelu and gelu_tanh, which are not 0 either. */
static wide gelu_slope(wide x) {
    return x < -150  ? -0x1p-16000L
           : x > 200 ? 1
                     : phi(x) + x * 0.39894228040143267793994605993438187L * expl(-x * x / 2);
}

static wide gelu_tanh_slope(wide x) {
    const wide s = phi_tanh(x);
    const wide du = 0.79788456080286535587989211986876373L * (1 + 3 * 0.044715L * x * x);
    return x < -54 ? -0x1p-16000L : x > 200 ? 1 : s + 2 * x * s * (1 - s) * du;
}

static wide expected(int operation, int dtype, wide a, wide b, wide c) {
    switch (operation) {
        case FL_OPERATION_leaky_relu:
            return a > 0 ? a : times(dtype, b, a);
        case FL_OPERATION_leaky_relu_grad:
            return b > 0 ? a : times(dtype, c, a);
        case FL_OPERATION_add_leaky_relu:
            a = plus(dtype, a, b);
            return a > 0 ? a : times(dtype, c, a);
        case FL_OPERATION_elu:
            return a > 0 ? a : b * expm1l(a);
        case FL_OPERATION_elu_grad:
            /* exp is not 0, so that its product with infinity is one. */
            return b > 0 ? a : (isinf(a) || isinf(c)) && !isnan(b) && dtype != FL_LONGDOUBLE ? a * c : a * expl(b) * c;
        case FL_OPERATION_gelu:
            return a < -200 ? -0.0L : a * phi(a);
        case FL_OPERATION_gelu_grad:
            return a * gelu_slope(b);
        case FL_OPERATION_gelu_tanh:
            return a < -200 ? -0.0L : a * phi_tanh(a);
        default:
            return a * gelu_tanh_slope(b);
    }
}

/* Whether the operation is one of np.where's, whose bits are the standard. */
static int is_exact(int operation) {
    return operation <= FL_OPERATION_add_leaky_relu;
}

/* For the others a few units in the last place, as far as this reference goes, which is nowhere where long double is
 * double, as under valgrind; tests/long/elu_gelu.py has the proof. */
static int near(int dtype, wide value, wide reference, wide scale) {
    const int digits[FL_DTYPES] = {11, 8, 24, 53, 64}, least[FL_DTYPES] = {-24, -133, -149, -1074, -16445};
    const wide stored = rounded(dtype, reference);
    int exponent;
#if defined(LONG_DOUBLE_IS_DOUBLE)
    return 1;
#endif
    if (dtype == FL_LONGDOUBLE && isinf(scale)) {
        /* Where the C library's exp is 0 after all. */
        return 1;
    }
    if (isnan(value) || isnan(reference)) {
        return isnan(value) && isnan(reference);
    }
    if (value == stored) {
        return 1;
    }
    frexpl(isinf(stored) ? value : stored, &exponent);
    exponent -= digits[dtype];
    if (exponent < least[dtype]) {
        exponent = least[dtype];
    }
    /* The last units of the largest number reach to infinity. */
    return fabsl(value - reference) <= ldexpl(dtype >= FL_FLOAT64 ? 4096 : 2, exponent) + ldexpl(fabsl(scale), -50) ||
           (isinf(value) && isinf(stored * 1.0001L));
}

static int same(wide a, wide b) {
    return isnan(a) || isnan(b) ? isnan(a) && isnan(b) : a == b && !signbit(a) == !signbit(b);
}

#endif
