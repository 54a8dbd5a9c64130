"""Python threads that call at once: right values, and at most two teams of workers in the process."""

import sys

import pytest
from subprocesses import ALWAYS_PARALLEL, run_python

pytestmark = pytest.mark.timeout(120)
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")

PRELUDE = """
import faulthandler, os, sys, threading, time
faulthandler.dump_traceback_later(80, exit=True)
import numpy as np, fastlrelu as fl, teams
from process_threads import settled_tasks, tasks
import reference as ref

def inputs(seed):
    rng = np.random.default_rng(seed)
    # Below and above the least size of a team, and above the size from which results are streamed.
    sizes = (37, 5000, 40_000, 70_000, 400_000, 700_000)
    return [ref.random_values(rng, n, dtype) for n in sizes for dtype in (np.float16, np.float32, np.float64)]

def every_call(x, slope):
    weight = np.full(x.size, slope, x.dtype)
    in_place = x.copy()
    fl.leaky_relu_(in_place, slope)
    return [
        fl.leaky_relu(x, slope), fl.LeakyReLU(slope)(x), in_place, fl.prelu(x[None], weight)[0],
        fl.leaky_relu_grad(x, x, slope), fl.prelu_grad(x[None], x[None], weight)[0][0],
    ]
"""


@needs_proc
def test_sixteen_threads_and_two_teams():
    """One thread's workers stay; each other's would too, until it ends, if they were not ended after its region."""
    run_python(
        PRELUDE
        + """
HALF = 5
fl.set_num_threads(2)
cases = [(x, ref.leaky_relu(x, x.dtype.type(0.1))) for x in inputs(0)]
before = tasks()
start = time.monotonic()
wrong, most, rounds = [], {2: 0, 3: 0}, [0] * 16

def work(number):
    while time.monotonic() < start + 2 * HALF:
        for x, expected in cases[number % 3 :: 3]:
            for result in every_call(x, 0.1):
                try:
                    ref.assert_same_bits(result, expected)
                except AssertionError as error:
                    wrong.append(error)
        rounds[number] += 1

workers = [threading.Thread(target=work, args=(i,)) for i in range(16)]
for worker in workers:
    worker.start()
while any(worker.is_alive() for worker in workers):
    # The team grows halfway.
    number = 2 if time.monotonic() < start + HALF else 3
    fl.set_num_threads(number)
    most[number] = max(most[number], tasks())
    time.sleep(0.01)
assert not wrong, wrong[0]
assert min(rounds) > 0
for number in most:
    # Two teams, or one and the threads that are started for trial: four more than a team needs.
    allowed = before + 16 + (2 * (number - 1) + 4 if teams.POSSIBLE else 0)
    assert most[number] <= allowed, f"{most[number]} threads, not {allowed}"
""",
        timeout=90,
        **ALWAYS_PARALLEL,
        FASTLRELU_STREAM_BYTES=str(4 << 20),
    )


@needs_proc
def test_the_workers_of_one_thread_stay_until_it_ends():
    run_python(
        PRELUDE
        + """
x = np.ones(1_000_000, np.float32)
fl.set_num_threads(3)
before, workers = tasks(), (2 if teams.POSSIBLE else 0)

class Caller(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.called, self.may_end = threading.Event(), threading.Event()
        self.start()
        self.called.wait()

    def run(self):
        fl.leaky_relu_(x)
        self.called.set()
        self.may_end.wait()

    def end(self):
        self.may_end.set()
        self.join()

def check_tasks(expected):
    found = settled_tasks(expected)
    assert found == expected, f"{found} threads, not {expected}"

first = Caller()
check_tasks(before + 1 + workers)
second = Caller()
check_tasks(before + 2 + workers)
fl.leaky_relu_(x)
check_tasks(before + 2 + workers)
first.end()
check_tasks(before + 1)
# The next that calls keeps its workers.
fl.leaky_relu_(x)
check_tasks(before + 1 + workers)
second.end()
check_tasks(before + workers)
""",
        **ALWAYS_PARALLEL,
    )


SCHEDULERS = {
    "executor": """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(16) as pool:
    answers = list(pool.map(one, range(48)))
""",
    "joblib": """
import joblib
answers = joblib.Parallel(n_jobs=8, prefer="threads")(joblib.delayed(one)(i) for i in range(48))
""",
    "joblib processes": """
import joblib
answers = joblib.Parallel(n_jobs=2)(joblib.delayed(one)(i) for i in range(12))
""",
    "dask": """
import dask, dask.array as da
answers = list(dask.compute(*[dask.delayed(one)(i) for i in range(48)], scheduler="threads", num_workers=8))
x = ref.random_values(np.random.default_rng(0), 2_000_000, np.float32)
blocks = fl.leaky_relu(da.from_array(x, chunks=150_000), np.float32(0.1))
ref.assert_same_bits(blocks.compute(scheduler="threads", num_workers=8), ref.leaky_relu(x, np.float32(0.1)))
""",
}


@needs_proc
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_thread_pools_of_others(scheduler):
    pytest.importorskip(scheduler.split()[0] if scheduler != "executor" else "concurrent")
    run_python(
        PRELUDE
        + """
def one(number):
    x = cases[number % len(cases)]
    expected = ref.leaky_relu(x, x.dtype.type(0.1))
    for result in every_call(x, 0.1):
        ref.assert_same_bits(result, expected)
    return tasks()

cases = inputs(3)
fl.set_num_threads(2)
before = tasks()
team = teams.POSSIBLE
"""
        + SCHEDULERS[scheduler]
        + """
assert len(answers) >= 12
if "processes" not in NAME:
    most = max(answers)
    # The pool itself has at most 16 threads, joblib and dask keep a few of their own, and two teams have one worker
    # each, or one team and five threads for trial.
    assert most <= before + 16 + 6 * team + 3, most
""".replace("NAME", repr(scheduler)),
        **ALWAYS_PARALLEL,
    )


@pytest.mark.timeout(60)
def test_inside_another_librarys_parallel_region():
    """scikit-learn's own OpenMP regions and ours, from several Python threads in turn."""
    pytest.importorskip("sklearn")
    run_python(
        PRELUDE
        + """
from sklearn.metrics import pairwise_distances_argmin
rng = np.random.default_rng(0)
points, centres = rng.standard_normal((4000, 8)), rng.standard_normal((50, 8))
nearest = pairwise_distances_argmin(points, centres)
x = ref.random_values(rng, 700_000, np.float32)
expected = ref.leaky_relu(x, np.float32(0.1))
fl.set_num_threads(3)
wrong = []

def work():
    for _ in range(15):
        try:
            assert (pairwise_distances_argmin(points, centres) == nearest).all()
            ref.assert_same_bits(fl.leaky_relu(x, 0.1), expected)
        except AssertionError as error:
            wrong.append(error)

workers = [threading.Thread(target=work) for _ in range(4)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
assert not wrong, wrong[0]
""",
        **ALWAYS_PARALLEL,
    )
