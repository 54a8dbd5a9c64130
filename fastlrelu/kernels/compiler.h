/* The compilers' spellings, and the regions of code built for more than the baseline instruction set. */
#ifndef FASTLRELU_COMPILER_H
#define FASTLRELU_COMPILER_H

#if defined(_MSC_VER) && !defined(__clang__)
#define ALWAYS_INLINE __forceinline
#else
#define ALWAYS_INLINE inline __attribute__((always_inline))
#endif

/* One copy of a function, whatever constants it is called with. */
#if defined(_MSC_VER) && !defined(__clang__)
#define ONE_COPY __declspec(noinline)
#elif defined(__clang__)
#define ONE_COPY __attribute__((noinline))
#else
#define ONE_COPY __attribute__((noinline, noclone))
#endif

/* No iteration reads what another writes: the caller has checked that input and output are the same or disjoint. */
#if defined(__clang__)
#define INDEPENDENT_ITERATIONS _Pragma("clang loop vectorize(assume_safety)")
/* It warns of each such loop that stays as it is: those of longdouble, and of lanes, which are vectors already. */
#pragma clang diagnostic ignored "-Wpass-failed"
#elif defined(__GNUC__)
#define INDEPENDENT_ITERATIONS _Pragma("GCC ivdep")
#elif defined(_MSC_VER)
#define INDEPENDENT_ITERATIONS __pragma(loop(ivdep))
#else
#define INDEPENDENT_ITERATIONS
#endif

/* The loop over the elements of one cache line, of fixed length: taken apart before it is vectorised, GCC would leave
 * a branch for each element. */
#if defined(__GNUC__) && !defined(__clang__)
#define LOOP_OVER_LINE _Pragma("GCC ivdep") _Pragma("GCC unroll 1")
#else
#define LOOP_OVER_LINE INDEPENDENT_ITERATIONS
#endif

/* In a loop that is to stay as it is: one over strides, vectorised, takes ten times the room. */
#if defined(__GNUC__) || defined(__clang__)
#define ONE_BY_ONE() __asm__ volatile("")
#else
#define ONE_BY_ONE() (void)0
#endif

/* A long chain of dependent operations: while one iteration waits, another computes. */
#if defined(__GNUC__) && !defined(__clang__)
#define TWO_AT_A_TIME _Pragma("GCC unroll 2")
#else
#define TWO_AT_A_TIME
#endif

/* Asks for what is read some lines later: the processor's own prefetching stops at the end of each page, and starts
 * anew. Any address will do. Further ahead, plain stores lose up to a fifth in the last-level cache of a Zen 4; less
 * far, streaming loses a tenth in memory. */
enum { CACHE_LINE = 64, BYTES_AHEAD = 384, BYTES_AHEAD_OF_STREAMING = 1 << 10 };
#if defined(_MSC_VER) && !defined(__clang__)
#define READ_AHEAD(address, stream) ((void)(address))
#else
#define READ_AHEAD(address, stream) \
    __builtin_prefetch((const char *)(address) + ((stream) ? BYTES_AHEAD_OF_STREAMING : BYTES_AHEAD))
#endif

/* clang moves a comparison before the widening from float16, where no instruction does it: fifteen times slower. It
 * must not know where the vector comes from. */
#if defined(__clang__) && defined(__x86_64__)
#define FORGET_ORIGIN(vector) __asm__("" : "+v"(vector))
#else
#define FORGET_ORIGIN(vector) (void)0
#endif

/* Other compilers get the baseline level alone. A clang region ignores its whole string if it does not know one word of
 * it, so the strings are plain feature names. */
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define FASTLRELU_X86_REGIONS 1
#define FASTLRELU_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define REGION_BEGIN(features) \
    FASTLRELU_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define REGION_END FASTLRELU_PRAGMA(clang attribute pop)
#else
#define REGION_BEGIN(features) FASTLRELU_PRAGMA(GCC push_options) FASTLRELU_PRAGMA(GCC target features)
#define REGION_END FASTLRELU_PRAGMA(GCC pop_options)
#endif
#endif

#endif
