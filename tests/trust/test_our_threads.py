"""OpenMP's workers under our regions: where they may run, and which signals they leave to the host."""

import os
import sys

import pytest
import teams
from subprocesses import ALWAYS_PARALLEL, run_python

from fastlrelu.threads import region

pytestmark = [
    pytest.mark.skipif(not region.compiled, reason="a build without OpenMP has no threads"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and only there a thread is moved"),
    pytest.mark.timeout(60),
]
needs_team = pytest.mark.skipif(not teams.POSSIBLE, reason=teams.REASON)
several_processors = pytest.mark.skipif(
    sys.platform == "linux" and len(os.sched_getaffinity(0)) < 2, reason="one processor leaves no choice"
)

OURS = """
import os, re, threading, time
import numpy as np, fastlrelu as fl, teams

def threads():
    return {int(name) for name in os.listdir("/proc/self/task")}

def field(thread, name):
    with open(f"/proc/self/task/{thread}/status") as lines:
        return re.search(rf"^{name}:\\s*(\\S+)", lines.read(), re.MULTILINE)[1]

def new_threads(wanted):
    before = threads()
    x = np.ones(1 << 20, np.float32)
    until = time.monotonic() + 20
    while len(threads() - before) < wanted:
        assert time.monotonic() < until
        fl.leaky_relu_(x, 1.0)
    for _ in range(300):
        fl.leaky_relu_(x, 1.0)
    return threads() - before
"""


@needs_team
def test_the_signals_of_a_fault_reach_the_host():
    code = """
    import signal
    for thread in new_threads(2):
        blocked = int(field(thread, "SigBlk"), 16)
        faults = [signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGSYS]
        assert not any(blocked >> number - 1 & 1 for number in faults), hex(blocked)
        assert blocked >> signal.SIGINT - 1 & 1
    """
    run_python(OURS + _dedented(code), OMP_NUM_THREADS="3", **ALWAYS_PARALLEL)


@needs_team
@several_processors
@pytest.mark.parametrize("calls", ["forced", "measured"])
def test_they_stay_on_the_processors_of_the_first_caller(calls):
    code = """
    mine = max(os.sched_getaffinity(0))
    found = []
    def work():
        os.sched_setaffinity(0, {mine})
        found.extend(field(thread, "Cpus_allowed_list") for thread in new_threads(1))
    caller = threading.Thread(target=work)
    caller.start()
    caller.join()
    assert found and set(found[-1:]) == {str(mine)}, found
    """
    run_python(OURS + _dedented(code), OMP_NUM_THREADS="2", **(ALWAYS_PARALLEL if calls == "forced" else {}))


@several_processors
def test_a_caller_keeps_its_processors():
    """LLVM's OpenMP library gives each thread that asks it anything the processors of the process."""
    code = """
    mine = max(os.sched_getaffinity(0))
    found = []
    def work():
        os.sched_setaffinity(0, {mine})
        new_threads(int(teams.POSSIBLE))
        fl.get_num_threads(), fl.config()
        found.append(os.sched_getaffinity(0))
    caller = threading.Thread(target=work)
    caller.start()
    caller.join()
    assert found == [{mine}], found
    """
    run_python(OURS + _dedented(code), OMP_NUM_THREADS="3", **ALWAYS_PARALLEL)


@needs_team
@several_processors
def test_workers_may_run_wherever_the_process_may_but_in_the_callers_place():
    code = """
    everywhere = os.sched_getaffinity(0)
    workers, x = new_threads(3), np.ones(1 << 18, np.float32)
    for _ in range(20):
        time.sleep(0.01)
        for _ in range(20):
            fl.leaky_relu_(x, 1.0)
        allowed = [os.sched_getaffinity(worker) for worker in workers]
        assert all(mask <= everywhere and len(everywhere - mask) <= 1 for mask in allowed), allowed
    """
    run_python(OURS + _dedented(code), OMP_NUM_THREADS="4", **ALWAYS_PARALLEL)


@needs_team
@several_processors
def test_a_mask_given_to_a_worker_by_others_is_kept():
    code = """
    (worker,), x = new_threads(1), np.ones(1 << 18, np.float32)
    # Not the mask that it may have taken itself: one that others give it anew cannot be told from that.
    everywhere, own = os.sched_getaffinity(0), os.sched_getaffinity(worker)
    given = next({processor} for processor in sorted(everywhere) if {processor} != own)
    os.sched_setaffinity(worker, given)
    for _ in range(40):
        # To the worker's processor, from where nothing moves the caller at once.
        os.sched_setaffinity(0, given)
        os.sched_setaffinity(0, everywhere)
        fl.leaky_relu_(x, 1.0)
        assert os.sched_getaffinity(worker) == given
    """
    run_python(OURS + _dedented(code), OMP_NUM_THREADS="2", **ALWAYS_PARALLEL)


def _dedented(code):
    return "\n".join(line.removeprefix("    ") for line in code.splitlines())
