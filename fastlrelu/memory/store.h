/* A store of large blocks between NumPy's arrays and the data-memory handler below it (NEP 49).
 *
 * Every block is one that the handler below gave out, at its own address and with nothing added. So whoever frees it,
 * through the store or past it, early or long after the store was closed, gives the handler below what it expects, and
 * the store needs no record of the blocks that arrays have. */
#ifndef FASTLRELU_STORE_H
#define FASTLRELU_STORE_H

#include <Python.h>
#include <numpy/ndarraytypes.h>
#include <stddef.h>

enum {
    /* Smaller blocks pass. The C library mostly keeps them itself, where they cost a tenth of a call in it. */
    FL_SMALLEST_BLOCK = 128 << 10,
};

typedef struct fl_store fl_store;

/* What NumPy calls: `handler` is first, and its context is this. */
typedef struct fl_reuser {
    PyDataMem_Handler handler;
    fl_store *store;
    const PyDataMem_Handler *below;
    PyObject *below_capsule;
    /* One for the capsule, one for each idle block that came by way of it, one for each call that frees such a block.
     */
    long references;
} fl_reuser;

typedef struct {
    size_t held;  /* bytes of idle blocks */
    size_t limit; /* bytes, of all open stores together */
    long long blocks;
    long long reused;
} fl_store_totals;

int fl_stores_start(void);

fl_store *fl_store_new(void);
void fl_store_delete(fl_store *store);
/* Each opening needs a closing; the last one gives all idle blocks back. -1: it was not open. */
void fl_store_open(fl_store *store, size_t limit);
int fl_store_close(fl_store *store);
int fl_store_is_open(fl_store *store);

/* NULL without memory. Takes a reference to the capsule, which keeps `below` alive; NULL where it is immortal. */
fl_reuser *fl_reuser_new(fl_store *store, const PyDataMem_Handler *below, PyObject *below_capsule);
void fl_reuser_drop(fl_reuser *reuser);

/* Gives all idle blocks of all stores back; returns their bytes. */
size_t fl_stores_release(void);
fl_store_totals fl_stores_now(void);

#endif
