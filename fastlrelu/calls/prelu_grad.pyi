from typing import Any, SupportsIndex, TypeVar, overload

from numpy.typing import ArrayLike, NDArray

_Array = TypeVar("_Array", bound=NDArray[Any])

@overload
def prelu_grad(
    grad_output: ArrayLike, x: ArrayLike, weight: ArrayLike, axis: SupportsIndex = 1, *, out: _Array
) -> tuple[_Array, NDArray[Any]]: ...
@overload
def prelu_grad(
    grad_output: ArrayLike, x: ArrayLike, weight: ArrayLike, axis: SupportsIndex, out: _Array
) -> tuple[_Array, NDArray[Any]]: ...
@overload
def prelu_grad(
    grad_output: ArrayLike, x: ArrayLike, weight: ArrayLike, axis: SupportsIndex = 1, out: None = None
) -> tuple[NDArray[Any], NDArray[Any]]: ...
