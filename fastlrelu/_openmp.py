"""Loads ``_threads``, and OpenMP with it, so that idle OpenMP threads sleep.

By default they spin between two parallel regions, and NumPy's own matrix-product threads do so too: where there are no
more cores than threads, each layer then waits milliseconds for the other library's spinning to end. OpenMP reads its
policy once, when it is loaded, so the variable is set for that moment alone, unless the user has set it.
"""

import os

_VARIABLE = "OMP_WAIT_POLICY"

if _VARIABLE in os.environ:
    from . import _threads
else:
    os.environ[_VARIABLE] = "passive"
    try:
        from . import _threads
    finally:
        del os.environ[_VARIABLE]

__all__ = ["_threads"]
