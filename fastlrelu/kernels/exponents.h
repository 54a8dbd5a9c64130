/* How large the products of two arrays can be, from the bits of their largest elements. */
#ifndef FASTLRELU_EXPONENTS_H
#define FASTLRELU_EXPONENTS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"

/* The greater the magnitude, the greater the integer: those are compared at every SIMD level. */
static ALWAYS_INLINE int32_t fl_magnitude_single(float value) {
    union {
        float value;
        int32_t bits;
    } both = {value};
    return both.bits & INT32_MAX;
}

static ALWAYS_INLINE int64_t fl_magnitude_double(double value) {
    union {
        double value;
        int64_t bits;
    } both = {value};
    return both.bits & INT64_MAX;
}

static ALWAYS_INLINE long double fl_magnitude_longdouble(long double value) {
    return value - value == 0 ? fabsl(value) : INFINITY;
}

/* The least e with values of that magnitude below 2^e, in a format whose 1.0 has the exponent bits `bias`. */
static ALWAYS_INLINE int fl_exponent_of_bits(int64_t magnitude, int mantissa_bits, int bias) {
    const int exponent = (int)(magnitude >> mantissa_bits);
    if (magnitude == 0) {
        return FL_ZERO;
    }
    return exponent > 2 * bias ? FL_NOT_FINITE : exponent - bias + 1;
}

static ALWAYS_INLINE int fl_exponent_single(int32_t magnitude) {
    return fl_exponent_of_bits(magnitude, 23, 127);
}

static ALWAYS_INLINE int fl_exponent_double(int64_t magnitude) {
    return fl_exponent_of_bits(magnitude, 52, 1023);
}

static ALWAYS_INLINE int fl_exponent_longdouble(long double magnitude) {
    int exponent;
    if (magnitude == 0) {
        return FL_ZERO;
    }
    if (magnitude == INFINITY) {
        return FL_NOT_FINITE;
    }
    frexpl(magnitude, &exponent);
    return exponent;
}

static ALWAYS_INLINE int fl_exponent_of_product(int a, int b) {
    if (a == FL_NOT_FINITE || b == FL_NOT_FINITE) {
        return FL_NOT_FINITE;
    }
    return a == FL_ZERO || b == FL_ZERO ? FL_ZERO : a + b;
}

#endif
