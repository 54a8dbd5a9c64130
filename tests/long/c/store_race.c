/* The stores of reuse_memory under eight threads, for ThreadSanitizer: blocks taken, freed by another thread, grown;
 * stores opened, closed and emptied meanwhile. Two of them, one below the other. Blocks that two threads have at once
 * are seen by their contents, and a block that comes back with another size than it has by `below`. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

/* Of Python's functions the stores name these three. None is called: there is no capsule, and zeros are not asked for.
 */
PyThreadState *PyEval_SaveThread(void) {
    abort();
}

void PyEval_RestoreThread(PyThreadState *state) {
    (void)state;
    abort();
}

void _Py_Dealloc(PyObject *object) {
    (void)object;
    abort();
}

enum { THREADS = 8, CALLS = 2000, SIZES = 6, PLACES = 4 };

static const size_t sizes[SIZES] = {1000, 128 << 10, 130000, 150000, 160000, 1 << 20};
static int errors = 0;

static void fail(const char *what) {
    if (__atomic_add_fetch(&errors, 1, __ATOMIC_RELAXED) == 1) {
        fprintf(stderr, "%s\n", what);
    }
}

/* The true size stands before each block. */
static void *below_malloc(void *context, size_t bytes) {
    size_t *const start = malloc(bytes + 64);
    (void)context;
    *start = bytes;
    return start + 8;
}

static void *below_calloc(void *context, size_t count, size_t bytes) {
    (void)context, (void)count, (void)bytes;
    return NULL;
}

static void below_free(void *context, void *start, size_t bytes) {
    size_t *const true_start = (size_t *)start - 8;
    (void)context;
    if (*true_start < bytes) {
        fail("a block came back larger than it is");
    }
    free(true_start);
}

static void *below_realloc(void *context, void *former, size_t bytes) {
    size_t *const start = realloc((size_t *)former - 8, bytes + 64);
    (void)context;
    *start = bytes;
    return start + 8;
}

static const PyDataMem_Handler below = {"below", 1, {NULL, below_malloc, below_calloc, below_realloc, below_free}};

static fl_store *outer, *inner;
static const PyDataMemAllocator *allocator;
/* Blocks on their way from one thread to another, with their sizes. */
static struct {
    size_t *start;
    size_t bytes;
} exchanged[PLACES];
static pthread_mutex_t exchange = PTHREAD_MUTEX_INITIALIZER;

static size_t *made(size_t bytes, size_t number) {
    size_t *const start = allocator->malloc(allocator->ctx, bytes);
    for (size_t i = 0; i < bytes / sizeof *start; i += 64) {
        start[i] = number;
    }
    return start;
}

static void check(const size_t *start, size_t bytes) {
    for (size_t i = 0; i < bytes / sizeof *start; i += 64) {
        if (start[i] != start[0]) {
            fail("two arrays had one block");
        }
    }
}

static void *work(void *argument) {
    unsigned int seed = (unsigned int)(size_t)argument;
    for (size_t call = 0; call < CALLS; call++) {
        size_t bytes = sizes[rand_r(&seed) % SIZES];
        size_t *start = made(bytes, call * THREADS + (size_t)argument);
        if (rand_r(&seed) % 8 == 0) {
            const size_t grown = sizes[rand_r(&seed) % SIZES];
            start = allocator->realloc(allocator->ctx, start, grown);
            bytes = grown < bytes ? grown : bytes;
            check(start, bytes);
            allocator->free(allocator->ctx, start, grown);
            continue;
        }
        const int place = rand_r(&seed) % PLACES;
        pthread_mutex_lock(&exchange);
        size_t *const other = exchanged[place].start;
        const size_t other_bytes = exchanged[place].bytes;
        exchanged[place].start = start;
        exchanged[place].bytes = bytes;
        pthread_mutex_unlock(&exchange);
        if (other != NULL) {
            check(other, other_bytes);
            allocator->free(allocator->ctx, other, other_bytes);
        }
        if (call % 512 == 0) {
            fl_stores_release();
        } else if (call % 256 == 0) {
            fl_store_close(inner);
            fl_store_open(inner, 1 << 20);
        }
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    if (fl_stores_start() != 0 || (outer = fl_store_new()) == NULL || (inner = fl_store_new()) == NULL) {
        return 1;
    }
    fl_reuser *const outer_reuser = fl_reuser_new(outer, &below, NULL);
    fl_reuser *const inner_reuser = fl_reuser_new(inner, &outer_reuser->handler, NULL);
    allocator = &inner_reuser->handler.allocator;
    fl_store_open(outer, 4 << 20);
    fl_store_open(inner, 1 << 20);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, work, (void *)(i + 1));
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    const fl_store_totals now = fl_stores_now();
    while (fl_store_close(inner) == 0 || fl_store_close(outer) == 0) {
    }
    for (int i = 0; i < PLACES; i++) {
        if (exchanged[i].start != NULL) {
            allocator->free(allocator->ctx, exchanged[i].start, exchanged[i].bytes);
        }
    }
    fl_reuser_drop(inner_reuser);
    fl_reuser_drop(outer_reuser);
    fl_store_delete(inner);
    fl_store_delete(outer);
    printf("%lld blocks used again, %zu bytes held, %d errors\n", now.reused, now.held, errors);
    return errors > 0 || now.reused == 0 || fl_stores_now().held > 0;
}
