/* The threads of a team beside the caller and the launcher. They sleep until the launcher has a region for them.
 *
 * They are plain threads: OpenMP ends the process where it cannot start one. */
#ifndef FASTLRELU_WORKERS_H
#define FASTLRELU_WORKERS_H

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

enum { FL_STACK_BYTES = 1 << 20 };

typedef void (*fl_region)(void *context);

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t wanted, finished;
    int started; /* by the launcher alone; the others with the mutex held */
    int places;  /* in the region, that no worker has taken yet */
    int running; /* workers in the region */
    fl_region region;
    void *context;
} fl_workers = {
    .mutex = PTHREAD_MUTEX_INITIALIZER, .wanted = PTHREAD_COND_INITIALIZER, .finished = PTHREAD_COND_INITIALIZER};

/* 0 if it cannot be started. */
static int fl_start_thread(void *(*body)(void *)) {
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    int status;
    if (pthread_attr_init(&attributes) != 0) {
        return 0;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, FL_STACK_BYTES);
    /* The host's signals are for the host's threads, but for those of a fault in this one. */
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        sigdelset(&all, faults[i]);
    }
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&thread, &attributes, body, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return status == 0;
}

static void *fl_work_for_ever(void *unused) {
    (void)unused;
    pthread_mutex_lock(&fl_workers.mutex);
    for (;;) {
        while (fl_workers.places == 0) {
            pthread_cond_wait(&fl_workers.wanted, &fl_workers.mutex);
        }
        const fl_region region = fl_workers.region;
        void *const context = fl_workers.context;
        fl_workers.places--;
        fl_workers.running++;
        pthread_mutex_unlock(&fl_workers.mutex);
        region(context);
        pthread_mutex_lock(&fl_workers.mutex);
        fl_workers.running--;
        if (fl_workers.running == 0) {
            pthread_cond_signal(&fl_workers.finished);
        }
    }
    return NULL;
}

/* Run the region in this thread and in up to so many workers: those that can be started, and that come before this
 * thread has finished. */
static void fl_run_with_workers(fl_region region, void *context, int workers) {
    while (fl_workers.started < workers && fl_start_thread(fl_work_for_ever)) {
        fl_workers.started++;
    }
    if (workers > fl_workers.started) {
        workers = fl_workers.started;
    }
    if (workers > 0) {
        pthread_mutex_lock(&fl_workers.mutex);
        fl_workers.region = region;
        fl_workers.context = context;
        fl_workers.places = workers;
        pthread_cond_broadcast(&fl_workers.wanted);
        pthread_mutex_unlock(&fl_workers.mutex);
    }
    region(context);
    if (workers > 0) {
        pthread_mutex_lock(&fl_workers.mutex);
        fl_workers.places = 0;
        while (fl_workers.running > 0) {
            pthread_cond_wait(&fl_workers.finished, &fl_workers.mutex);
        }
        pthread_mutex_unlock(&fl_workers.mutex);
    }
}

#endif
