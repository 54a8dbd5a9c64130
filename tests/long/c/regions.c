/* OpenMP's regions as the library opens them, under sanitizers: callers that try for the region in turn, teams that
 * grow and shrink, threads that come and go, forks in between.
 *
 * ThreadSanitizer does not know the barriers of libgomp, which is not built with it. So it is told to leave out the
 * body of the region, and what it checks is team.h: who has the region, whose workers stay. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "team.h"

enum { CALLERS = 6, ROUNDS = 4, CALLS = 150, BLOCKS = 32, FORKS = 10 };

#if defined(__SANITIZE_THREAD__)
#define UNDER_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER 1
#endif
#endif

#if defined(UNDER_THREAD_SANITIZER)
const char *__tsan_default_suppressions(void) {
    return "race:_omp_fn\n";
}
#endif

static int shared; /* calls that had workers */

static void check(int condition, const char *what) {
    if (!condition) {
        printf("%s\n", what);
        exit(1);
    }
}

static void call(int threads) {
    /* Freed at once: a worker that still touched it would be a use after free. */
    int *const done = calloc(BLOCKS, sizeof *done);
    if (openmp_opens_regions_here() && !openmp_is_lost && team_take()) {
        if (team_begin(threads, 1)) {
            __atomic_fetch_add(&shared, 1, __ATOMIC_RELAXED);
#pragma omp parallel for schedule(static) num_threads(threads)
            for (int block = 0; block < BLOCKS; block++) {
                done[block]++;
            }
            team_end(threads);
        }
        team_release();
    }
    for (int block = 1; block < BLOCKS; block++) {
        check(done[block] <= 1 && done[block] == done[0], "a block was left out or done twice");
    }
    free(done);
}

static void *call_often(void *argument) {
    const int number = *(const int *)argument;
    for (int i = 0; i < CALLS; i++) {
        call(2 + (number + i / 50) % 3);
    }
    return NULL;
}

static void callers_that_come_and_go(void) {
    pthread_t threads[CALLERS];
    int numbers[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        numbers[i] = i;
        check(pthread_create(&threads[i], NULL, call_often, &numbers[i]) == 0, "no thread");
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
    }
}

int main(void) {
    const openmp_state first = ask_openmp_first();
    check(ask_openmp_now(&first).level == 0, "inside a region");
    check(team_prepare(0), "no key or no handlers");
    for (int i = 0; i < ROUNDS; i++) {
        callers_that_come_and_go();
        call(4);
        check(team_is_kept(), "the only caller's workers do not stay");
    }
#if !defined(UNDER_THREAD_SANITIZER)
    for (int i = 0; i < FORKS; i++) {
        const pid_t child = fork();
        int status;
        const int before = shared;
        call(3);
        if (child == 0) {
            callers_that_come_and_go();
            exit(shared > before ? 0 : 2);
        }
        check(waitpid(child, &status, 0) == child && status == 0, "a child failed");
    }
#endif
    printf("%d calls with workers\n", shared);
    check(shared > 0, "none");
    return 0;
}
