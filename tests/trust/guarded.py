"""Arrays that end, or begin, at a page which nobody may touch: one byte too far ends the process."""

import ctypes
import mmap

import numpy as np

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
PAGE = mmap.PAGESIZE


class Pages:
    """Readable memory between two guard pages."""

    def __init__(self, nbytes):
        self._size = -(-nbytes // PAGE) * PAGE
        self._map = mmap.mmap(-1, self._size + 2 * PAGE)
        self._bytes = np.frombuffer(self._map, np.uint8)
        start = self._bytes.ctypes.data
        for guard in (start, start + PAGE + self._size):
            if _libc.mprotect(guard, PAGE, 0) != 0:
                raise OSError(ctypes.get_errno(), "mprotect")
        self._inside = self._bytes[PAGE : PAGE + self._size]

    def array(self, n, dtype, at_end, step=1):
        """`n` elements, `step` apart, of which one touches the last byte or the first."""
        dtype = np.dtype(dtype)
        span = ((n - 1) * abs(step) + 1) * dtype.itemsize if n else 0
        inside = self._inside[self._size - span :] if at_end else self._inside[:span]
        return inside.view(dtype)[::step]


def filled(pages, values, at_end, step=1):
    """A copy of `values` on these pages."""
    array = pages.array(values.size, values.dtype, at_end, step)
    array[:] = values
    return array
