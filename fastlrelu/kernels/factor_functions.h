/* The factors of one SIMD level, in blocks: the large loops, once for each factor and precision. */
#define FACTOR(name, single_low, single_high, double_low, double_high)               \
    static ONE_COPY void JOINED(single_##name, LEVEL)(fl_factors * f, ptrdiff_t n) { \
        n &= ~(ptrdiff_t)(FL_PADDING - 1);                                           \
        for (ptrdiff_t i = 0; i < n; i++) {                                          \
            f->high[i] = fl_between(single_low, f->high[i], single_high);            \
        }                                                                            \
        for (ptrdiff_t i = 0; i < n; i++) {                                          \
            f->high[i] = fl_##name##_single(f->high[i]);                             \
        }                                                                            \
    }                                                                                \
    static ONE_COPY void JOINED(double_##name, LEVEL)(fl_factors * f, ptrdiff_t n) { \
        n &= ~(ptrdiff_t)(FL_PADDING - 1);                                           \
        for (ptrdiff_t i = 0; i < n; i++) {                                          \
            f->high[i] = fl_between(double_low, f->high[i], double_high);            \
        }                                                                            \
        for (ptrdiff_t i = 0; i < n; i++) {                                          \
            const fl_factor factor = fl_##name##_double(f->high[i]);                 \
            f->high[i] = factor.high;                                                \
            f->low[i] = factor.low;                                                  \
            f->exponent[i] = (float)factor.exponent;                                 \
        }                                                                            \
    }

FL_FACTORS(FACTOR)

#undef FACTOR
