/* A Python float as an element of each dtype, as NumPy and ml_dtypes convert it, but with no status flag raised. */
#ifndef FASTLRELU_SLOPE_H
#define FASTLRELU_SLOPE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"

/* Straight from double: by way of float32 it would be rounded twice. */
static inline uint16_t fl_float16_of(double value) {
    const uint64_t one_unit = (uint64_t)1 << 42;
    const uint16_t sign = signbit(value) ? 0x8000u : 0;
    const double magnitude = fabs(value);
    uint64_t bits;
    if (isnan(value)) {
        return sign | 0x7e00u;
    }
    if (magnitude >= 65520.0) {
        return sign | 0x7c00u;
    }
    if (magnitude < 0x1p-14) {
        return sign | (uint16_t)nearbyint(magnitude * 0x1p24);
    }
    memcpy(&bits, &magnitude, sizeof bits);
    bits -= (uint64_t)(1023 - 15) << 52;
    bits += one_unit / 2 - 1 + ((bits / one_unit) & 1);
    return sign | (uint16_t)(bits / one_unit);
}

/* By way of float32, as ml_dtypes does it. */
static inline uint16_t fl_bfloat16_of(double value) {
    const float narrowed = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrowed, sizeof bits);
    if (isnan(value)) {
        return (uint16_t)(bits >> 16 | 0x0040u);
    }
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

typedef union {
    uint16_t half;
    float single;
    double wide;
    long double widest;
} fl_slope;

static inline void fl_slope_of(fl_slope *slope, double value, int dtype) {
    switch (dtype) {
        case FL_FLOAT16:
            slope->half = fl_float16_of(value);
            break;
        case FL_BFLOAT16:
            slope->half = fl_bfloat16_of(value);
            break;
        case FL_FLOAT32:
            slope->single = (float)value;
            break;
        case FL_FLOAT64:
            slope->wide = value;
            break;
        default:
            slope->widest = value;
    }
}

#endif
