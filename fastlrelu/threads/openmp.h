/* What OpenMP says of threads, or one thread without it, and whether this process is the child of a fork. */
#ifndef FASTLRELU_OPENMP_H
#define FASTLRELU_OPENMP_H

typedef struct {
    int threads; /* of a region that this thread would open */
    int limit;   /* of all threads that it may start */
    int level;   /* of regions that it is in, other libraries' */
} openmp_state;

#if defined(_OPENMP)
#include <omp.h>
#if defined(_WIN32)
static int openmp_may_be_asked(void) {
    return 1;
}
#else
#include <pthread.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
static int is_main_thread(void) {
#if defined(__linux__)
    return syscall(SYS_gettid) == getpid();
#elif defined(__APPLE__)
    return pthread_main_np();
#else
    return 0;
#endif
}

/* In LLVM's library alone, whatever the name it was loaded under. */
extern int kmp_get_blocktime(void) __attribute__((weak));

/* LLVM's library takes in each thread that asks it: it gives the thread back the processors of the whole process, and
 * in a child that the thread forked, it crashes when the thread ends. The main thread does not end before the process.
 */
static int openmp_may_be_asked(void) {
    return !kmp_get_blocktime || is_main_thread();
}
#endif

static const int openmp_compiled = 1;

static void *ask_openmp(void *state) {
    *(openmp_state *)state = (openmp_state){omp_get_max_threads(), omp_get_thread_limit(), omp_get_level()};
    return NULL;
}

/* For a thread that has set nothing of its own. */
static openmp_state ask_openmp_first(void) {
    openmp_state state = {1, 1, 0};
#if !defined(_WIN32)
    pthread_t asker;
    if (!openmp_may_be_asked()) {
        if (pthread_create(&asker, NULL, ask_openmp, &state) == 0) {
            pthread_join(asker, NULL);
        }
        return state;
    }
#endif
    ask_openmp(&state);
    return state;
}

static openmp_state openmp_now(const openmp_state *first) {
    openmp_state state = *first;
    if (openmp_may_be_asked()) {
        ask_openmp(&state);
    } else {
        /* LLVM's library answers this without taking the thread in. */
        state.level = omp_get_thread_num() > 0;
    }
    return state;
}
#else
static const int openmp_compiled = 0;
static openmp_state ask_openmp_first(void) {
    return (openmp_state){1, 1, 0};
}
static openmp_state openmp_now(const openmp_state *first) {
    return *first;
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
