#include "store.h"

#include <stdlib.h>
#include <string.h>

#include "lock.h"

enum {
    MOST_BLOCKS = 512,
    /* Zeros up to here: glibc clears blocks of its heap, too, and only larger ones are always new pages, which the
     * system clears at their first use, and only those that are used. */
    MOST_CLEARED = 32 << 20,
};

typedef struct {
    void *start;
    size_t bytes;
    fl_reuser *owner;
} block;

struct fl_store {
    fl_store *next;
    size_t limit; /* 0: closed */
    size_t held;
    long openings;
    long references; /* one for who made it, one for each reuser */
    int idle_count;
    int larger_count;
    /* The longest idle first. */
    block idle[MOST_BLOCKS];
    /* Blocks given to arrays that asked for less: their true size. Without an entry a block counts as large as the
     * array says when it is freed, so that a lost entry wastes a little and never harms. */
    block larger[MOST_BLOCKS];
};

static fl_store *stores = NULL;
static long long blocks_reused = 0;

static void release_store_reference(fl_store *store) {
    fl_store **link = &stores;
    lock_stores();
    const int last = --store->references == 0;
    if (last) {
        while (*link != store) {
            link = &(*link)->next;
        }
        *link = store->next;
    }
    unlock_stores();
    if (last) {
        free(store);
    }
}

void fl_reuser_drop(fl_reuser *reuser) {
    lock_stores();
    const int last = --reuser->references == 0;
    unlock_stores();
    if (last) {
        Py_XDECREF(reuser->below_capsule);
        release_store_reference(reuser->store);
        free(reuser);
    }
}

static void give_back(const block *unused) {
    const PyDataMemAllocator *const below = &unused->owner->below->allocator;
    below->free(below->ctx, unused->start, unused->bytes);
    fl_reuser_drop(unused->owner);
}

/* The functions down to the next line of this kind are called with the lock held. */

static block remove_idle(fl_store *store, int index) {
    const block removed = store->idle[index];
    store->idle_count--;
    memmove(store->idle + index, store->idle + index + 1, (size_t)(store->idle_count - index) * sizeof(block));
    store->held -= removed.bytes;
    return removed;
}

/* The latest block of that size, which the caches know best, else the smallest one that is not much larger. -1: none.
 */
static int fitting(const fl_store *store, const fl_reuser *reuser, size_t bytes) {
    size_t best = store->larger_count < MOST_BLOCKS ? bytes + bytes / 4 : bytes;
    int index = -1;
    for (int i = store->idle_count - 1; i >= 0; i--) {
        const block *const candidate = &store->idle[i];
        if (candidate->owner == reuser && candidate->bytes >= bytes && candidate->bytes <= best) {
            index = i;
            if (candidate->bytes == bytes) {
                break;
            }
            best = candidate->bytes - 1;
        }
    }
    return index;
}

/* Its true size, 0 where there is no entry. */
static size_t remove_larger(fl_store *store, const void *start) {
    for (int i = 0; i < store->larger_count; i++) {
        if (store->larger[i].start == start) {
            const size_t bytes = store->larger[i].bytes;
            store->larger[i] = store->larger[--store->larger_count];
            return bytes;
        }
    }
    return 0;
}

/* Called without the lock from here on. */

static void forget_larger(fl_store *store, const void *start) {
    lock_stores();
    remove_larger(store, start);
    unlock_stores();
}

/* Gives idle blocks back, the longest idle first, until no more than `most` bytes are held. */
static void shrink(fl_store *store, size_t most) {
    for (;;) {
        block removed = {NULL, 0, NULL};
        lock_stores();
        if (store->idle_count > 0 && store->held > most) {
            removed = remove_idle(store, 0);
        }
        unlock_stores();
        if (removed.start == NULL) {
            return;
        }
        give_back(&removed);
    }
}

static void *take(fl_reuser *reuser, size_t bytes) {
    fl_store *const store = reuser->store;
    block taken = {NULL, 0, NULL};
    lock_stores();
    const int index = fitting(store, reuser, bytes);
    if (index >= 0) {
        taken = remove_idle(store, index);
        /* The idle block's reference; the caller's array has one of its own. */
        reuser->references--;
        blocks_reused++;
        if (taken.bytes > bytes) {
            store->larger[store->larger_count++] = taken;
        }
    }
    unlock_stores();
    return taken.start;
}

/* Whether the store kept the block; `*bytes` becomes its true size in any case. */
static int keep(fl_reuser *reuser, void *start, size_t *bytes) {
    fl_store *const store = reuser->store;
    for (int counted = 0;; counted = 1) {
        block oldest = {NULL, 0, NULL};
        int kept = 0;
        lock_stores();
        const size_t larger = counted ? 0 : remove_larger(store, start);
        if (larger > *bytes) {
            *bytes = larger;
        }
        if (*bytes > store->limit) {
            unlock_stores();
            return 0;
        }
        if (store->idle_count < MOST_BLOCKS && store->held <= store->limit - *bytes) {
            store->idle[store->idle_count++] = (block){start, *bytes, reuser};
            store->held += *bytes;
            reuser->references++;
            kept = 1;
        } else {
            oldest = remove_idle(store, 0);
        }
        unlock_stores();
        if (kept) {
            return 1;
        }
        give_back(&oldest);
    }
}

static void *reuse_malloc(void *context, size_t bytes) {
    fl_reuser *const reuser = context;
    const PyDataMemAllocator *const below = &reuser->below->allocator;
    if (bytes < FL_SMALLEST_BLOCK) {
        return below->malloc(below->ctx, bytes);
    }
    void *start = take(reuser, bytes);
    if (start == NULL) {
        start = below->malloc(below->ctx, bytes);
        if (start == NULL && fl_stores_release() > 0) {
            start = below->malloc(below->ctx, bytes);
        }
        forget_larger(reuser->store, start);
    }
    return start;
}

