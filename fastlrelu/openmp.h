/* What OpenMP says of threads, or one thread without it, and whether this process is the child of a fork. */
#ifndef FASTLRELU_OPENMP_H
#define FASTLRELU_OPENMP_H

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
