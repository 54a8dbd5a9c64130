from typing import Any, SupportsIndex

from numpy.typing import ArrayLike, NDArray

def prelu(
    x: ArrayLike, weight: ArrayLike, axis: SupportsIndex = 1, out: NDArray[Any] | None = None
) -> NDArray[Any]: ...
def prelu_grad(
    grad_output: ArrayLike, x: ArrayLike, weight: ArrayLike, axis: SupportsIndex = 1
) -> tuple[NDArray[Any], NDArray[Any]]: ...
