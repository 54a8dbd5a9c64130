"""The number of threads: who sets it, where it ends, and that a team really works."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import threadpoolctl

import fastlrelu as fl
import reference as ref
from fastlrelu.threads import choice, region

needs_openmp = pytest.mark.skipif(not region.compiled, reason="a build without OpenMP has one thread")


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@needs_openmp
def test_set_and_context_manager():
    default = fl.get_num_threads()
    with fl.num_threads(3) as outer:
        assert fl.get_num_threads() == 3
        with fl.num_threads(1):
            assert fl.get_num_threads() == 1
        fl.set_num_threads(5)
        assert fl.get_num_threads() == 5
    assert isinstance(outer, fl.num_threads)
    assert fl.get_num_threads() == default
    with pytest.raises(RuntimeError, match="stop"), fl.num_threads(2):
        raise RuntimeError("stop")
    assert fl.get_num_threads() == default


def test_a_build_without_openmp_says_so():
    if region.compiled:
        assert fl.config()["threads_reason"] != "built without OpenMP"
    else:
        assert fl.get_num_threads() == 1
        assert fl.config()["threads_reason"] == "built without OpenMP"
        fl.set_num_threads(4)
        assert fl.get_num_threads() == 1


@pytest.mark.parametrize("call", [fl.set_num_threads, fl.num_threads])
@pytest.mark.parametrize(
    ("n", "error"),
    [(0, ValueError), (-1, ValueError), (10**9, ValueError), (10**30, ValueError)]
    + [(n, TypeError) for n in (True, "2", 2.0, None, np.ones(1))],
)
def test_absurd_numbers(call, n, error):
    before = fl.get_num_threads()
    with pytest.raises(error, match="threads"):
        call(n)
    assert fl.get_num_threads() == before


def test_numpy_integers_are_integers():
    with fl.num_threads(np.int64(1)):
        assert fl.get_num_threads() == 1


@needs_openmp
def test_threadpoolctl_limits():
    with threadpoolctl.threadpool_limits(1, user_api="openmp"):
        assert fl.get_num_threads() == 1
        with fl.num_threads(4):
            assert fl.get_num_threads() == 1
            assert "lowered to 1" in fl.config()["threads_reason"]


@needs_openmp
@pytest.mark.parametrize("n", ["1", "3"])
def test_omp_num_threads(n):
    code = "import fastlrelu as fl; print(fl.get_num_threads(), fl.config()['threads_reason'])"
    assert python(code, OMP_NUM_THREADS=n).stdout.strip() == f"{n} OMP_NUM_THREADS={n}"


@needs_openmp
def test_a_team_has_the_threads_it_was_given():
    code = (
        "import numpy as np, fastlrelu as fl\n"
        "from process_threads import settled_tasks, tasks\n"
        "x = np.ones(4_000_000, np.float32)\n"
        "before = tasks()\n"
        "fl.set_num_threads(3)\n"
        "fl.leaky_relu(x, 0.1)\n"
        "print(settled_tasks(before + 2) - before)"
    )
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("no /proc to count threads in")
    answer = python(code, FASTLRELU_PARALLEL_BYTES="100000")
    assert answer.stdout.strip() == "2", answer.stderr


def test_the_import_leaves_the_environment_alone():
    assert python("import os; before = dict(os.environ); import fastlrelu; assert os.environ == before").returncode == 0


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "0", "9" * 19, "9" * 5000])
@pytest.mark.parametrize("name", ["FASTLRELU_PARALLEL_BYTES", "FASTLRELU_STREAM_BYTES"])
def test_bad_thresholds_in_the_environment(name, value):
    answer = python("import fastlrelu", **{name: value})
    assert answer.stderr.strip().splitlines()[-1].startswith(f"ImportError: {name}={value!r}")


@pytest.mark.timeout(60)
def test_a_forked_child_has_its_own_threads():
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    code = (
        "import os, sys, warnings, numpy as np, fastlrelu as fl\n"
        "warnings.simplefilter('ignore')\n"
        "x = np.linspace(-1, 1, 1_000_000, dtype=np.float32)\n"
        "expected = np.where(x > 0, x, 0.1 * x)\n"
        "fl.set_num_threads(2)\n"
        "assert (fl.leaky_relu(x, 0.1) == expected).all()\n"
        "child = os.fork()\n"
        "right = (fl.leaky_relu(x, 0.1) == expected).all()\n"
        "if child == 0:\n"
        "    os._exit(0 if right and fl.get_num_threads() == (2 if fl.config()['openmp'] else 1) else 1)\n"
        "assert right and os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
    )
    answer = python(code, FASTLRELU_PARALLEL_BYTES="100000")
    assert answer.returncode == 0, answer.stderr


@pytest.mark.timeout(60)
def test_python_threads_at_once(thread_count, rng):
    x = ref.random_values(rng, 300_000, np.float32)
    expected = ref.leaky_relu(x, 0.1)
    failures = []

    def work():
        for _ in range(20):
            try:
                ref.assert_same_bits(fl.leaky_relu(x, 0.1), expected)
                ref.assert_same_bits(fl.LeakyReLU(0.1)(x), expected)
            except AssertionError as error:
                failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


def test_both_ways_are_measured_and_the_faster_is_kept(rng):
    choice.set_parallel_bytes(None)
    x = np.ones(16 << 20, np.float32)
    for _ in range(10):
        fl.leaky_relu(x, 0.1, out=x)
    rows = choice.measurements()
    if fl.get_num_threads() == 1:
        assert rows == []
    else:
        assert {row["bytes"] for row in rows} == {128 << 20}
        assert {(row["work"], row["memory"]) for row in rows} == {("leaky_relu float32", "in place")}
        assert any(row["alone"] > 0 and row["together"] > 0 for row in rows)


@needs_openmp
@pytest.mark.parametrize(
    ("before", "environment", "answer"),
    [
        ("", {}, "20 us"),
        ("", {"GOMP_SPINCOUNT": "7"}, "as long as GOMP_SPINCOUNT=7 says"),
        ("", {"OMP_WAIT_POLICY": "passive"}, "as long as OMP_WAIT_POLICY=passive says"),
        ("import sklearn.utils._openmp_helpers; ", {}, "20 us"),
    ],
)
def test_how_long_idle_threads_stay_awake(before, environment, answer):
    code = "import fastlrelu as fl; c = fl.config(); print(c['openmp_library'], c['openmp_idle'], sep='\\n')"
    library, words = python(before + code, **environment).stdout.splitlines()
    assert os.path.exists(library)
    # Built with LLVM's library, which counts in milliseconds.
    assert words == answer or (not environment and region.llvm and words == "not at all")


@needs_openmp
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_library_that_was_there_before_keeps_its_ways():
    library = fl.config()["openmp_library"]
    code = f"import ctypes; ctypes.CDLL({library!r}); import fastlrelu as fl; print(fl.config()['openmp_idle'])"
    assert python(code).stdout.strip() == "as long as whoever loaded it before fastlrelu wants"
