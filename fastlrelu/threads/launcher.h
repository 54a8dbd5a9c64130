/* The one thread that a caller hands work to, and that shares it with the workers.
 *
 * It lives as long as the process. The caller takes part, and a launcher that is late is not waited for. */
#ifndef FASTLRELU_LAUNCHER_H
#define FASTLRELU_LAUNCHER_H

#include <stddef.h>

#include "clock.h"

/* The blocks of a call that are taken: the number from the front below, the number from the back above. */
typedef unsigned long long fl_taken;
#define FL_TAKEN_AT_BACK (1ULL << 32)

/* The next block that nobody has taken; `blocks`, or more, when there is none. Whoever takes from one end meets the
 * same blocks in the same core's cache at the next call. */
static ptrdiff_t fl_take(fl_taken *taken, ptrdiff_t blocks, int at_back);

#if defined(_WIN32)
#include <intrin.h>
/* No limit on threads here, and one pool of OpenMP's for all that open regions: the caller does, and takes part so. */
static int fl_launch(void (*region)(void *), void *context, int helpers) {
#if defined(_OPENMP)
#pragma omp parallel num_threads(helpers + 1)
#endif
    region(context);
    return 1;
}

static void fl_await_begin(void) {}
static void fl_await(void) {}

static fl_taken fl_add(fl_taken *taken, fl_taken number) {
    return (fl_taken)_InterlockedExchangeAdd64((volatile long long *)taken, (long long)number);
}
#else
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include "workers.h"

static void fl_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

typedef struct {
    fl_region region;
    void *context;
    int helpers; /* threads that may run the region: the launcher and workers */
} fl_job;

/* The caller takes it from idle to wanted, the launcher to busy and back to idle. A caller that did without takes it
 * from wanted back to idle. */
enum fl_launcher_state { FL_IDLE, FL_WANTED, FL_BUSY };

enum {
    FL_SPINS = 2000,
    /* So many calls in a row, each begun so soon after the one before, and the launcher looks for the next one for that
     * long before it sleeps. Waking it takes as long. Beside a matrix product, whose threads need its core, it never
     * does. */
    FL_SOON_CALLS = 3,
    FL_SOON_NANOSECONDS = 50000,
    FL_CALLS_WITHOUT_HELP = 16,
    /* For a region to begin where one is waited for. */
    FL_LATE_NANOSECONDS = 2000000
};

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t wanted, finished;
    int state;              /* atomic */
    int asleep;             /* atomic: the launcher waits for `wanted` */
    int awaited;            /* atomic: the caller waits for `finished` */
    int calls_soon;         /* atomic: calls in a row that followed soon on the one before; written by the caller */
    long long finished_at;  /* by the caller */
    fl_job job;             /* the caller's while idle, the launcher's while busy */
    int caller_processor;   /* atomic: where the caller ran when it asked */
    int kept_from;          /* atomic: the processor that the launcher may not run on, or -1 */
    int calls_without_help; /* by the caller: in a row */
    pid_t id, process;      /* of the launcher; id atomic, 0 until the rest is there */
#if defined(__linux__)
    cpu_set_t processors; /* that the launcher was created with */
#endif
    int started; /* by the caller */
} fl_launcher = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                 .wanted = PTHREAD_COND_INITIALIZER,
                 .finished = PTHREAD_COND_INITIALIZER,
                 .kept_from = -1};

/* Some kernels wake a thread on the processor of the one who wakes it, although another is idle. There the two would
 * take turns for milliseconds, or the launcher would wait for as long to run at all. So whoever notices it, the
 * launcher when it wakes up or the caller when it had no help, takes that processor from the launcher. */
#if defined(__linux__)
/* 0 if the launcher may run nowhere else. */
static int fl_confine_launcher(cpu_set_t *processors) {
    cpu_set_t own;
    const pid_t launcher = __atomic_load_n(&fl_launcher.id, __ATOMIC_ACQUIRE);
    /* Not from the child of a fork, whose launcher is the parent's. */
    if (launcher == 0 || fl_launcher.process != getpid() || sched_getaffinity(getpid(), sizeof own, &own) != 0) {
        return 0;
    }
    /* Neither beyond what its creator had, nor beyond what the process has by now. */
    CPU_AND(processors, processors, &own);
    CPU_AND(processors, processors, &fl_launcher.processors);
    return CPU_COUNT(processors) > 0 && sched_setaffinity(launcher, sizeof *processors, processors) == 0;
}

