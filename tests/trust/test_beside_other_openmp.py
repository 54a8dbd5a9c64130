"""A package with OpenMP threads of its own, imported and used first: no hang, right values, and forks."""

import sys

import pytest
from subprocesses import ALWAYS_PARALLEL, run_python

from fastlrelu.threads import region

pytestmark = [
    pytest.mark.skipif(not region.compiled, reason="a build without OpenMP has no threads"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.timeout(120),
]

# Each uses OpenMP threads, and says whether its answer is right.
OTHERS = {
    "sklearn": """
from sklearn.metrics import pairwise_distances_argmin
points = np.random.default_rng(0).standard_normal((4000, 8))
def others():
    return (pairwise_distances_argmin(points, points) == np.arange(4000)).all()
""",
    "torch": """
import torch
torch.set_num_threads(2)
many = torch.ones(3_000_000)
def others():
    return torch.nn.functional.leaky_relu(many, 0.1).sum().item() == 3_000_000
""",
    "numba": """
import numba
numba.config.THREADING_LAYER = "omp"
@numba.njit(parallel=True)
def total(x):
    s = 0.0
    for i in numba.prange(x.size):
        s += x[i]
    return s
many = np.ones(3_000_000)
def others():
    return total(many) == 3_000_000
""",
}

IN_TURN = """
import faulthandler, os, threading, warnings
faulthandler.dump_traceback_later(90, exit=True)
warnings.simplefilter("ignore")
import numpy as np
{other}
assert others()
import fastlrelu as fl
fl.set_num_threads(2)
x = np.linspace(-1, 1, 1_000_003, dtype=np.float32)
expected = np.where(x > 0, x, np.float32(0.1) * x)
answers = []

def both():
    for _ in range(20):
        answers.append(bool((fl.leaky_relu(x, 0.1) == expected).all() and others()))

def fork(work):
    child = os.fork()
    if child == 0:
        work()
        os._exit(0 if all(answers) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

both()
# Where the library is shared: as long as the other package wants; else what fastlrelu has told its own.
print(fl.config()["openmp_library"], fl.config()["openmp_idle"])
assert fl.config()["openmp_library"].split("/")[-1].startswith("lib")
threads = [threading.Thread(target=both) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
fork(lambda: [answers.append(bool((fl.leaky_relu(x, 0.1) == expected).all())) for _ in range(5)])
both()
assert all(answers)
"""


@pytest.mark.parametrize("name", OTHERS)
def test_in_turn_with_it(name):
    pytest.importorskip(name)
    run_python(IN_TURN.format(other=OTHERS[name]), timeout=100, OMP_NUM_THREADS="2", **ALWAYS_PARALLEL)
