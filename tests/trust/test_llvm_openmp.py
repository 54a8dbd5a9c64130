"""LLVM's OpenMP library in the place of libgomp, as some distributions have it: before version 19 calls work alone."""

import os
import re
from pathlib import Path

import pytest
from subprocesses import ALWAYS_PARALLEL, run_python

from fastlrelu.threads import region

# Debian has them in folders such as llvm-19.
LIBRARIES = [Path(path).resolve() for path in os.environ.get("FASTLRELU_LIBOMP", "").split(os.pathsep) if path]
pytestmark = [
    pytest.mark.skipif(not region.compiled, reason="a build without OpenMP has no threads"),
    pytest.mark.skipif(not LIBRARIES, reason="no library in FASTLRELU_LIBOMP; .ci/compilers has two"),
    pytest.mark.timeout(120),
]

PROGRAM = """
import faulthandler, os, signal, threading, warnings
faulthandler.dump_traceback_later(80, exit=True)
warnings.simplefilter("ignore", DeprecationWarning)
import numpy as np, fastlrelu as fl
from process_threads import settled_tasks, tasks

fl.set_num_threads(4)
assert "libomp" in open("/proc/self/maps").read()
config = fl.config()
assert config["openmp"]
version = int(os.environ["LLVM_VERSION"])
if version < 19:
    assert (config["threads"], fl.get_num_threads()) == (1, 1)
    assert "before 19" in config["threads_reason"]
else:
    assert (config["threads"], fl.get_num_threads()) == (4, 4)

before = tasks()
x = np.linspace(-1, 1, 1 << 24, dtype=np.float32)
expected = np.where(x > 0, x, np.float32(0.1) * x)
weight = np.full(1, 0.1, np.float32)

def right():
    grad_x, _ = fl.prelu_grad(x[None], x[None], weight, 0)
    return all((r == expected).all() for r in (fl.leaky_relu(x, 0.1), fl.prelu(x[None], weight, 0)[0], grad_x[0]))

def work():
    assert fl.get_num_threads() == 1
    answers.append(right())
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        if not right():
            os._exit(1)
        # The child's only thread: its end is the child's.
        return
    children.append(child)
    answers.append(right())

assert right()
answers, children = [], []
thread = threading.Thread(target=work)
thread.start()
thread.join()
status = os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1])
assert status == 0, f"the child ended with {status}"
assert answers == [True, True]
assert right()
assert settled_tasks(before) == before if version < 19 else tasks() > before
"""


@pytest.mark.parametrize("library", LIBRARIES)
def test_values_and_forks(library, tmp_path):
    (tmp_path / "libgomp.so.1").symlink_to(library)
    run_python(
        PROGRAM,
        timeout=100,
        LD_LIBRARY_PATH=os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("LD_LIBRARY_PATH")])),
        LLVM_VERSION=re.search(r"llvm-(\d+)", str(library))[1],
        OPENBLAS_NUM_THREADS="1",
        **ALWAYS_PARALLEL,
    )
