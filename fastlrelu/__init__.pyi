from ._calls import LeakyReLU as LeakyReLU
from ._calls import leaky_relu_ as leaky_relu_
from ._calls import leaky_relu_grad_ as leaky_relu_grad_
from ._config import config as config
from ._config import show_config as show_config
from ._operations import *
from ._prelu import prelu as prelu
from ._prelu import prelu_grad as prelu_grad
from ._threads import get_num_threads as get_num_threads
from ._threads import num_threads as num_threads
from ._threads import set_num_threads as set_num_threads
from ._version import __version__ as __version__
