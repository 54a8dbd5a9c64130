"""The floating-point environment of the calling thread, read and written through the C library."""

import ctypes
import ctypes.util
import platform
import sys
from contextlib import contextmanager

_ENVIRONMENT_BYTES = 32
# Where glibc's fenv_t on x86-64 keeps MXCSR.
_MXCSR = slice(28, 32)
_CONDITION_CODES = 0x4700
FLAGS = 0x003F
TRAP_INVALID, TRAP_DIVIDE, TRAP_OVERFLOW, TRAP_UNDERFLOW = 0x0080, 0x0200, 0x0400, 0x0800
FLUSH = 0x8040  # flush to zero, and denormals are zero

available = sys.platform == "linux" and platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc"

if available:
    _libm = ctypes.CDLL(ctypes.util.find_library("m"))


def _environment():
    buffer = ctypes.create_string_buffer(_ENVIRONMENT_BYTES)
    _libm.fegetenv(buffer)
    return buffer.raw


def state():
    """x87's control and status words, and MXCSR; the rest says where x87 computed last, and what it last compared."""
    environment = _environment()
    status = int.from_bytes(environment[4:6], "little") & ~_CONDITION_CODES
    return environment[0:2], status, environment[_MXCSR]


def mxcsr():
    return int.from_bytes(_environment()[_MXCSR], "little")


def set_mxcsr(value):
    environment = bytearray(_environment())
    environment[_MXCSR] = value.to_bytes(4, "little")
    _libm.fesetenv(bytes(environment))


@contextmanager
def with_mxcsr(value):
    before = mxcsr()
    set_mxcsr(value)
    try:
        yield
    finally:
        set_mxcsr(before)
