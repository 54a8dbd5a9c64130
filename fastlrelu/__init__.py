"""Leaky ReLU and PReLU for NumPy on CPUs: true ufuncs, bit for bit what ``np.where`` gives."""

from . import _operations, _threads
from ._calls import LeakyReLU, leaky_relu_, leaky_relu_grad_
from ._config import config, show_config
from ._operations import *
from ._prelu import prelu, prelu_grad
from ._version import __version__

get_num_threads = _threads.get_num_threads
num_threads = _threads.num_threads
set_num_threads = _threads.set_num_threads

__all__ = [
    "LeakyReLU",
    "__version__",
    "config",
    "get_num_threads",
    "leaky_relu_",
    "leaky_relu_grad_",
    "num_threads",
    "prelu",
    "prelu_grad",
    "set_num_threads",
    "show_config",
    *(name for name in vars(_operations) if not name.startswith("_")),
]
