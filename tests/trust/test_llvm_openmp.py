"""LLVM's OpenMP library in the place of libgomp, as some distributions have it: calls work alone."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from subprocesses import ALWAYS_PARALLEL, run_python

from fastlrelu.threads import region


def library():
    """The path of libomp that clang would link, or None. A name that clang does not find it gives back as it is."""
    clang = shutil.which("clang")
    answer = subprocess.run([clang, "-print-file-name=libomp.so.5"], capture_output=True, text=True) if clang else None
    path = Path(answer.stdout.strip()) if answer else None
    return path if path and path.is_absolute() and path.exists() else None


LIBRARY = library()
pytestmark = [
    pytest.mark.skipif(not region.compiled, reason="a build without OpenMP has no threads"),
    pytest.mark.skipif(LIBRARY is None, reason="without clang and libomp; .ci/compilers installs them"),
    pytest.mark.timeout(120),
]

PROGRAM = """
import faulthandler, os, signal, threading, warnings
faulthandler.dump_traceback_later(80, exit=True)
warnings.simplefilter("ignore", DeprecationWarning)
import numpy as np, fastlrelu as fl

fl.set_num_threads(4)
assert "libomp" in open("/proc/self/maps").read()
config = fl.config()
assert config["openmp"]
assert (config["threads"], fl.get_num_threads()) == (1, 1)
assert config["threads_reason"] == "LLVM's OpenMP library, which does not survive every fork once it has threads"

def tasks():
    return len(os.listdir("/proc/self/task"))

before = tasks()
x = np.linspace(-1, 1, 1 << 24, dtype=np.float32)
expected = np.where(x > 0, x, np.float32(0.1) * x)
weight = np.full(1, 0.1, np.float32)

def right():
    grad_x, _ = fl.prelu_grad(x[None], x[None], weight, 0)
    return all((r == expected).all() for r in (fl.leaky_relu(x, 0.1), fl.prelu(x[None], weight, 0)[0], grad_x[0]))

def work():
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
assert tasks() == before
"""


def test_calls_work_alone(tmp_path):
    (tmp_path / "libgomp.so.1").symlink_to(LIBRARY)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("LD_LIBRARY_PATH")]))
    run_python(PROGRAM, timeout=100, LD_LIBRARY_PATH=path, OPENBLAS_NUM_THREADS="1", **ALWAYS_PARALLEL)