static void fl_keep_launcher_from(int processor) {
    cpu_set_t processors;
    memset(&processors, 0xff, sizeof processors);
    CPU_CLR((size_t)processor, &processors);
    if (fl_confine_launcher(&processors)) {
        __atomic_store_n(&fl_launcher.kept_from, processor, __ATOMIC_RELAXED);
    }
}

static void fl_free_launcher(void) {
    cpu_set_t processors;
    memset(&processors, 0xff, sizeof processors);
    if (fl_confine_launcher(&processors)) {
        __atomic_store_n(&fl_launcher.kept_from, -1, __ATOMIC_RELAXED);
    }
}

static void fl_note_launcher(void) {
    if (sched_getaffinity(0, sizeof fl_launcher.processors, &fl_launcher.processors) == 0) {
        fl_launcher.process = getpid();
        __atomic_store_n(&fl_launcher.id, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
    }
}

static int fl_runs_beside_caller(void) {
    return sched_getcpu() != __atomic_load_n(&fl_launcher.caller_processor, __ATOMIC_RELAXED);
}

static void fl_leave_processor_of_caller(void) {
    if (!fl_runs_beside_caller()) {
        fl_keep_launcher_from(sched_getcpu());
    }
}

static void fl_call_from_here(void) {
    __atomic_store_n(&fl_launcher.caller_processor, sched_getcpu(), __ATOMIC_RELAXED);
}

static void fl_had_no_help(void) {
    const int here = sched_getcpu();
    fl_launcher.calls_without_help++;
    /* Now and then in any case: somebody else may have set the launcher's affinity. */
    if (here != __atomic_load_n(&fl_launcher.kept_from, __ATOMIC_RELAXED) ||
        fl_launcher.calls_without_help % FL_CALLS_WITHOUT_HELP == 0) {
        fl_keep_launcher_from(here);
    }
}
#else
static void fl_note_launcher(void) {}
static void fl_free_launcher(void) {}
static int fl_runs_beside_caller(void) {
    return 1;
}
static void fl_leave_processor_of_caller(void) {}
static void fl_call_from_here(void) {}
static void fl_had_no_help(void) {}
#endif

/* Returns when a job may be there. */
static void fl_wait_for_job(void) {
    if (__atomic_load_n(&fl_launcher.calls_soon, __ATOMIC_RELAXED) >= FL_SOON_CALLS && fl_runs_beside_caller()) {
        const long long until = nanoseconds() + FL_SOON_NANOSECONDS;
        while (nanoseconds() < until) {
            if (__atomic_load_n(&fl_launcher.state, __ATOMIC_RELAXED) == FL_WANTED) {
                return;
            }
            fl_pause();
        }
    }
    pthread_mutex_lock(&fl_launcher.mutex);
    /* Sequentially consistent, as in fl_launch(): either the caller sees the sleeper, or it sees the caller's job. */
    __atomic_store_n(&fl_launcher.asleep, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&fl_launcher.state, __ATOMIC_SEQ_CST) != FL_WANTED) {
        pthread_cond_wait(&fl_launcher.wanted, &fl_launcher.mutex);
    }
    __atomic_store_n(&fl_launcher.asleep, 0, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&fl_launcher.mutex);
    fl_leave_processor_of_caller();
}

