/* One SIMD level: every kernel, and the row of function pointers that the dispatch reads. Included once per level with
 * LEVEL (an identifier), LEVEL_NAME and LEVEL_LANES (the header with the 16-bit conversions) defined.
 *
 * The baseline comes first, and others take from it what they would not do better: longdouble, which no vector unit
 * computes, and with LEVEL_BELOW also the 16-bit dtypes and the factors of ELU and GELU. */
#include LEVEL_LANES

#if !defined(LEVEL_BELOW)
#define LEVEL_BELOW LEVEL
#define COMPLETE
#endif

#define SYMBOL_(name, dtype, level) name##_##dtype##_##level
#define SYMBOL_EXPANDED(name, dtype, level) SYMBOL_(name, dtype, level)
#define SYMBOL(name) SYMBOL_EXPANDED(name, DTYPE, LEVEL)
#define JOINED_(name, level) name##_##level
#define JOINED(name, level) JOINED_(name, level)

#include "stream.h"

#include "factor_functions.h"

#define DTYPE float32
#define ELEMENT float
#define SUM double
#define MAGNITUDE int32_t
#define MAGNITUDE_OF(value) fl_magnitude_single(value)
#define EXPONENT_OF(magnitude) fl_exponent_single(magnitude)
#define FACTORS single
#include "loops_wide.h"

#define DTYPE float64
#define ELEMENT double
#define SUM double
#define MAGNITUDE int64_t
#define MAGNITUDE_OF(value) fl_magnitude_double(value)
#define EXPONENT_OF(magnitude) fl_exponent_double(magnitude)
#define FACTORS double
#include "loops_wide.h"

#define DTYPE float64
#define SUM double
#define IS_LEFT(value) fl_magnitude_double(value)
#include "exact_sums.h"

#if !defined(LONGDOUBLE_LEVEL)
#define LONGDOUBLE_LEVEL baseline
#define DTYPE longdouble
#define ELEMENT long double
#define SUM long double
#define MAGNITUDE long double
#define MAGNITUDE_OF(value) fl_magnitude_longdouble(value)
#define EXPONENT_OF(magnitude) fl_exponent_longdouble(magnitude)
#include "loops_wide.h"

#define DTYPE longdouble
#define SUM long double
#define IS_LEFT(value) ((value) != 0)
#include "exact_sums.h"
#endif

#if defined(COMPLETE)
/* The last loops of the 16-bit dtypes' operations with a factor: float32 that only they are rounded from. */
#define DTYPE odd
#define ELEMENT float
#define FACTORS single
#define RESULT(v) fl_odd(v)
#define SELECT_POSITIVE(c, a, b) ((c) > 0 ? (a) : (b))
#include "factor_finish.h"
#undef SELECT_POSITIVE
#undef DTYPE
#undef ELEMENT
#undef FACTORS

#define DTYPE float16
#define LOAD f16_load
#define STORE f16_store
#define STREAM f16_stream
#define EXPONENT_OF(magnitude) fl_exponent_of_bits(magnitude, 10, 15)
#include "loops_half.h"

#define DTYPE bfloat16
#define LOAD bf16_load
#define STORE bf16_store
#define STREAM bf16_stream
#define EXPONENT_OF(magnitude) fl_exponent_of_bits(magnitude, 7, 127)
#include "loops_half.h"
#endif

#define ROW(name, dtype, level)                                                                     \
    {SYMBOL_EXPANDED(name##_contiguous, dtype, level), SYMBOL_EXPANDED(name##_ahead, dtype, level), \
     SYMBOL_EXPANDED(name##_streamed, dtype, level), SYMBOL_EXPANDED(name##_strided, dtype, level)}
#define ROWS(name)                                                                                 \
    {ROW(name, float16, LEVEL_BELOW), ROW(name, bfloat16, LEVEL_BELOW), ROW(name, float32, LEVEL), \
     ROW(name, float64, LEVEL), ROW(name, longdouble, LONGDOUBLE_LEVEL)},
#define SUMS(dtype, level, sum, level_of_sum)                                                \
    {SYMBOL_EXPANDED(prelu_grad, dtype, level), SYMBOL_EXPANDED(extract, sum, level_of_sum), \
     SYMBOL_EXPANDED(join, sum, level_of_sum)}
#define OPERATION1(name, a, result) ROWS(name)
#define OPERATION2(name, a, b, result) ROWS(name)
#define OPERATION3(name, a, b, c, result) ROWS(name)

static const fl_level JOINED(level, LEVEL) = {
    LEVEL_NAME,
    JOINED(supported, LEVEL),
    {
#include "operations.h"
    },
    {
        SUMS(float16, LEVEL_BELOW, float64, LEVEL),
        SUMS(bfloat16, LEVEL_BELOW, float64, LEVEL),
        SUMS(float32, LEVEL, float64, LEVEL),
        SUMS(float64, LEVEL, float64, LEVEL),
        SUMS(longdouble, LONGDOUBLE_LEVEL, longdouble, LONGDOUBLE_LEVEL),
    },
};

#undef ROW
#undef ROWS
#undef SUMS
#undef OPERATION1
#undef OPERATION2
#undef OPERATION3
#undef SYMBOL
#undef SYMBOL_
#undef SYMBOL_EXPANDED
#undef JOINED
#undef JOINED_
#undef LANES
#undef lanes
#undef lanes_add
#undef lanes_sub
#undef lanes_mul
#undef lanes_div
#undef lanes_select_positive
#undef lanes_broadcast
#undef lanes_load
#undef lanes_store
#undef stream_word
#undef stream_load
#undef stream_store
#undef f16_load
#undef f16_store
#undef bf16_load
#undef bf16_store
#undef f16_stream
#undef bf16_stream
#undef LEVEL
#undef LEVEL_NAME
#undef LEVEL_LANES
#undef LEVEL_BELOW
#undef COMPLETE
