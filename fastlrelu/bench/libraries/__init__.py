"""One module for each library in the comparison.

Each has ``build(inputs, candidate)``, which returns the call to time, and ``to_numpy(result)``. ``build`` raises
`UnsupportedError` where the library has no such operation or dtype. Peers hold their inputs in arrays of their own kind
beforehand.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

Call = Callable[[], Any]


class UnsupportedError(Exception):
    """The library does not do this; the message says what."""


def load(library: str) -> ModuleType:
    """The module for a library of `cells.LIBRARIES`.

    Raises
    ------
    Exception
        Whatever the import of the library raises.
    """
    return importlib.import_module(f"{__name__}.with_{library}")
