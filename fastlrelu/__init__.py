"""Leaky ReLU and PReLU for NumPy on CPUs: true ufuncs, bit for bit what ``np.where`` gives."""

from ._version import __version__
from .calls.elu_gelu import ELU, GELU, elu_, gelu_, gelu_tanh_
from .calls.leaky_relu import LeakyReLU, leaky_relu_, leaky_relu_grad_
from .calls.prelu import prelu, prelu_
from .calls.prelu_grad import prelu_grad
from .info.config import config, show_config
from .memory.reuse import release_memory, reuse_memory
from .threads.number import get_num_threads, num_threads, set_num_threads
from .ufuncs import elu_gelu as _elu_gelu
from .ufuncs import operations as _operations
from .ufuncs.elu_gelu import *
from .ufuncs.operations import *

__all__ = [
    "ELU",
    "GELU",
    "LeakyReLU",
    "__version__",
    "config",
    "elu_",
    "gelu_",
    "gelu_tanh_",
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
    *(name for table in (_operations, _elu_gelu) for name in vars(table) if not name.startswith("_")),
]
