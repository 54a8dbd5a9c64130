/* The factors of one SIMD level, in blocks: the large loops, once for each factor and precision. */
#if defined(COMPLETE)
#define FACTOR(name, single_low, single_high, double_low, double_high)                                            \
    static ONE_COPY void JOINED(single_##name##_block, LEVEL)(fl_factors * f, ptrdiff_t n) {                      \
        n &= ~(ptrdiff_t)(FL_PADDING - 1);                                                                        \
        TWO_AT_A_TIME                                                                                             \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                       \
            f->high[i] = fl_##name##_single(f->high[i]);                                                          \
        }                                                                                                         \
    }                                                                                                             \
    static ONE_COPY void JOINED(double_##name##_block, LEVEL)(fl_factors * f, ptrdiff_t n) {                      \
        n &= ~(ptrdiff_t)(FL_PADDING - 1);                                                                        \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                       \
            const fl_factor factor = fl_##name##_double(f->high[i]);                                              \
            f->high[i] = factor.high;                                                                             \
            f->low[i] = factor.low;                                                                               \
            f->exponent[i] = (float)factor.exponent;                                                              \
        }                                                                                                         \
    }                                                                                                             \
    static const fl_factor_loop JOINED(single_##name, LEVEL) = {JOINED(single_##name##_block, LEVEL), single_low, \
                                                                single_high};                                     \
    static const fl_factor_loop JOINED(double_##name, LEVEL) = {JOINED(double_##name##_block, LEVEL), double_low, \
                                                                double_high};

FL_FACTORS(FACTOR)

#undef FACTOR
#endif

/* Whether no product of these needs to be scaled. */
static ONE_COPY int JOINED(ordinary_block, LEVEL)(const double *const *operands, const int inputs,
                                                  const fl_factors *factors, const ptrdiff_t n) {
    int64_t strange = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        strange |= factors->exponent[i] < FL_ORDINARY_EXPONENT;
    }
    for (int j = 0; j < inputs; j++) {
        const double *const operand = operands[j];
        for (ptrdiff_t i = 0; i < n; i++) {
            strange |= !fl_ordinary(operand[i]);
        }
    }
    return !strange;
}
