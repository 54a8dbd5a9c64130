/* What the operating system and the compiler give: the time, the caller's processors, the state of a page, a pause,
 * atomic numbers. */
#ifndef FASTLRELU_PLATFORM_H
#define FASTLRELU_PLATFORM_H

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* sched_getcpu, cpu_set_t */
#endif

#include <limits.h>

#if defined(_WIN32)
#include <windows.h>
/* The time, as far as differences go. */
static inline long long nanoseconds(void) {
    LARGE_INTEGER count, frequency;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    return (long long)(1e9 * (double)count.QuadPart / (double)frequency.QuadPart);
}
#else
#include <time.h>
/* The time, as far as differences go. */
static inline long long nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}
#endif

/* As in the loop of a thread that waits. */
static inline void pause_for_spin(void) {
#if defined(_MSC_VER) && !defined(__clang__)
    YieldProcessor();
#elif defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#if defined(__linux__)
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
/* By its affinity mask; INT_MAX where the system does not say, as for a mask of more than 1024 processors. */
static inline int processors_of_caller(void) {
    cpu_set_t processors;
    return sched_getaffinity(0, sizeof processors, &processors) == 0 ? CPU_COUNT(&processors) : INT_MAX;
}

/* The same, asked again after 100 us: the system takes a third of one to answer. */
static inline int recent_processors_of_caller(void) {
    static _Thread_local long long asked;
    static _Thread_local int processors;
    const long long now = nanoseconds();
    if (processors == 0 || now - asked > 100000) {
        processors = processors_of_caller();
        asked = now;
    }
    return processors;
}

/* Where the calling thread runs; -1 where the system does not say. */
static inline int current_processor(void) {
    return sched_getcpu();
}

/* If the calling thread runs on this processor, move it to the others that it may use, and keep it there. */
static inline void leave_processor(int processor) {
    static _Thread_local cpu_set_t all, others;
    cpu_set_t own;
    if (processor < 0 || sched_getcpu() != processor || sched_getaffinity(0, sizeof own, &own) != 0) {
        return;
    }
    /* Else it was kept from another processor before. */
    if (!CPU_EQUAL(&own, &others)) {
        all = own;
    }
    others = all;
    CPU_CLR((size_t)processor, &others);
    if (CPU_COUNT(&others) > 0) {
        sched_setaffinity(0, sizeof others, &others);
    }
}

/* Whether the page at this address is still to be provided at its first use. */
static inline int page_is_absent(const char *address) {
    const uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
    unsigned char state = 1;
    return mincore((void *)((uintptr_t)address & ~(size - 1)), 1, &state) == 0 && (state & 1) == 0;
}
#else
static inline int processors_of_caller(void) {
    return INT_MAX;
}

static inline int recent_processors_of_caller(void) {
    return INT_MAX;
}

static inline int current_processor(void) {
    return -1;
}

static inline void leave_processor(int processor) {
    (void)processor;
}

static inline int page_is_absent(const char *address) {
    (void)address;
    return 0;
}
#endif

#if defined(_MSC_VER) && !defined(__clang__)
/* Aligned 64-bit accesses through volatile are atomic there. */
static inline long long load_relaxed(const long long *value) {
    return *(const volatile long long *)value;
}
static inline void store_relaxed(long long *value, long long new_value) {
    *(volatile long long *)value = new_value;
}
#else
static inline long long load_relaxed(const long long *value) {
    return __atomic_load_n(value, __ATOMIC_RELAXED);
}
static inline void store_relaxed(long long *value, long long new_value) {
    __atomic_store_n(value, new_value, __ATOMIC_RELAXED);
}
#endif

#endif
