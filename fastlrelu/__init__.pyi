from typing import Any, SupportsFloat, SupportsIndex, TypeVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._config import config as config
from ._config import show_config as show_config
from ._operations import *
from ._threads import get_num_threads as get_num_threads
from ._threads import num_threads as num_threads
from ._threads import set_num_threads as set_num_threads
from ._version import __version__ as __version__

_Array = TypeVar("_Array", bound=NDArray[Any])

@final
class LeakyReLU:
    def __new__(cls, negative_slope: SupportsFloat | SupportsIndex = 0.01) -> LeakyReLU: ...
    @property
    def negative_slope(self) -> float: ...
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> Any: ...
    def grad(
        self, grad_output: ArrayLike, x: ArrayLike, out: NDArray[Any] | None = None
    ) -> Any: ...
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

def leaky_relu_(x: _Array, negative_slope: ArrayLike = 0.01) -> _Array: ...
def leaky_relu_grad_(
    grad_output: _Array, x: ArrayLike, negative_slope: ArrayLike = 0.01
) -> _Array: ...
def prelu(
    x: ArrayLike, weight: ArrayLike, axis: SupportsIndex = 1, out: NDArray[Any] | None = None
) -> NDArray[Any]: ...
def prelu_grad(
    grad_output: ArrayLike, x: ArrayLike, weight: ArrayLike, axis: SupportsIndex = 1
) -> tuple[NDArray[Any], NDArray[Any]]: ...
