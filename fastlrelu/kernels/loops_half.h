/* The loops of one 16-bit dtype, with DTYPE, LOAD, STORE, STREAM and EXPONENT_OF defined.
 *
 * The arithmetic is done in float32 lanes, LANES at a time, between conversions by hand: the compiler does not
 * vectorise those. NumPy computes so too, and rounds each result to 16 bits. */
#define VALUE lanes
/* A conversion by integer code, vectorised, takes thousands of bytes. */
#define LARGE_LOOP (LANES == 1)
#define ADD(a, b) lanes_add(a, b)
#define SUB(a, b) lanes_sub(a, b)
#define MUL(a, b) lanes_mul(a, b)
#define DIV(a, b) lanes_div(a, b)
#define SELECT_POSITIVE(c, a, b) lanes_select_positive(c, a, b)
#define CONSTANT(v) SYMBOL(round)(lanes_broadcast(v))
#define ROUND(v) SYMBOL(round)(v)

static ALWAYS_INLINE lanes SYMBOL(round)(lanes value) {
    uint16_t rounded[LANES];
    STORE(rounded, value);
    return LOAD(rounded);
}

static ALWAYS_INLINE lanes SYMBOL(broadcast)(const uint16_t *element) {
    uint16_t copies[LANES];
    for (int i = 0; i < LANES; i++) {
        copies[i] = *element;
    }
    return LOAD(copies);
}

static ALWAYS_INLINE void SYMBOL(loop)(VALUE (*apply)(VALUE, VALUE, VALUE), const int inputs, char *const *args,
                                       const int step_a, const int step_b, const int step_c, const ptrdiff_t n) {
    const uint16_t *const a = (const uint16_t *)args[0];
    const uint16_t *const b = inputs > 1 ? (const uint16_t *)args[1] : a;
    const uint16_t *const c = inputs > 2 ? (const uint16_t *)args[2] : a;
    const lanes first_a = SYMBOL(broadcast)(a);
    const lanes first_b = SYMBOL(broadcast)(b);
    const lanes first_c = SYMBOL(broadcast)(c);
    uint16_t *const out = (uint16_t *)args[inputs];
    ptrdiff_t i = 0;
    INDEPENDENT_ITERATIONS
    for (; i <= n - LANES; i += LANES) {
        STORE(out + i,
              apply(step_a ? LOAD(a + i) : first_a, step_b ? LOAD(b + i) : first_b, step_c ? LOAD(c + i) : first_c));
    }
    if (LANES > 1 && i < n) {
        /* The last lanes go through buffers: a load past the end may fault, one from before i reads results. */
        uint16_t last[FL_MAX_INPUTS][LANES] = {{0}};
        const size_t bytes = (size_t)(n - i) * sizeof(uint16_t);
        memcpy(last[0], a + (step_a ? i : 0), step_a ? bytes : 0);
        memcpy(last[1], b + (step_b ? i : 0), step_b ? bytes : 0);
        memcpy(last[2], c + (step_c ? i : 0), step_c ? bytes : 0);
        STORE(last[0], apply(step_a ? LOAD(last[0]) : first_a, step_b ? LOAD(last[1]) : first_b,
                             step_c ? LOAD(last[2]) : first_c));
        memcpy(out + i, last[0], bytes);
    }
}

/* n elements in whole cache lines of the output. */
static ALWAYS_INLINE void SYMBOL(lines)(VALUE (*apply)(VALUE, VALUE, VALUE), const int inputs, char *const *args,
                                        const int step_a, const int step_b, const int step_c, const int stream,
                                        const ptrdiff_t n) {
    enum { LINE = CACHE_LINE / (int)sizeof(uint16_t) };
    const uint16_t *const a = (const uint16_t *)args[0];
    const uint16_t *const b = inputs > 1 ? (const uint16_t *)args[1] : a;
    const uint16_t *const c = inputs > 2 ? (const uint16_t *)args[2] : a;
    const lanes first_a = SYMBOL(broadcast)(a);
    const lanes first_b = SYMBOL(broadcast)(b);
    const lanes first_c = SYMBOL(broadcast)(c);
    uint16_t *const out = (uint16_t *)args[inputs];
    for (ptrdiff_t i = 0; i < n; i += LINE) {
        READ_AHEAD(step_a ? a + i : b + i, stream);
        if (step_a && step_b) {
            READ_AHEAD(b + i, stream);
        }
        for (ptrdiff_t j = i; j < i + LINE; j += LANES) {
            const lanes result =
                apply(step_a ? LOAD(a + j) : first_a, step_b ? LOAD(b + j) : first_b, step_c ? LOAD(c + j) : first_c);
            if (stream) {
                STREAM(out + j, result);
            } else {
                STORE(out + j, result);
            }
        }
    }
}

