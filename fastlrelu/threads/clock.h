/* The time, as far as differences go. */
#ifndef FASTLRELU_CLOCK_H
#define FASTLRELU_CLOCK_H

#if defined(_WIN32)
#include <windows.h>
static long long nanoseconds(void) {
    LARGE_INTEGER count, frequency;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    return (long long)(1e9 * (double)count.QuadPart / (double)frequency.QuadPart);
}
#else
#include <time.h>
static long long nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}
#endif

#endif
