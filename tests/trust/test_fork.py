"""Threads in the parent, then every way to fork: no hang, right values, and a parent that still has its team."""

import os
import sys

import pytest
from subprocesses import ALWAYS_PARALLEL, run_python

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.timeout(60),
]

# A child that hangs is ended by its own alarm, so that the parent sees it.
PRELUDE = """
import faulthandler, os, signal, sys, threading, time, warnings
faulthandler.dump_traceback_later(25, exit=True)
warnings.simplefilter("ignore", DeprecationWarning)
import numpy as np, fastlrelu as fl, teams
from process_threads import settled_tasks, tasks
x = np.linspace(-1, 1, 1_000_003, dtype=np.float32)
expected = np.where(x > 0, x, np.float32(0.1) * x)
weight = np.full(1, 0.1, np.float32)
act = fl.LeakyReLU(0.1)
fl.set_num_threads(2)
alone = tasks()

def right():
    grad_x, _ = fl.prelu_grad(x[None], x[None], weight, 0)
    results = (fl.leaky_relu(x, 0.1), act(x), fl.prelu(x[None], weight, 0)[0], grad_x[0])
    return all((r == expected).all() for r in results)

def wait_for(child):
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 0, f"a child ended with {status}"

def in_child(work):
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        try:
            os._exit(0 if work() else 1)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(2)
    wait_for(child)

def still_parallel():
    if not teams.POSSIBLE:
        return True
    return fl.get_num_threads() == 2 and right() and settled_tasks(team_tasks) == team_tasks

assert right()
team_tasks = alone and alone + teams.POSSIBLE
assert settled_tasks(team_tasks) == team_tasks
"""


def run(code, **environment):
    # OpenBLAS ends its threads at a fork, which would change the count of threads.
    return run_python(PRELUDE + code, OPENBLAS_NUM_THREADS="1", **ALWAYS_PARALLEL, **environment)


def test_child_and_parent():
    run("""
in_child(right)
assert still_parallel()
for _ in range(20):
    in_child(right)
assert still_parallel()
""")


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_a_child_has_threads_again():
    run("""
def parallel():
    before = tasks()
    return right() and fl.get_num_threads() == 2 and settled_tasks(before + 1) == before + 1
if teams.POSSIBLE:
    in_child(parallel)
    in_child(lambda: in_child(parallel) or parallel())
    assert still_parallel()
""")


def test_nested_forks():
    run("""
def deeper(levels):
    if not right():
        return False
    if levels:
        in_child(lambda: deeper(levels - 1))
    return right()
assert deeper(4)
assert still_parallel()
""")


def test_a_fork_before_the_first_team_and_after():
    run("""
in_child(lambda: right() and fl.set_num_threads(4) is None and right())
assert still_parallel()
fl.set_num_threads(5)
assert right()
in_child(right)
fl.set_num_threads(2)
assert right()
""")


@pytest.mark.parametrize("first", ["main", "thread"])
def test_fork_from_another_thread_that_then_returns(first):
    """libgomp's destructor of a thread's team waits for the team, which a forked child has lost; LLVM's library crashes
    there when the thread had asked it anything."""
    run(f"""
def work():
    assert right()
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        if not right():
            os._exit(1)
        # This thread is the only one of the child: when it returns, the process ends, if it does not hang.
        return
    children.append(child)
    assert right()

children = []
if {first == "main"}:
    assert right()
worker = threading.Thread(target=work)
worker.start()
worker.join()
wait_for(children[0])
assert right()
assert still_parallel()
""")


def test_fork_from_the_thread_that_imported_fastlrelu_and_then_returns():
    run_python(
        """
import os, signal, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)

def work():
    import numpy as np
    import fastlrelu as fl, teams
    from fastlrelu.threads import region
    x = np.ones(1 << 20, np.float32)
    if teams.POSSIBLE:
        assert fl.get_num_threads() == (1 if region.llvm else 2)
    fl.leaky_relu_(x)
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        fl.leaky_relu_(x)
        return
    children.append(child)

children = []
worker = threading.Thread(target=work)
worker.start()
worker.join()
status = os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1])
assert status == 0, f"the child ended with {status}"
""",
        OMP_NUM_THREADS="2",
        **ALWAYS_PARALLEL,
    )


def test_threads_of_a_child_come_and_go():
    run("""
def in_new_threads():
    answers = []
    workers = [threading.Thread(target=lambda: answers.append(right())) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return answers == [True] * 4
assert in_new_threads()
in_child(in_new_threads)
assert in_new_threads()
""")


def test_fork_while_eight_threads_are_in_kernels():
    run("""
big = np.linspace(-1, 1, 3_000_000, dtype=np.float32)
wanted = np.where(big > 0, big, np.float32(0.1) * big)
stop = False
wrong = []

def work():
    mine = np.empty_like(big)
    while not stop:
        fl.leaky_relu(big, 0.1, out=mine)
        if not (mine == wanted).all():
            wrong.append(1)

workers = [threading.Thread(target=work) for _ in range(8)]
for worker in workers:
    worker.start()
for _ in range(15):
    in_child(right)
stop = True
for worker in workers:
    worker.join()
assert not wrong
assert right()
""")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_pool(method, tmp_path):
    script = tmp_path / "pool.py"
    script.write_text(
        PRELUDE
        + f"""
import multiprocessing

def task(seed):
    values = np.random.default_rng(seed).standard_normal(300_000).astype(np.float32)
    same = fl.leaky_relu(values, 0.1) == np.where(values > 0, values, np.float32(0.1) * values)
    return os.getpid(), bool(same.all()), fl.leaky_relu, fl.LeakyReLU(0.1)

if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    with context.Pool(2) as pool:
        answers = pool.map(task, range(8), chunksize=1)
    assert all(same for _, same, _, _ in answers)
    assert all(ufunc is fl.leaky_relu and layer == act for _, _, ufunc, layer in answers)
    assert os.getpid() not in {{pid for pid, *_ in answers}}
    assert right()
    print("done")
"""
    )
    code = f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"
    if method != "fork":
        # These start new interpreters, which import the program by its path.
        code = f"import sys; sys.argv = [{str(script)!r}]; {code}"
    assert run_python(code, **ALWAYS_PARALLEL).strip() == "done"


def test_subprocess_and_system_leave_the_team_alone():
    run("""
import subprocess
for _ in range(5):
    assert subprocess.run([sys.executable, "-c", "pass"]).returncode == 0
    assert os.system("true") == 0
    assert right()
assert still_parallel()
""")
