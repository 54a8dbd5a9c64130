/* The launcher and its workers under ThreadSanitizer: callers in turn, as the team's lock lets them, with plain memory
 * that all sides touch. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "launcher.h"

enum { CALLERS = 6, REGIONS = 3000, BLOCKS = 32 };

typedef struct {
    int done[BLOCKS];
    fl_taken taken;
} fl_work;

static int regions; /* that the launcher began in time: all callers go on until there were enough */

static pthread_mutex_t team_lock = PTHREAD_MUTEX_INITIALIZER;

static void take_blocks(fl_work *work, int at_back) {
    ptrdiff_t block;
    while ((block = fl_take(&work->taken, BLOCKS, at_back)) < BLOCKS) {
        work->done[block]++;
        sched_yield();
    }
}

static void region(void *context) {
    __atomic_fetch_add(&regions, 1, __ATOMIC_RELAXED);
    take_blocks(context, 1);
}

static void *call_often(void *argument) {
    const int helpers = *(const int *)argument;
    while (__atomic_load_n(&regions, __ATOMIC_RELAXED) < REGIONS) {
        fl_work *const work = calloc(1, sizeof *work);
        if (pthread_mutex_trylock(&team_lock) == 0) {
            const int launched = fl_launch(region, work, helpers);
            if (launched && helpers == 1) {
                fl_await_begin();
            }
            take_blocks(work, 0);
            if (launched) {
                fl_await();
            }
            pthread_mutex_unlock(&team_lock);
        } else {
            take_blocks(work, 0);
        }
        for (int block = 0; block < BLOCKS; block++) {
            if (work->done[block] != 1) {
                printf("block %d was done %d times\n", block, work->done[block]);
                exit(1);
            }
        }
        /* Freed at once: a launcher that still touched it would be a use after free. */
        free(work);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[CALLERS];
    int helpers[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        helpers[i] = 1 + i % 3;
        if (pthread_create(&threads[i], NULL, call_often, &helpers[i]) != 0) {
            abort();
        }
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("%d regions\n", regions);
    return 0;
}