static void *reuse_calloc(void *context, size_t count, size_t item_bytes) {
    fl_reuser *const reuser = context;
    const PyDataMemAllocator *const below = &reuser->below->allocator;
    const size_t bytes = item_bytes > 0 && count <= MOST_CLEARED / item_bytes ? count * item_bytes : 0;
    void *start = bytes >= FL_SMALLEST_BLOCK ? take(reuser, bytes) : NULL;
    if (start != NULL) {
        Py_BEGIN_ALLOW_THREADS;
        memset(start, 0, bytes);
        Py_END_ALLOW_THREADS;
        return start;
    }
    start = below->calloc(below->ctx, count, item_bytes);
    if (start == NULL && fl_stores_release() > 0) {
        start = below->calloc(below->ctx, count, item_bytes);
    }
    if (bytes == 0 || bytes >= FL_SMALLEST_BLOCK) {
        forget_larger(reuser->store, start);
    }
    return start;
}

static void *reuse_realloc(void *context, void *former, size_t bytes) {
    fl_reuser *const reuser = context;
    const PyDataMemAllocator *const below = &reuser->below->allocator;
    if (former != NULL) {
        forget_larger(reuser->store, former);
    }
    void *start = below->realloc(below->ctx, former, bytes);
    if (start == NULL && bytes > 0 && fl_stores_release() > 0) {
        start = below->realloc(below->ctx, former, bytes);
    }
    if (bytes >= FL_SMALLEST_BLOCK) {
        forget_larger(reuser->store, start);
    }
    return start;
}

static void reuse_free(void *context, void *start, size_t bytes) {
    fl_reuser *const reuser = context;
    const PyDataMemAllocator *const below = &reuser->below->allocator;
    if (bytes < FL_SMALLEST_BLOCK || start == NULL || !keep(reuser, start, &bytes)) {
        below->free(below->ctx, start, bytes);
    }
}

/* To the handler below all of ours, which would only keep it. */
static void give_back_past_stores(block *unused) {
    const PyDataMem_Handler *below = unused->owner->below;
    while (below->allocator.malloc == reuse_malloc) {
        const fl_reuser *const reuser = below->allocator.ctx;
        lock_stores();
        const size_t larger = remove_larger(reuser->store, unused->start);
        unlock_stores();
        if (larger > unused->bytes) {
            unused->bytes = larger;
        }
        below = reuser->below;
    }
    below->allocator.free(below->allocator.ctx, unused->start, unused->bytes);
    fl_reuser_drop(unused->owner);
}

fl_reuser *fl_reuser_new(fl_store *store, const PyDataMem_Handler *below, PyObject *below_capsule) {
    static const char name[] = "fastlrelu_reuse";
    fl_reuser *const reuser = calloc(1, sizeof *reuser);
    if (reuser == NULL) {
        return NULL;
    }
    memcpy(reuser->handler.name, name, sizeof name);
    reuser->handler.version = 1;
    reuser->handler.allocator = (PyDataMemAllocator){reuser, reuse_malloc, reuse_calloc, reuse_realloc, reuse_free};
    reuser->store = store;
    reuser->below = below;
    Py_XINCREF(below_capsule);
    reuser->below_capsule = below_capsule;
    reuser->references = 1;
    lock_stores();
    store->references++;
    unlock_stores();
    return reuser;
}

fl_store *fl_store_new(void) {
    fl_store *const store = calloc(1, sizeof *store);
    if (store != NULL) {
        store->references = 1;
        lock_stores();
        store->next = stores;
        stores = store;
        unlock_stores();
    }
    return store;
}

void fl_store_delete(fl_store *store) {
    release_store_reference(store);
}

void fl_store_open(fl_store *store, size_t limit) {
    lock_stores();
    store->openings++;
    store->limit = limit;
    unlock_stores();
    shrink(store, limit);
}

int fl_store_close(fl_store *store) {
    lock_stores();
    if (store->openings == 0) {
        unlock_stores();
        return -1;
    }
    const int last = --store->openings == 0;
    if (last) {
        store->limit = 0;
        store->larger_count = 0;
    }
    unlock_stores();
    if (last) {
        shrink(store, 0);
    }
    return 0;
}

int fl_store_is_open(fl_store *store) {
    lock_stores();
    const int open = store->openings > 0;
    unlock_stores();
    return open;
}

size_t fl_stores_release(void) {
    size_t released = 0;
    /* Not for ever, where others free as fast as this gives back. */
    for (long long left = fl_stores_now().blocks; left > 0; left--) {
        block removed = {NULL, 0, NULL};
        lock_stores();
        for (fl_store *store = stores; store != NULL && removed.start == NULL; store = store->next) {
            if (store->idle_count > 0) {
                removed = remove_idle(store, 0);
            }
        }
        unlock_stores();
        if (removed.start == NULL) {
            break;
        }
        give_back_past_stores(&removed);
        released += removed.bytes;
    }
    return released;
}

fl_store_totals fl_stores_now(void) {
    fl_store_totals now = {0, 0, 0, 0};
    lock_stores();
    for (const fl_store *store = stores; store != NULL; store = store->next) {
        now.held += store->held;
        /* Of several limits that add up to more than any memory. */
        now.limit = store->limit > PY_SSIZE_T_MAX - now.limit ? PY_SSIZE_T_MAX : now.limit + store->limit;
        now.blocks += store->idle_count;
    }
    now.reused = blocks_reused;
    unlock_stores();
    return now;
}

int fl_stores_start(void) {
    return hold_lock_during_forks();
}
