"""Leaky ReLU and PReLU for NumPy on CPUs: true ufuncs, bit for bit what ``np.where`` gives."""

from ._version import __version__
from .calls.leaky_relu import LeakyReLU, leaky_relu_, leaky_relu_grad_
from .calls.prelu import prelu, prelu_
from .calls.prelu_grad import prelu_grad
from .info.config import config, show_config
from .memory.reuse import release_memory, reuse_memory
from .threads.number import get_num_threads, num_threads, set_num_threads
from .ufuncs import operations as _operations
from .ufuncs.operations import *

__all__ = [
    "LeakyReLU",
    "__version__",
    "config",
    "get_num_threads",
    "leaky_relu_",
    "leaky_relu_grad_",
    "num_threads",
    "prelu",
    "prelu_",
    "prelu_grad",
    "release_memory",
    "reuse_memory",
    "set_num_threads",
    "show_config",
    *(name for name in vars(_operations) if not name.startswith("_")),
]
