# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""`reuse_memory`: a store of large blocks below NumPy's arrays.

Design
------
a. In a ``with`` block the handler is set in the current context, as NEP 49 means it. Arrays hold a reference to the
   capsule of their handler, and the capsule to everything below, so all of it lives as long as it can be called.
b. Contexts do not nest where generators or tasks enter and leave them in turn, so no exit trusts that it is the last:
   it takes its own entry out, wherever that is, and sets a handler only where the current one is its own.
c. For the whole process there is no context to set: a new thread starts with an empty one. There the capsule of NumPy's
   default handler, which every empty context means, is made to point to a handler of ours that lives for ever.
"""
import contextvars
import numbers
import sys

cimport numpy as cnp
from cpython.pycapsule cimport (
    PyCapsule_GetDestructor, PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New, PyCapsule_SetPointer,
)
from cpython.ref cimport PyObject

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    ctypedef struct PyDataMem_Handler:
        pass
    PyObject *PyDataMem_DefaultHandler
    object PyDataMem_GetHandler()
    object PyDataMem_SetHandler(object handler)

cdef extern from "memory/store.h":
    ctypedef struct fl_store:
        pass
    ctypedef struct fl_reuser:
        PyDataMem_Handler handler
        fl_store *store
        PyObject *below_capsule
    ctypedef struct fl_store_totals:
        size_t held
        size_t limit
        long long blocks
        long long reused
    int fl_stores_start()
    fl_store *fl_store_new()
    void fl_store_delete(fl_store *store)
    void fl_store_open(fl_store *store, size_t limit)
    int fl_store_close(fl_store *store)
    bint fl_store_is_open(fl_store *store)
    fl_reuser *fl_reuser_new(fl_store *store, const PyDataMem_Handler *below, PyObject *below_capsule)
    void fl_reuser_drop(fl_reuser *reuser)
    size_t fl_stores_release()
    fl_store_totals fl_stores_now()

cdef const char *CAPSULE_NAME = "mem_handler"

# (the object that was entered, the capsule that it set, the capsule before), the latest last.
_entries = contextvars.ContextVar("fastlrelu.reuse_memory", default=())


cdef void drop_reuser(object capsule) noexcept:
    fl_reuser_drop(<fl_reuser *>PyCapsule_GetPointer(capsule, CAPSULE_NAME))


cdef bint is_ours(object capsule):
    return PyCapsule_IsValid(capsule, CAPSULE_NAME) and PyCapsule_GetDestructor(capsule) == drop_reuser


cdef object first_open(object capsule):
    """``capsule``, or the first below it that is not of a closed store."""
    cdef fl_reuser *reuser
    while is_ours(capsule):
        reuser = <fl_reuser *>PyCapsule_GetPointer(capsule, CAPSULE_NAME)
        if fl_store_is_open(reuser.store):
            break
        capsule = <object>reuser.below_capsule
    return capsule


cdef class Store:
    cdef fl_store *store

    def __cinit__(self):
        self.store = fl_store_new()
        if self.store == NULL:
            raise MemoryError("no memory for a store of blocks")

    def __dealloc__(self):
        if self.store != NULL:
            fl_store_delete(self.store)

    cdef object capsule_over(self, object below):
        """The capsule of a new handler that asks ``below`` for what this store does not have."""
        cdef const PyDataMem_Handler *handler = <const PyDataMem_Handler *>PyCapsule_GetPointer(below, CAPSULE_NAME)
        cdef fl_reuser *reuser = fl_reuser_new(self.store, handler, <PyObject *>below)
        if reuser == NULL:
            raise MemoryError("no memory for a memory handler")
        try:
            return PyCapsule_New(&reuser.handler, CAPSULE_NAME, drop_reuser)
        except BaseException:
            fl_reuser_drop(reuser)
            raise


def _checked_bytes(max_bytes):
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, numbers.Integral):
        raise TypeError(f"max_bytes must be an integer, not {max_bytes!r}")
    if not 1 <= max_bytes <= sys.maxsize:
        raise ValueError(f"max_bytes must be from 1 to {sys.maxsize}, not {max_bytes!r}")
    return int(max_bytes)


class reuse_memory:  # noqa: N801
    """reuse_memory(max_bytes=268435456)

    Context manager: large blocks of memory that NumPy's arrays no longer need are kept and given to new arrays.

    The system clears each page of new memory at its first use, which for a large new array takes about as long as the
    computation. Memory that is used again is already there. This holds for every NumPy array made inside of 128 KiB or
    more, intermediate results included, whoever made it. Smaller ones, and those of zeros, get their memory as always.

    Parameters
    ----------
    max_bytes : int, default 256 MiB
        How much memory to keep that no array uses, at most. The block that was idle for longest is given back first.

    Raises
    ------
    TypeError
        If `max_bytes` is not an integer.
    ValueError
        If `max_bytes` is less than 1 or larger than any memory.

    See Also
    --------
    release_memory : give back what is kept now
    config : says how much that is

    Notes
    -----
    At the end of the ``with`` block all that is kept is given back. Arrays made inside stay valid, for any time and in
    any thread.

    The block counts for the current context, as ``np.errstate`` does: for this thread, or for this asyncio task and the
    tasks that it starts. Other threads may enter the same object; they share what it keeps. The methods `start` and
    `stop` switch it on and off for the whole process instead.

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> x = np.ones(1_000_000)
    >>> with fastlrelu.reuse_memory():
    ...     for _ in range(10):
    ...         y = fastlrelu.leaky_relu(np.where(x > 0, x - 2, x), 0.01)
    >>> fastlrelu.config()["memory_held"]
    0
    """

    __module__ = "fastlrelu"

    def __init__(self, max_bytes=256 << 20):
        self._max_bytes = _checked_bytes(max_bytes)
        self._store = Store()
        # By the capsule below. It holds a reference to that one, so that no other can come to have its address.
        self._capsules = {}

    def __enter__(self):
        cdef Store store = self._store
        before = PyDataMem_GetHandler()
        below = first_open(before)
        if is_ours(below) and (<fl_reuser *>PyCapsule_GetPointer(below, CAPSULE_NAME)).store == store.store:
            capsule = below
        else:
            capsule = self._capsules.get(below)
            if capsule is None:
                capsule = self._capsules.setdefault(below, store.capsule_over(below))
        fl_store_open(store.store, self._max_bytes)
        try:
            PyDataMem_SetHandler(capsule)
            _entries.set((*_entries.get(), (self, capsule, before)))
        except BaseException:
            fl_store_close(store.store)
            raise
        return self

    def __exit__(self, *exception):
        cdef Store store = self._store
        entries = list(_entries.get())
        if fl_store_close(store.store) < 0:
            raise RuntimeError("this reuse_memory object was left more often than entered")
        for i in range(len(entries) - 1, -1, -1):
            if entries[i][0] is self:
                break
        else:
            # Left in another context than it was entered in: the closed store of that one passes everything.
            return
        _, capsule, before = entries.pop(i)
        _entries.set(tuple(entries))
        if i < len(entries):
            # Another was entered inside and is left later: it will set what was before this one.
            entries[i] = (*entries[i][:2], before)
            _entries.set(tuple(entries))
        elif PyDataMem_GetHandler() is capsule:
            PyDataMem_SetHandler(first_open(before))

    def start(self):
        """Keep memory in the whole process: in every thread and context that has no handler of its own.

        A second start sets the new `max_bytes`.

        Examples
        --------
        >>> import fastlrelu
        >>> fastlrelu.reuse_memory(1 << 30).start()
        >>> fastlrelu.config()["memory_limit"]
        1073741824
        >>> fastlrelu.reuse_memory().stop()
        """
        _process.start(self._max_bytes)

    def stop(self):
        """Keep no more memory in the whole process, whichever object started it, and give back what is kept."""
        _process.stop()

    def __repr__(self):
        return f"reuse_memory(max_bytes={self._max_bytes})"


cdef class Process:
    """The store under the capsule of NumPy's default handler."""

    cdef Store store
    cdef fl_reuser *reuser
    cdef void *default_handler

    def __cinit__(self):
        self.store = Store()
        self.default_handler = PyCapsule_GetPointer(<object>PyDataMem_DefaultHandler, CAPSULE_NAME)
        self.reuser = fl_reuser_new(self.store.store, <const PyDataMem_Handler *>self.default_handler, NULL)
        if self.reuser == NULL:
            raise MemoryError("no memory for a memory handler")

    cdef start(self, size_t max_bytes):
        fl_store_open(self.store.store, max_bytes)
        # One pointer is written. A thread that has read the old one goes past the store this once, which is harmless.
        PyCapsule_SetPointer(<object>PyDataMem_DefaultHandler, &self.reuser.handler)

    cdef stop(self):
        default = <object>PyDataMem_DefaultHandler
        if PyCapsule_GetPointer(default, CAPSULE_NAME) == &self.reuser.handler:
            PyCapsule_SetPointer(default, self.default_handler)
        while fl_store_close(self.store.store) == 0:
            pass


def release_memory():
    """release_memory()

    Give back all memory that `reuse_memory` keeps, everywhere in the process. What is freed later is kept again.

    Returns
    -------
    int
        How many bytes that were.

    See Also
    --------
    reuse_memory : keeps it

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> with fastlrelu.reuse_memory():
    ...     x = np.ones(1_000_000)
    ...     del x
    ...     fastlrelu.release_memory()
    8000000
    """
    return fl_stores_release()


def totals():
    """What `config` says: bytes held, most bytes, blocks held, blocks used again since the import."""
    cdef fl_store_totals now = fl_stores_now()
    return {
        "memory_held": now.held, "memory_limit": now.limit, "memory_blocks": now.blocks, "memory_reused": now.reused,
    }


if fl_stores_start() != 0:
    raise ImportError("fastlrelu cannot watch for forks: pthread_atfork failed")
cdef Process _process = Process()
release_memory.__module__ = "fastlrelu"
