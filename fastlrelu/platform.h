/* What the operating system and the compiler give the thread policy. */
#ifndef FASTLRELU_PLATFORM_H
#define FASTLRELU_PLATFORM_H

#if defined(_OPENMP)
#include <omp.h>
static const int openmp_compiled = 1;
#else
static const int openmp_compiled = 0;
static int omp_get_max_threads(void) {
    return 1;
}
static int omp_get_thread_limit(void) {
    return 1;
}
static int omp_get_level(void) {
    return 0;
}
#endif

#if defined(__linux__)
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
/* Whether the page at this address is still to be provided at its first use. */
static int page_is_absent(const char *address) {
    const uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
    unsigned char state = 1;
    return mincore((void *)((uintptr_t)address & ~(size - 1)), 1, &state) == 0 && (state & 1) == 0;
}
#else
static int page_is_absent(const char *address) {
    (void)address;
    return 0;
}
#endif

#if defined(_MSC_VER) && !defined(__clang__)
/* Aligned 64-bit accesses through volatile are atomic there. */
static long long load_relaxed(const long long *value) {
    return *(const volatile long long *)value;
}
static void store_relaxed(long long *value, long long new_value) {
    *(volatile long long *)value = new_value;
}
#else
static long long load_relaxed(const long long *value) {
    return __atomic_load_n(value, __ATOMIC_RELAXED);
}
static void store_relaxed(long long *value, long long new_value) {
    __atomic_store_n(value, new_value, __ATOMIC_RELAXED);
}
#endif

#if defined(_WIN32)
static volatile long fork_happened = 0;
static int watch_forks(void) {
    return 0;
}
#else
#include <pthread.h>
/* Written in the child before any other thread can exist there, read-only afterwards. */
static volatile int fork_happened = 0;
static void after_fork_in_child(void) {
    fork_happened = 1;
}
static int watch_forks(void) {
    return pthread_atfork(NULL, NULL, after_fork_in_child);
}
#endif

#endif
