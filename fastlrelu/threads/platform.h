/* What the operating system and the compiler give the teams: the state of a page, and atomic numbers. */
#ifndef FASTLRELU_PLATFORM_H
#define FASTLRELU_PLATFORM_H

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

#endif