static int fl_change_state(int from, int to) {
    return __atomic_compare_exchange_n(&fl_launcher.state, &from, to, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static void *fl_launch_for_ever(void *unused) {
    (void)unused;
    fl_note_launcher();
    for (;;) {
        fl_wait_for_job();
        if (fl_change_state(FL_WANTED, FL_BUSY)) {
            if (fl_launcher.job.helpers - 1 > fl_workers.started) {
                /* New workers inherit the processors of the launcher, for ever. */
                fl_free_launcher();
            }
            fl_run_with_workers(fl_launcher.job.region, fl_launcher.job.context, fl_launcher.job.helpers - 1);
            __atomic_store_n(&fl_launcher.state, FL_IDLE, __ATOMIC_SEQ_CST);
            if (__atomic_load_n(&fl_launcher.awaited, __ATOMIC_SEQ_CST)) {
                pthread_mutex_lock(&fl_launcher.mutex);
                pthread_cond_signal(&fl_launcher.finished);
                pthread_mutex_unlock(&fl_launcher.mutex);
            }
        }
    }
    return NULL;
}

/* Ask for the region, and return at once; 0 if there is no launcher and the caller has to do without. One caller at a
 * time, and fl_await() must follow. */
static int fl_launch(fl_region region, void *context, int helpers) {
    const int soon = nanoseconds() - fl_launcher.finished_at < FL_SOON_NANOSECONDS;
    const int calls_soon = soon ? fl_launcher.calls_soon + (fl_launcher.calls_soon < FL_SOON_CALLS) : 0;
    fl_launcher.started = fl_launcher.started || fl_start_thread(fl_launch_for_ever);
    if (!fl_launcher.started) {
        return 0;
    }
    __atomic_store_n(&fl_launcher.calls_soon, calls_soon, __ATOMIC_RELAXED);
    fl_call_from_here();
    fl_launcher.job = (fl_job){region, context, helpers};
    __atomic_store_n(&fl_launcher.state, FL_WANTED, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&fl_launcher.asleep, __ATOMIC_SEQ_CST)) {
        /* Once the mutex is free the sleeper waits; it needs the mutex to wake up. */
        pthread_mutex_lock(&fl_launcher.mutex);
        pthread_mutex_unlock(&fl_launcher.mutex);
        pthread_cond_signal(&fl_launcher.wanted);
    }
    return 1;
}

/* Return when the launcher has begun, for once; not for ever, where it gets no processor. */
static void fl_await_begin(void) {
    const long long until = nanoseconds() + FL_LATE_NANOSECONDS;
    while (__atomic_load_n(&fl_launcher.state, __ATOMIC_ACQUIRE) == FL_WANTED && nanoseconds() < until) {
        fl_pause();
    }
}

/* Return when no other thread uses the context any more. A launcher that has not even begun is not waited for. */
static void fl_await(void) {
    if (fl_change_state(FL_WANTED, FL_IDLE)) {
        fl_had_no_help();
    } else {
        fl_launcher.calls_without_help = 0;
        for (int i = 0; i < FL_SPINS && __atomic_load_n(&fl_launcher.state, __ATOMIC_ACQUIRE) == FL_BUSY; i++) {
            fl_pause();
        }
        if (__atomic_load_n(&fl_launcher.state, __ATOMIC_ACQUIRE) == FL_BUSY) {
            pthread_mutex_lock(&fl_launcher.mutex);
            __atomic_store_n(&fl_launcher.awaited, 1, __ATOMIC_SEQ_CST);
            while (__atomic_load_n(&fl_launcher.state, __ATOMIC_SEQ_CST) == FL_BUSY) {
                pthread_cond_wait(&fl_launcher.finished, &fl_launcher.mutex);
            }
            __atomic_store_n(&fl_launcher.awaited, 0, __ATOMIC_RELAXED);
            pthread_mutex_unlock(&fl_launcher.mutex);
        }
    }
    fl_launcher.finished_at = nanoseconds();
}

static fl_taken fl_add(fl_taken *taken, fl_taken number) {
    return __atomic_fetch_add(taken, number, __ATOMIC_RELAXED);
}
#endif

static ptrdiff_t fl_take(fl_taken *taken, ptrdiff_t blocks, int at_back) {
    const fl_taken before = fl_add(taken, at_back ? FL_TAKEN_AT_BACK : 1);
    const ptrdiff_t front = (ptrdiff_t)(before % FL_TAKEN_AT_BACK);
    const ptrdiff_t back = (ptrdiff_t)(before / FL_TAKEN_AT_BACK);
    if (front + back >= blocks) {
        return blocks;
    }
    return at_back ? blocks - 1 - back : front;
}

#endif
