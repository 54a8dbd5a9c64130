/* All SIMD levels in one file: each is a region of wider instructions, entered only through the table at the end, after
 * the CPU was asked. Nothing outside the regions is compiled for more than the baseline. */
#include <stdint.h>
#include <string.h>
/* Before any region, so that the compiler's own inline functions keep their own target. */
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "compiler.h"
#include "exponents.h"
#include "factor_blocks.h"
#include "factors_double.h"
#include "factors_longdouble.h"
#include "kernels.h"

#if defined(FASTLRELU_X86_REGIONS)
#include <cpuid.h>

static int supported_sse42(void) {
    return __builtin_cpu_supports("sse4.2");
}

static int supported_avx2(void) {
    unsigned int eax, ebx, ecx = 0, edx;
    /* Compilers older than GCC 11 do not know "f16c" as a name here; "avx2" covers the operating system's part. */
    const int f16c = __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
    return f16c && __builtin_cpu_supports("avx2");
}

static int supported_avx512(void) {
    return supported_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

static int supported_baseline(void) {
    return 1;
}

#define LEVEL baseline
#if defined(__aarch64__)
#define LEVEL_NAME "neon"
#define LEVEL_LANES "lanes_neon.h"
#else
#define LEVEL_NAME "baseline"
#define LEVEL_LANES "lanes_scalar.h"
#endif
#include "level.h"

#if defined(FASTLRELU_X86_REGIONS)
REGION_BEGIN("sse4.2")
#define LEVEL sse42
#define LEVEL_NAME "sse4.2"
#define LEVEL_LANES "lanes_scalar.h"
#define LEVEL_BELOW baseline
#include "level.h"
REGION_END

REGION_BEGIN("avx2,f16c")
#define LEVEL avx2
#define LEVEL_NAME "avx2"
#define LEVEL_LANES "lanes_avx2.h"
#include "level.h"
REGION_END

REGION_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,avx2,f16c")
#define LEVEL avx512
#define LEVEL_NAME "avx512"
#define LEVEL_LANES "lanes_avx512.h"
#include "level.h"
REGION_END
#endif

const fl_level *const fl_levels[] = {
#if defined(FASTLRELU_X86_REGIONS)
    &level_avx512,
    &level_avx2,
    &level_sse42,
#endif
    &level_baseline,
};
const int fl_levels_count = sizeof fl_levels / sizeof *fl_levels;

#define OPERATION1(name, a, result) {#name, 1},
#define OPERATION2(name, a, b, result) {#name, 2},
#define OPERATION3(name, a, b, c, result) {#name, 3},
const fl_operation fl_operations[FL_OPERATIONS] = {
#include "operations.h"
};
