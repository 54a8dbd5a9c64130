/* The workers that OpenMP keeps for the next region: whose stay, none at a fork, and none that cannot be started.
 *
 * libgomp keeps workers for each thread that opened a region, until that thread ends. Here one thread keeps them, the
 * first; any other ends its own after its region, so that there are at most two teams in the process. */
#ifndef FASTLRELU_TEAM_H
#define FASTLRELU_TEAM_H

#include "openmp.h"

/* Set in a child whose OpenMP library lost its workers at the fork. Read-only from then on. */
static volatile int openmp_is_lost = 0;

#if defined(_OPENMP) && !defined(_WIN32)
#include <pthread.h>
#include <signal.h>

/* Threads that are started for trial beyond those that the team needs: another thread of the process may start some
 * between the trial and the region. */
enum { HEADROOM = 4 };

static int region_is_taken; /* atomic */

/* The region that is open, or will be. Of whoever has taken it. */
static struct {
    int grows; /* the team needs new workers */
    int keeps; /* this thread's workers stay */
    sigset_t signals;
} region;

/* The thread whose workers stay. Written by whoever has taken the region, and by that thread itself. */
static struct {
    int exists;       /* atomic */
    pthread_t thread; /* atomic */
    int threads;      /* of its team */
    int processors;   /* that it had when they were started */
} keeper;
static pthread_key_t keeper_key;
static size_t trial_stack_bytes; /* 0: the system's default */

static int is_keeper(void) {
    pthread_t thread;
    if (!__atomic_load_n(&keeper.exists, __ATOMIC_ACQUIRE)) {
        return 0;
    }
    __atomic_load(&keeper.thread, &thread, __ATOMIC_RELAXED);
    return pthread_equal(thread, pthread_self());
}

/* Its workers end with it, by libgomp's own hand. */
static void forget_keeper(void *unused) {
    (void)unused;
    if (is_keeper()) {
        __atomic_store_n(&keeper.exists, 0, __ATOMIC_RELEASE);
    }
}

static int team_take(void) {
    return !__atomic_exchange_n(&region_is_taken, 1, __ATOMIC_ACQUIRE);
}

static void team_release(void) {
    __atomic_store_n(&region_is_taken, 0, __ATOMIC_RELEASE);
}

static void *wait_for_trial(void *mutex) {
    pthread_mutex_lock(mutex);
    pthread_mutex_unlock(mutex);
    return NULL;
}

/* Whether so many threads can be started now: OpenMP ends the process where one cannot. */
static int threads_can_start(int count) {
    pthread_mutex_t until_all_are_there = PTHREAD_MUTEX_INITIALIZER;
    pthread_t threads[count];
    pthread_attr_t attributes;
    int started = 0;
    if (pthread_attr_init(&attributes) != 0) {
        return 0;
    }
    if (trial_stack_bytes > 0) {
        pthread_attr_setstacksize(&attributes, trial_stack_bytes);
    }
    pthread_mutex_lock(&until_all_are_there);
    while (started < count &&
           pthread_create(&threads[started], &attributes, wait_for_trial, &until_all_are_there) == 0) {
        started++;
    }
    pthread_mutex_unlock(&until_all_are_there);
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_attr_destroy(&attributes);
    return started == count;
}

/* The host's signals are for the host's threads, but for those of a fault in ours. */
static void block_signals(sigset_t *before) {
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        sigdelset(&all, faults[i]);
    }
    pthread_sigmask(SIG_SETMASK, &all, before);
}

/* Before a region of so many threads, once it is taken; 0 if it cannot be opened. */
static int team_begin(int threads, int processors) {
    if (!__atomic_load_n(&keeper.exists, __ATOMIC_ACQUIRE) && pthread_setspecific(keeper_key, &keeper) == 0) {
        pthread_t self = pthread_self();
        __atomic_store(&keeper.thread, &self, __ATOMIC_RELAXED);
        keeper.threads = 1;
        __atomic_store_n(&keeper.exists, 1, __ATOMIC_RELEASE);
    }
    region.keeps = is_keeper();
    if (region.keeps && keeper.processors != processors) {
        /* Workers stay on the processors that they were started with. */
        if (openmp_is_pausable && keeper.threads > 1 && openmp_pause(PAUSE_HARD) == 0) {
            keeper.threads = 1;
        }
        keeper.processors = processors;
    }
    region.grows = threads > (region.keeps ? keeper.threads : 1);
    if (region.grows) {
        block_signals(&region.signals);
        if (!threads_can_start(threads - (region.keeps ? keeper.threads : 1) + HEADROOM)) {
            pthread_sigmask(SIG_SETMASK, &region.signals, NULL);
            return 0;
        }
    }
    return 1;
}

static void team_end(int threads) {
    if (region.grows) {
        pthread_sigmask(SIG_SETMASK, &region.signals, NULL);
    }
    if (region.keeps) {
        keeper.threads = threads;
    } else if (openmp_is_pausable) {
        openmp_pause(PAUSE_HARD);
    }
}

/* What the thread that forks finds in its child. */
static _Thread_local int fork_is_clean;

static void before_fork(void) {
    if (openmp_is_pausable) {
        /* Fails inside a region, somebody else's. */
        fork_is_clean = openmp_pause(PAUSE_HARD) == 0;
        if (fork_is_clean && is_keeper()) {
            keeper.threads = 1;
        }
    } else {
        /* LLVM's library sees to a fork itself, as long as the thread that forked does not end. */
        fork_is_clean = openmp_is_llvm && is_main_thread();
    }
}

static void after_fork_in_child(void) {
    openmp_is_lost |= !fork_is_clean;
    /* Whoever had taken the region is not in this process. */
    region_is_taken = 0;
    if (!is_keeper()) {
        keeper.exists = 0;
    }
    keeper.threads = 1;
}

static int team_prepare(size_t stack_bytes) {
    trial_stack_bytes = stack_bytes;
    return pthread_key_create(&keeper_key, forget_keeper) == 0 &&
           pthread_atfork(before_fork, NULL, after_fork_in_child) == 0;
}

/* Whether this thread's workers stay until its next region: then that begins sooner. */
static int team_is_kept(void) {
    return is_keeper() || !__atomic_load_n(&keeper.exists, __ATOMIC_RELAXED);
}
#else
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
static volatile long region_is_taken;
static int team_take(void) {
    return !_InterlockedExchange(&region_is_taken, 1);
}
static void team_release(void) {
    _InterlockedExchange(&region_is_taken, 0);
}
#else
static int region_is_taken;
static int team_take(void) {
    return !__atomic_exchange_n(&region_is_taken, 1, __ATOMIC_ACQUIRE);
}
static void team_release(void) {
    __atomic_store_n(&region_is_taken, 0, __ATOMIC_RELEASE);
}
#endif
/* Windows has one pool for all that open regions, no fork, and no limit on threads. */
static int team_begin(int threads, int processors) {
    (void)threads;
    (void)processors;
    return 1;
}
static void team_end(int threads) {
    (void)threads;
}
static int team_is_kept(void) {
    return 1;
}
static int team_prepare(size_t stack_bytes) {
    (void)stack_bytes;
    return 1;
}
#endif

#endif
