"""Uses of the public names that a type checker must accept as they are annotated; checked, never run."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import fastlrelu as fl

x: NDArray[np.float32] = np.ones((2, 3), np.float32)
assert_type(fl.leaky_relu, np.ufunc)
assert_type(fl.leaky_relu_grad, np.ufunc)
assert_type(fl.add_leaky_relu, np.ufunc)
fl.leaky_relu(x, 0.1, out=x, where=x > 0)
assert_type(fl.leaky_relu_(x, 0.1), NDArray[np.float32])
assert_type(fl.leaky_relu_grad_(x, [[1.0, 2.0, 3.0]]), NDArray[np.float32])
act = fl.LeakyReLU(negative_slope=0.2)
assert_type(act.negative_slope, float)
assert_type(act(x), Any)
assert_type(act([1.0, -1.0]), Any)
assert_type(act(x, out=x), NDArray[np.float32])
assert_type(act(x, x), NDArray[np.float32])
assert_type(act.grad(x, x), Any)
assert_type(act.grad(x, x, out=x), NDArray[np.float32])
assert_type(act.add(x, [1.0, 2.0, 3.0]), Any)
assert_type(act.add(x, x, out=x), NDArray[np.float32])
assert_type(fl.prelu(x, [0.1, 0.2, 0.3], out=x), NDArray[np.float32])
assert_type(fl.prelu(x, [0.1, 0.2], 0, x), NDArray[np.float32])
assert_type(fl.prelu(x, [0.1, 0.2, 0.3], axis=-1), NDArray[Any])
assert_type(fl.prelu(x, 0.25), NDArray[Any])
assert_type(fl.prelu_(x, [[0.1, 0.2, 0.3]]), NDArray[np.float32])
assert_type(fl.prelu_grad(x, x, np.ones(3)), tuple[NDArray[Any], NDArray[Any]])
assert_type(fl.prelu_grad(x, x, 0.25, out=x), tuple[NDArray[np.float32], NDArray[Any]])
assert_type(fl.prelu_grad(x, x, [0.1, 0.2, 0.3], 1, x), tuple[NDArray[np.float32], NDArray[Any]])
with fl.num_threads(2):
    assert_type(fl.get_num_threads(), int)
fl.set_num_threads(1)
with fl.reuse_memory(max_bytes=1 << 20) as memory:
    assert_type(memory, fl.reuse_memory)
    assert_type(fl.release_memory(), int)
memory.start()
memory.stop()
assert_type(fl.config(), dict[str, Any])
fl.show_config()
assert_type(fl.__version__, str)