static ALWAYS_INLINE void SYMBOL(strided)(VALUE (*apply)(VALUE, VALUE, VALUE), const int inputs, char *const *args,
                                          const ptrdiff_t *strides, const ptrdiff_t n) {
    const char *a = args[0];
    const char *b = inputs > 1 ? args[1] : a;
    const char *c = inputs > 2 ? args[2] : a;
    const ptrdiff_t stride_a = strides[0];
    const ptrdiff_t stride_b = inputs > 1 ? strides[1] : 0;
    const ptrdiff_t stride_c = inputs > 2 ? strides[2] : 0;
    char *out = args[inputs];
    for (ptrdiff_t i = 0; i < n; i++) {
        ONE_BY_ONE();
        uint16_t result[LANES];
        STORE(result, apply(SYMBOL(broadcast)((const uint16_t *)a), SYMBOL(broadcast)((const uint16_t *)b),
                            SYMBOL(broadcast)((const uint16_t *)c)));
        *(uint16_t *)out = result[0];
        a += stride_a;
        b += stride_b;
        c += stride_c;
        out += strides[inputs];
    }
}

static ALWAYS_INLINE void SYMBOL(prelu_grad_lanes)(const uint16_t *grad, const uint16_t *x, const lanes slope,
                                                   uint16_t *grad_x, double *products, const ptrdiff_t count) {
    const lanes upstream = LOAD(grad);
    const lanes value = LOAD(x);
    const lanes zero = lanes_broadcast(0);
    float g[LANES], v[LANES];
    lanes_store(g, lanes_select_positive(value, zero, upstream));
    lanes_store(v, lanes_select_positive(value, zero, value));
    STORE(grad_x, lanes_select_positive(value, upstream, lanes_mul(slope, upstream)));
    for (ptrdiff_t j = 0; j < count; j++) {
        products[j] = (double)v[j] * (double)g[j];
    }
}

static ALWAYS_INLINE int SYMBOL(exponent)(const uint16_t *values, ptrdiff_t n) {
    int16_t largest = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const int16_t magnitude = (int16_t)(values[i] & INT16_MAX);
        largest = magnitude > largest ? magnitude : largest;
    }
    return EXPONENT_OF(largest);
}

static int SYMBOL(prelu_grad)(const void *grad, const void *x, const void *slopes, ptrdiff_t slope_step, void *grad_x,
                              void *products, ptrdiff_t n) {
    const uint16_t *const g = (const uint16_t *)grad;
    const uint16_t *const v = (const uint16_t *)x;
    const uint16_t *const s = (const uint16_t *)slopes;
    uint16_t *const out = (uint16_t *)grad_x;
    double *const product = (double *)products;
    const lanes first = SYMBOL(broadcast)(s);
    /* Before grad_x is written, which may be one of them. */
    const int exponent = fl_exponent_of_product(SYMBOL(exponent)(g, n), SYMBOL(exponent)(v, n));
    ptrdiff_t i = 0;
    for (; i <= n - LANES; i += LANES) {
        SYMBOL(prelu_grad_lanes)(g + i, v + i, slope_step ? LOAD(s + i) : first, out + i, product + i, LANES);
    }
    if (LANES > 1 && i < n) {
        uint16_t last[3][LANES] = {{0}};
        const size_t bytes = (size_t)(n - i) * sizeof(uint16_t);
        memcpy(last[0], g + i, bytes);
        memcpy(last[1], v + i, bytes);
        memcpy(last[2], s + (slope_step ? i : 0), slope_step ? bytes : 0);
        SYMBOL(prelu_grad_lanes)(last[0], last[1], slope_step ? LOAD(last[2]) : first, last[0], product + i, n - i);
        memcpy(out + i, last[0], bytes);
    }
    return exponent;
}

#define ELEMENT uint16_t
#define WIDE float
#define FACTORS single
#define FINISH_DTYPE odd
#include "factor_loops.h"
#undef ELEMENT
#undef FACTORS

#include "entry_points.h"

#undef LOAD
#undef STORE
#undef STREAM
#undef EXPONENT_OF
