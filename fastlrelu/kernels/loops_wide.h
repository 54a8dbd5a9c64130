/* The loops of one dtype that the compiler computes in directly, with DTYPE, ELEMENT, SUM and its MAGNITUDE
 * (exponents.h) defined, and FACTORS (single or double) unless the factors come from the C library.
 *
 * They are plain C: with -fno-trapping-math the compiler turns SELECT_POSITIVE into a blend and vectorises every loop
 * at every level as well as intrinsics would. */
#define VALUE ELEMENT
#define LARGE_LOOP 0
#define ADD(a, b) ((a) + (b))
#define SUB(a, b) ((a) - (b))
#define MUL(a, b) ((a) * (b))
#define DIV(a, b) ((a) / (b))
#define SELECT_POSITIVE(c, a, b) ((c) > 0 ? (a) : (b))
#define CONSTANT(v) ((ELEMENT)(v))
#define ROUND(v) (v)

/* step_a to step_c are 0 or 1 and constant in each copy of the loop: only so is it vectorised. */
static ALWAYS_INLINE void SYMBOL(loop)(VALUE (*apply)(VALUE, VALUE, VALUE), const int inputs, char *const *args,
                                       const int step_a, const int step_b, const int step_c, const ptrdiff_t n) {
    const ELEMENT *const a = (const ELEMENT *)args[0];
    const ELEMENT *const b = inputs > 1 ? (const ELEMENT *)args[1] : a;
    const ELEMENT *const c = inputs > 2 ? (const ELEMENT *)args[2] : a;
    const ELEMENT first_a = *a, first_b = *b, first_c = *c;
    ELEMENT *const out = (ELEMENT *)args[inputs];
    INDEPENDENT_ITERATIONS
    for (ptrdiff_t i = 0; i < n; i++) {
        out[i] = apply(step_a ? a[i] : first_a, step_b ? b[i] : first_b, step_c ? c[i] : first_c);
    }
}

/* n elements in whole cache lines of the output. */
static ALWAYS_INLINE void SYMBOL(lines)(VALUE (*apply)(VALUE, VALUE, VALUE), const int inputs, char *const *args,
                                        const int step_a, const int step_b, const int step_c, const int stream,
                                        const ptrdiff_t n) {
    enum { LINE = CACHE_LINE / (int)sizeof(ELEMENT) };
    const ELEMENT *a = (const ELEMENT *)args[0];
    const ELEMENT *b = inputs > 1 ? (const ELEMENT *)args[1] : a;
    const ELEMENT *c = inputs > 2 ? (const ELEMENT *)args[2] : a;
    const ELEMENT first_a = *a, first_b = *b, first_c = *c;
    ELEMENT *out = (ELEMENT *)args[inputs];
    for (ptrdiff_t i = 0; i < n; i += LINE) {
        READ_AHEAD(step_a ? a : b, stream);
        if (step_a && step_b) {
            READ_AHEAD(b, stream);
        }
#if defined(stream_word)
        if (stream && CACHE_LINE % sizeof(ELEMENT) == 0) {
            ELEMENT line[LINE];
            LOOP_OVER_LINE
            for (int j = 0; j < LINE; j++) {
                line[j] = apply(step_a ? a[j] : first_a, step_b ? b[j] : first_b, step_c ? c[j] : first_c);
            }
            JOINED(stream_line, LEVEL)(out, line);
        } else
#else
        (void)stream;
#endif
        {
            LOOP_OVER_LINE
            for (int j = 0; j < LINE; j++) {
                out[j] = apply(step_a ? a[j] : first_a, step_b ? b[j] : first_b, step_c ? c[j] : first_c);
            }
        }
        a += step_a ? LINE : 0;
        b += step_b ? LINE : 0;
        c += step_c ? LINE : 0;
        out += LINE;
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
        *(ELEMENT *)out = apply(*(const ELEMENT *)a, *(const ELEMENT *)b, *(const ELEMENT *)c);
        a += stride_a;
        b += stride_b;
        c += stride_c;
        out += strides[inputs];
    }
}

/* Both factors are cleared before they are widened: of the wider products that would take twice the instructions, and
 * clearing one alone would make nan of the other's infinity. */
static ALWAYS_INLINE int SYMBOL(prelu_grad_loop)(const ELEMENT *grad, const ELEMENT *x, const ELEMENT *slopes,
                                                 const int slope_step, ELEMENT *grad_x, SUM *products, ptrdiff_t n) {
    const ELEMENT first_slope = *slopes;
    MAGNITUDE largest_grad = 0, largest_x = 0;
    INDEPENDENT_ITERATIONS
    for (ptrdiff_t i = 0; i < n; i++) {
        const ELEMENT upstream = grad[i], value = x[i], slope = slope_step ? slopes[i] : first_slope;
        const MAGNITUDE of_grad = MAGNITUDE_OF(upstream), of_x = MAGNITUDE_OF(value);
        const ELEMENT grad_below = value > 0 ? 0 : upstream, x_below = value > 0 ? 0 : value;
        largest_grad = of_grad > largest_grad ? of_grad : largest_grad;
        largest_x = of_x > largest_x ? of_x : largest_x;
        products[i] = (SUM)x_below * (SUM)grad_below;
        grad_x[i] = value > 0 ? upstream : slope * upstream;
    }
    return fl_exponent_of_product(EXPONENT_OF(largest_grad), EXPONENT_OF(largest_x));
}

static int SYMBOL(prelu_grad)(const void *grad, const void *x, const void *slopes, ptrdiff_t slope_step, void *grad_x,
                              void *products, ptrdiff_t n) {
    if (slope_step == 0) {
        return SYMBOL(prelu_grad_loop)((const ELEMENT *)grad, (const ELEMENT *)x, (const ELEMENT *)slopes, 0,
                                       (ELEMENT *)grad_x, (SUM *)products, n);
    }
    return SYMBOL(prelu_grad_loop)((const ELEMENT *)grad, (const ELEMENT *)x, (const ELEMENT *)slopes, 1,
                                   (ELEMENT *)grad_x, (SUM *)products, n);
}

#if defined(FACTORS)
#define RESULT(v) ((ELEMENT)(v))
#include "factor_finish.h"
#define WIDE ELEMENT
#define FINISH_DTYPE DTYPE
#include "factor_loops.h"
#else
#define FACTOR_OF(factor, x) fl_##factor##_longdouble(x)
#define PRODUCT2(f, a) ((f) * (a))
#define PRODUCT3(f, a, b) ((f) * (a) * (b))
#define NOT_BELOW(v, a) ((a) < (v) ? (v) : (a))
#endif

#include "entry_points.h"

#undef FACTOR_OF
#undef PRODUCT2
#undef PRODUCT3
#undef NOT_BELOW
#undef ELEMENT
#undef SUM
#undef MAGNITUDE
#undef MAGNITUDE_OF
#undef EXPONENT_OF
#undef FACTORS
