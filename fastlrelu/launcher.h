/* The one thread that opens parallel regions.
 *
 * OpenMP keeps a team of workers for each thread that ever opened a region, until that thread ends; a thread that ends
 * in a forked child then waits for workers which the fork did not copy. So no caller opens a region: it hands the work
 * to the launcher, which lives as long as the process, and takes part in it. */
#ifndef FASTLRELU_LAUNCHER_H
#define FASTLRELU_LAUNCHER_H

#include <stddef.h>

#if defined(_WIN32)
#include <intrin.h>
/* No fork here, and one pool of OpenMP's for all threads: the caller opens the region, and takes part in it so. */
static int fl_launch(void (*region)(void *, int), void *context, int helpers) {
    region(context, helpers + 1);
    return 1;
}

static void fl_await(void) {}

static ptrdiff_t fl_next(ptrdiff_t *counter) {
    return (ptrdiff_t)_InterlockedExchangeAdd64((volatile long long *)counter, 1);
}
#else
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

typedef struct {
    /* Called by the launcher; helpers: threads that may be started, itself included. */
    void (*region)(void *context, int helpers);
    void *context;
    int helpers;
} fl_job;

enum fl_launcher_state { FL_IDLE, FL_WANTED, FL_BUSY };

enum { FL_STACK_BYTES = 1 << 20, FL_SPINS = 2000 };

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t wanted, finished;
    enum fl_launcher_state state; /* changes with the mutex held alone */
    fl_job job;
    int started;
    int workers; /* of the launcher's latest region, which OpenMP keeps for the next */
} fl_launcher = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, FL_IDLE, {0}, 0, 0};

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int go;
} fl_gate;

typedef struct {
    fl_gate *gate;
    pthread_t thread;
    long id;
} fl_trial;

static void *fl_wait_at_gate(void *argument) {
    fl_trial *const trial = (fl_trial *)argument;
#if defined(__linux__)
    trial->id = syscall(SYS_gettid);
#endif
    pthread_mutex_lock(&trial->gate->mutex);
    while (!trial->gate->go) {
        pthread_cond_wait(&trial->gate->changed, &trial->gate->mutex);
    }
    pthread_mutex_unlock(&trial->gate->mutex);
    return NULL;
}

/* How many of the wanted threads can run at once, by trying. OpenMP ends the process when it cannot start one. */
static int fl_startable(int wanted) {
    fl_gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    fl_trial trials[64];
    int started = 0;
    wanted = wanted < 64 ? wanted : 64;
    while (started < wanted) {
        trials[started].gate = &gate;
        if (pthread_create(&trials[started].thread, NULL, fl_wait_at_gate, &trials[started]) != 0) {
            break;
        }
        started++;
    }
    pthread_mutex_lock(&gate.mutex);
    gate.go = 1;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
    for (int i = 0; i < started; i++) {
        pthread_join(trials[i].thread, NULL);
#if defined(__linux__)
        /* A joined thread counts against the limit until the kernel has let go of it. */
        while (syscall(SYS_tgkill, getpid(), trials[i].id, 0) == 0) {
            sched_yield();
        }
#endif
    }
    return started;
}

static int fl_permitted_helpers(int helpers) {
    const int workers = helpers - 1;
    if (workers > fl_launcher.workers) {
        const int more = fl_startable(workers - fl_launcher.workers);
        helpers = 1 + fl_launcher.workers + more;
    }
    if (helpers > 1) {
        fl_launcher.workers = helpers - 1;
    }
    return helpers;
}

static void *fl_launch_for_ever(void *unused) {
    (void)unused;
    pthread_mutex_lock(&fl_launcher.mutex);
    for (;;) {
        while (fl_launcher.state != FL_WANTED) {
            pthread_cond_wait(&fl_launcher.wanted, &fl_launcher.mutex);
        }
        __atomic_store_n(&fl_launcher.state, FL_BUSY, __ATOMIC_RELAXED);
        const fl_job job = fl_launcher.job;
        pthread_mutex_unlock(&fl_launcher.mutex);
        job.region(job.context, fl_permitted_helpers(job.helpers));
        pthread_mutex_lock(&fl_launcher.mutex);
        __atomic_store_n(&fl_launcher.state, FL_IDLE, __ATOMIC_RELEASE);
        pthread_cond_signal(&fl_launcher.finished);
    }
    return NULL;
}

static int fl_start_launcher(void) {
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    int status;
    if (pthread_attr_init(&attributes) != 0) {
        return 0;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, FL_STACK_BYTES);
    /* The host's signals are for the host's threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&thread, &attributes, fl_launch_for_ever, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return status == 0;
}

/* Ask for the region, and return at once; 0 if there is no launcher and the caller has to do without. One caller at a
 * time, and fl_await() must follow. */
static int fl_launch(void (*region)(void *, int), void *context, int helpers) {
    pthread_mutex_lock(&fl_launcher.mutex);
    fl_launcher.started = fl_launcher.started || fl_start_launcher();
    if (fl_launcher.started) {
        fl_launcher.job = (fl_job){region, context, helpers};
        __atomic_store_n(&fl_launcher.state, FL_WANTED, __ATOMIC_RELAXED);
        pthread_cond_signal(&fl_launcher.wanted);
    }
    pthread_mutex_unlock(&fl_launcher.mutex);
    return fl_launcher.started;
}

/* Return when no other thread uses the context any more. A launcher that has not even begun is not waited for. */
static void fl_await(void) {
    for (int i = 0; i < FL_SPINS && __atomic_load_n(&fl_launcher.state, __ATOMIC_ACQUIRE) == FL_BUSY; i++) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    pthread_mutex_lock(&fl_launcher.mutex);
    if (fl_launcher.state == FL_WANTED) {
        __atomic_store_n(&fl_launcher.state, FL_IDLE, __ATOMIC_RELAXED);
    }
    while (fl_launcher.state != FL_IDLE) {
        pthread_cond_wait(&fl_launcher.finished, &fl_launcher.mutex);
    }
    pthread_mutex_unlock(&fl_launcher.mutex);
}

static ptrdiff_t fl_next(ptrdiff_t *counter) {
    return __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}
#endif

#endif
