"""`reuse_memory` under threads, forks, the end of a process and short memory; what NumPy adds to blocks stays."""

import os
import sys

import pytest
from subprocesses import run_python

PRELUDE = """
import faulthandler, os, queue, random, signal, threading, time, warnings
faulthandler.dump_traceback_later(30, exit=True)
warnings.simplefilter("ignore", DeprecationWarning)
import numpy as np, fastlrelu as fl
from numpy._core.multiarray import get_handler_name
MIB = 1 << 20
"""

# Each array holds one number that nobody else has: two arrays with one block would show.
HAMMER = """
SIZES = [(128 << 10) + 8 * k * 1000 for k in range(-1, 8)]
wrong = []
stop = threading.Event()
passed_on = queue.SimpleQueue()

def work(seed):
    choose = random.Random(seed)
    own = []
    number = seed << 32
    def check(array, n):
        if array[0] != n or array[-1] != n or (array != n).any():
            wrong.append(n)
    while not stop.is_set():
        number += 1
        with memory:
            if choose.random() < 0.2:
                array = np.zeros(choose.choice(SIZES) // 8, np.int64)
                check(array, 0)
                array += number
            else:
                array = np.full(choose.choice(SIZES) // 8, number)
        own.append((array, number))
        del array
        while len(own) > 3:
            check(*own[0])
            # Freed here, or by another thread.
            (passed_on.put if choose.random() < 0.3 else len)(own.pop(choose.randrange(len(own))))
        try:
            check(*passed_on.get_nowait())
        except queue.Empty:
            pass

threads = [threading.Thread(target=work, args=(k + 1,)) for k in range(8)]
"""


def test_eight_threads_hand_arrays_around():
    run_python(
        PRELUDE
        + "memory = fl.reuse_memory(2 * MIB)\n"
        + HAMMER
        + """
for thread in threads: thread.start()
end = time.monotonic() + 2
toggled = fl.reuse_memory(MIB)
while time.monotonic() < end:
    toggled.start()
    c = fl.config()
    assert c["memory_held"] <= c["memory_limit"] <= 3 * MIB, c
    toggled.stop()
    fl.release_memory()
    time.sleep(0.01)
stop.set()
for thread in threads: thread.join()
assert wrong == []
while not passed_on.empty(): passed_on.get()
c = fl.config()
assert c["memory_reused"] > 100, c
assert (c["memory_held"], c["memory_limit"], get_handler_name()) == (0, 0, "default_allocator"), c
"""
    )


def test_the_process_may_end_meanwhile():
    run_python(
        PRELUDE
        + "memory = fl.reuse_memory(16 * MIB)\nmemory.start()\n"
        + HAMMER
        + """
for thread in threads:
    thread.daemon = True
    thread.start()
time.sleep(0.3)
"""
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_children_have_a_copy():
    run_python(
        PRELUDE
        + "memory = fl.reuse_memory(16 * MIB)\n"
        + HAMMER
        + """
for thread in threads: thread.start()
with memory:
    mine = np.full(MIB, 5)
    for round in range(8):
        x = np.full(MIB, round)
        del x
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            x = np.full(MIB, 1000)
            y = np.full(MIB, 1001)
            fine = (x == 1000).all() and (mine == 5).all() and not np.zeros(MIB).any()
            del x, y
            fl.release_memory()
            fine = fine and fl.config()["memory_held"] == 0
            del mine
            fine = fine and fl.config()["memory_held"] == 8 * MIB
            os._exit(0 if fine else 1)
        # Written while the child may look at its copy of it.
        x = np.full(MIB, -1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert (x == -1).all()
        del x
stop.set()
for thread in threads: thread.join()
assert wrong == []
"""
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS counts on Linux alone")
def test_what_is_kept_is_given_back_before_memory_runs_out():
    run_python(
        PRELUDE
        + """
import re, resource
memory = fl.reuse_memory(400 * MIB)
size = int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1]) << 10
resource.setrlimit(resource.RLIMIT_AS, (size + 700 * MIB, size + 700 * MIB))
with memory:
    for make in (lambda n: np.empty(n, np.uint8), lambda n: np.zeros(n, np.uint8)):
        x = np.empty(400 * MIB, np.uint8)
        del x
        assert fl.config()["memory_held"] == 400 * MIB
        x = make(500 * MIB)
        assert fl.config()["memory_held"] == 0
        del x
    try:
        np.empty(900 * MIB, np.uint8)
    except MemoryError:
        pass
    else:
        raise AssertionError("no MemoryError")
"""
    )


@pytest.mark.parametrize("environment", [{}, {"PYTHONTRACEMALLOC": "1"}], ids=["started inside", "from the start"])
def test_tracemalloc_counts_arrays_and_not_what_is_kept(environment):
    run_python(
        PRELUDE
        + """
import tracemalloc
only_arrays = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)

def traced():
    found = tracemalloc.take_snapshot().filter_traces([only_arrays]).statistics("filename")
    return sum(statistic.size for statistic in found)

with fl.reuse_memory():
    for _ in range(2):
        tracemalloc.is_tracing() or tracemalloc.start()
        tracemalloc.clear_traces()
        before = traced()
        x = np.empty(MIB)
        y = np.zeros(MIB - 1000)
        assert traced() - before == x.nbytes + y.nbytes, (traced(), before)
        del x
        assert traced() - before == y.nbytes
        y.resize(3 * MIB)
        assert traced() - before == y.nbytes
        del y
        assert traced() == before
        assert fl.config()["memory_held"] > 0
        if _ == 0 and not os.environ.get("PYTHONTRACEMALLOC"):
            tracemalloc.stop()
            x = np.empty(MIB)
            tracemalloc.start()
            del x
""",
        **environment,
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="huge pages are asked for on Linux alone")
@pytest.mark.parametrize("wanted", ["0", "1"])
def test_huge_pages_as_numpy_was_told(wanted):
    run_python(
        PRELUDE
        + f"""
def asked_for(x):
    middle = x.ctypes.data + x.nbytes // 2
    inside = False
    for line in open("/proc/self/smaps"):
        first = line.split()[0]
        if "-" in first and not first.endswith(":"):
            start, end = (int(part, 16) for part in first.split("-"))
            inside = start <= middle < end
        elif inside and line.startswith("VmFlags:"):
            return "hg" in line.split()
    return None

with fl.reuse_memory():
    x = np.full(40 * MIB, 1, np.uint8)
    expected = asked_for(x)
    there = x.ctypes.data
    del x
    x = np.full(40 * MIB, 1, np.uint8)
    assert x.ctypes.data == there
    assert asked_for(x) == expected
    assert expected is None or expected == bool({wanted}), expected
""",
        NUMPY_MADVISE_HUGEPAGE=wanted,
    )
