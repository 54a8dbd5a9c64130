/* The floating-point state of the calling thread: kernels compute lanes that they throw away, so the status flags are
 * put back after each call and no exception traps in between. Rounding and flush-to-zero stay the caller's. */
#ifndef FASTLRELU_FP_STATE_H
#define FASTLRELU_FP_STATE_H

#include <fenv.h>
#include <stdint.h>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define FASTLRELU_ALL_MASKED 0x1f80u
#endif

typedef struct {
#if defined(__x86_64__) || defined(_M_X64)
    unsigned int mxcsr;
#elif defined(__aarch64__)
    uint64_t fpcr, fpsr;
#endif
    fenv_t environment;
} fl_fp_state;

/* all_units: also the units other than the vector unit (long double on x86), by the slow portable way. */
static inline void fl_fp_enter(fl_fp_state *before, int all_units) {
    if (all_units) {
        feholdexcept(&before->environment);
        return;
    }
#if defined(__x86_64__) || defined(_M_X64)
    before->mxcsr = _mm_getcsr();
    if ((before->mxcsr & FASTLRELU_ALL_MASKED) != FASTLRELU_ALL_MASKED) {
        _mm_setcsr(before->mxcsr | FASTLRELU_ALL_MASKED);
    }
#elif defined(__aarch64__)
    __asm__ volatile("mrs %0, fpcr" : "=r"(before->fpcr));
    __asm__ volatile("mrs %0, fpsr" : "=r"(before->fpsr));
    if (before->fpcr & 0x9f00u) {
        __asm__ volatile("msr fpcr, %0" : : "r"(before->fpcr & ~(uint64_t)0x9f00u));
    }
#else
    feholdexcept(&before->environment);
#endif
}

static inline void fl_fp_leave(const fl_fp_state *before, int all_units) {
    if (all_units) {
        fesetenv(&before->environment);
        return;
    }
#if defined(__x86_64__) || defined(_M_X64)
    if (_mm_getcsr() != before->mxcsr) {
        _mm_setcsr(before->mxcsr);
    }
#elif defined(__aarch64__)
    uint64_t fpcr;
    __asm__ volatile("msr fpsr, %0" : : "r"(before->fpsr));
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    /* Unmasked traps, or what a worker adopted. */
    if (fpcr != before->fpcr) {
        __asm__ volatile("msr fpcr, %0" : : "r"(before->fpcr));
    }
#else
    fesetenv(&before->environment);
#endif
}

/* For a worker thread: computes as the calling thread would, whatever the worker's own state. */
static inline void fl_fp_adopt(const fl_fp_state *caller, int all_units) {
    if (all_units) {
        fenv_t unused;
        fesetenv(&caller->environment);
        feholdexcept(&unused);
        return;
    }
#if defined(__x86_64__) || defined(_M_X64)
    _mm_setcsr(caller->mxcsr | FASTLRELU_ALL_MASKED);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(caller->fpcr & ~(uint64_t)0x9f00u));
#else
    fesetenv(&caller->environment);
#endif
}

#endif
