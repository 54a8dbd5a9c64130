"""A thread that cannot be started: the call works alone, and the process lives. OpenMP itself would end it."""

import sys

import pytest
from subprocesses import ALWAYS_PARALLEL, run_python

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the limit on processes counts threads on Linux alone"),
    pytest.mark.timeout(60),
]

# The limit does not bind root, so the program becomes nobody once everything is imported.
PRELUDE = """
import faulthandler, os, resource, threading
faulthandler.dump_traceback_later(30, exit=True)
import numpy as np, fastlrelu as fl, teams
from process_threads import settled_tasks, tasks
x = np.linspace(-1, 1, 1_000_003, dtype=np.float32)
expected = np.where(x > 0, x, np.float32(0.1) * x)
weight = np.full(1, 0.1, np.float32)

def become_nobody():
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)

def limit(processes):
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, resource.getrlimit(resource.RLIMIT_NPROC)[1]))

def can_start_a_thread():
    worker = threading.Thread(target=int)
    try:
        worker.start()
    except RuntimeError:
        return False
    worker.join()
    return True

def right():
    grad_x, _ = fl.prelu_grad(x[None], x[None], weight, 0)
    results = (fl.leaky_relu(x, 0.1), fl.LeakyReLU(0.1)(x), fl.prelu(x[None], weight, 0)[0], grad_x[0])
    return all((r == expected).all() for r in results)

def tasks_of_user():
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}").st_uid == os.getuid():
                count += len(os.listdir(f"/proc/{pid}/task"))
        except OSError:
            pass  # it has ended meanwhile
    return count

fl.set_num_threads(6)
become_nobody()
"""


def run(code):
    return run_python(PRELUDE + code, OPENBLAS_NUM_THREADS="1", **ALWAYS_PARALLEL)


def test_no_thread_at_all():
    run("""
limit(0)
assert not can_start_a_thread()
before = tasks()
assert right()
assert settled_tasks(before) == before
""")


def test_the_limit_comes_after_a_small_team():
    run("""
fl.set_num_threads(2)
assert right()
fl.set_num_threads(6)
limit(0)
assert not can_start_a_thread()
assert right()
fl.set_num_threads(3)
assert right()
""")


def test_the_limit_comes_after_a_large_team():
    run("""
assert right()
limit(0)
assert not can_start_a_thread()
assert right()
for threads in (2, 3, 6, 4, 5, 6, 1, 6):
    fl.set_num_threads(threads)
    assert right()
""")


@pytest.mark.parametrize("more", range(1, 7))
def test_some_threads(more):
    """Whatever the user runs besides, the limit is met somewhere between the first thread for trial and the last."""
    run(f"""
limit(tasks_of_user() + {more})
for threads in (6, 2, 6, 3, 1, 6):
    fl.set_num_threads(threads)
    for _ in range(30):
        assert right()
""")


def test_the_team_grows_once_the_limit_is_lifted():
    run("""
if teams.POSSIBLE:
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    limit(0)
    assert right()
    before = tasks()
    limit(hard)
    assert right()
    assert settled_tasks(before + 5) == before + 5
""")


def test_the_host_takes_the_last_place():
    """A thread of the host's may come between a trial of ours and the use of what was found."""
    run("""
import time
limit(tasks_of_user() + 6)
def churn():
    while True:
        try:
            worker = threading.Thread(target=time.sleep, args=(0.0005,))
            worker.start()
            worker.join()
        except RuntimeError:
            pass
threading.Thread(target=churn, daemon=True).start()
until = time.monotonic() + 2
while time.monotonic() < until:
    for threads in (6, 2, 6, 3):
        fl.set_num_threads(threads)
        fl.leaky_relu_(x, 1.0)
os._exit(0)
""")


def test_no_memory_for_a_stack_that_openmp_would_take():
    run_python(
        """
import resource
import numpy as np, fastlrelu as fl, teams
x = np.ones(1_000_000, np.float32)
fl.set_num_threads(3)
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (300 << 20),) * 2)
for _ in range(50):
    fl.leaky_relu_(x, 1.0)
assert (x == 1).all()
""",
        OMP_STACKSIZE="400M",
        OPENBLAS_NUM_THREADS="1",
        **ALWAYS_PARALLEL,
    )
