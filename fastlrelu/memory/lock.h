/* The lock of the stores: held for a few dozen instructions, never while memory is asked for or given back. */
#ifndef FASTLRELU_LOCK_H
#define FASTLRELU_LOCK_H

#if defined(_WIN32)
#include <windows.h>
static SRWLOCK stores_lock = SRWLOCK_INIT;

static void lock_stores(void) {
    AcquireSRWLockExclusive(&stores_lock);
}

static void unlock_stores(void) {
    ReleaseSRWLockExclusive(&stores_lock);
}

static int hold_lock_during_forks(void) {
    return 0;
}
#else
#include <pthread.h>
static pthread_mutex_t stores_lock = PTHREAD_MUTEX_INITIALIZER;

static void lock_stores(void) {
    pthread_mutex_lock(&stores_lock);
}

static void unlock_stores(void) {
    pthread_mutex_unlock(&stores_lock);
}

/* So no child starts with a lock that a lost thread held, or in the middle of a change. */
static int hold_lock_during_forks(void) {
    return pthread_atfork(lock_stores, unlock_stores, unlock_stores);
}
#endif

#endif
