from ._version import __version__ as __version__
from .calls.elu_gelu import ELU as ELU
from .calls.elu_gelu import GELU as GELU
from .calls.elu_gelu import elu_ as elu_
from .calls.elu_gelu import gelu_ as gelu_
from .calls.elu_gelu import gelu_tanh_ as gelu_tanh_
from .calls.leaky_relu import LeakyReLU as LeakyReLU
from .calls.leaky_relu import leaky_relu_ as leaky_relu_
from .calls.leaky_relu import leaky_relu_grad_ as leaky_relu_grad_
from .calls.prelu import prelu as prelu
from .calls.prelu import prelu_ as prelu_
from .calls.prelu_grad import prelu_grad as prelu_grad
from .info.config import config as config
from .info.config import show_config as show_config
from .memory.reuse import release_memory as release_memory
from .memory.reuse import reuse_memory as reuse_memory
from .threads.number import get_num_threads as get_num_threads
from .threads.number import num_threads as num_threads
from .threads.number import set_num_threads as set_num_threads
from .ufuncs.elu_gelu import *
from .ufuncs.operations import *
