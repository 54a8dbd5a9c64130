"""A data-memory handler that is not fastlrelu's, and that keeps books."""

import contextlib
import ctypes

from numpy._core import _multiarray_umath

_MALLOC = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_CALLOC = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t)
_REALLOC = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_FREE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class _Allocator(ctypes.Structure):
    _fields_ = [
        ("ctx", ctypes.c_void_p),
        ("malloc", _MALLOC),
        ("calloc", _CALLOC),
        ("realloc", _REALLOC),
        ("free", _FREE),
    ]


class _Handler(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char * 127), ("version", ctypes.c_uint8), ("allocator", _Allocator)]


_libc = ctypes.CDLL(None)
for _name, _arguments in {
    "malloc": [ctypes.c_size_t],
    "calloc": [ctypes.c_size_t] * 2,
    "realloc": [ctypes.c_void_p, ctypes.c_size_t],
    "free": [ctypes.c_void_p],
}.items():
    getattr(_libc, _name).argtypes = _arguments
    getattr(_libc, _name).restype = None if _name == "free" else ctypes.c_void_p

_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype, _new_capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
# The place of PyDataMem_SetHandler in NumPy's table of functions is part of its binary interface.
_table = ctypes.cast(_pointer(_multiarray_umath._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
_set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(_table[304])

name_of_handler = _multiarray_umath.get_handler_name


class Books:
    """What the handler gave out and has not got back: address to bytes; and what was wrong."""

    def __init__(self):
        self.blocks = {}
        self.errors = []
        self.refuse = False

    def _enter(self, address, size):
        if address:
            if address in self.blocks:
                self.errors.append(f"{address:#x} given out twice")
            self.blocks[address] = size
        return address

    def _strike(self, address, size=None):
        known = self.blocks.pop(address, None)
        if known is None or (size is not None and size != known):
            self.errors.append(f"{address:#x} came back as {size} bytes, not {known}")

    def malloc(self, _, size):
        return None if self.refuse else self._enter(_libc.malloc(size), size)

    def calloc(self, _, count, size):
        return self._enter(_libc.calloc(count, size), count * size)

    def realloc(self, _, address, size):
        self._strike(address)
        return self._enter(_libc.realloc(address, size), size)

    def free(self, _, address, size):
        self._strike(address, size)
        _libc.free(address)


# Handlers live as long as any array; here: for ever.
_alive = []


@contextlib.contextmanager
def foreign_handler():
    """Sets a handler named ``foreign`` in this context; gives its `Books`."""
    books = Books()
    functions = (_MALLOC(books.malloc), _CALLOC(books.calloc), _REALLOC(books.realloc), _FREE(books.free))
    handler = _Handler(b"foreign", 1, _Allocator(None, *functions))
    _alive.append((handler, functions))
    before = _set_handler(_new_capsule(ctypes.addressof(handler), b"mem_handler", None))
    try:
        assert name_of_handler() == "foreign"
        yield books
    finally:
        _set_handler(before)
