"""Everything that limits the number of threads, and the words in which `config` explains it."""

import json
import os
import sys

import pytest
import teams
from hypothesis import given, settings
from hypothesis import strategies as st
from subprocesses import ALWAYS_PARALLEL, run_python

from fastlrelu.threads.processors import quota_count

pytestmark = [
    pytest.mark.skipif(not teams.POSSIBLE, reason=teams.REASON),
    pytest.mark.timeout(60),
]

ASK = """
import json, os, fastlrelu as fl
def tell():
    c = fl.config()
    assert c["threads"] == fl.get_num_threads()
    print(json.dumps([c["threads"], c["threads_reason"]]))
"""
processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def ask(code="tell()", before="", **environment):
    lines = run_python(before + ASK + code, **environment).splitlines()
    return [tuple(json.loads(line)) for line in lines]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    for name in ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("value", "threads"), [("1", 1), ("3", 3), ("5,2", 5), (" 4 ", 4), ("03", 3)])
def test_omp_num_threads(value, threads):
    assert ask(OMP_NUM_THREADS=value) == [(threads, f"OMP_NUM_THREADS={value}")]


@pytest.mark.parametrize("value", ["x", "0", "-3", "2x", "1.5", ",", "99999999999999999999", "٣"])
def test_an_omp_num_threads_that_openmp_ignores_explains_nothing(value):
    [(threads, reason)] = ask(OMP_NUM_THREADS=value)
    assert value not in reason
    assert 1 <= threads <= processors


def test_more_threads_than_are_ever_used():
    assert ask(OMP_NUM_THREADS="5000") == [(1024, "more than 1024 are never used")]


def test_omp_thread_limit():
    answers = ask(
        "tell(); fl.set_num_threads(7); tell(); fl.set_num_threads(2); tell()",
        OMP_THREAD_LIMIT="3",
        OMP_NUM_THREADS="8",
    )
    limited = (3, "OpenMP's thread limit is 3")
    assert answers == [limited, limited, (2, "set_num_threads(2)")]


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_no_more_threads_than_the_limit_are_started():
    run_python(
        """
import numpy as np, fastlrelu as fl
from process_threads import settled_tasks, tasks

before = tasks()
x = np.ones(3_000_000, np.float32)
for _ in range(50):
    fl.leaky_relu(x, 0.1)
    assert settled_tasks(before + 2) == before + 2
""",
        OMP_THREAD_LIMIT="3",
        OMP_NUM_THREADS="8",
        **ALWAYS_PARALLEL,
    )


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity masks")
def test_affinity_mask():
    one = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
    by_mask = "OpenMP's number: one for each processor that this process may run on"
    assert ask(before=one) == [(1, by_mask)]
    assert ask(before=one, OMP_NUM_THREADS="3") == [(3, "OMP_NUM_THREADS=3")]


@pytest.mark.skipif(sys.platform != "linux" or processors < 2, reason="one processor leaves no choice")
def test_affinity_mask_of_one_thread_after_the_import():
    code = """
import threading
def pinned():
    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
    tell()
    fl.set_num_threads(3)
    tell()
tell()
thread = threading.Thread(target=pinned)
thread.start()
thread.join()
"""
    by_mask = "OpenMP's number: one for each processor that this process may run on"
    words = f"the affinity mask leaves this thread 1 of {processors} processors"
    assert ask(code) == [(processors, by_mask), (1, words), (3, "set_num_threads(3)")]
    named = (3, "OMP_NUM_THREADS=3")
    assert ask(code, OMP_NUM_THREADS="3") == [named, named, (3, "set_num_threads(3)")]


def test_threadpoolctl():
    answers = ask(
        """
import threadpoolctl
fl.set_num_threads(4)
tell()
with threadpoolctl.threadpool_limits(2):
    tell()
    fl.set_num_threads(1)
    tell()
fl.set_num_threads(3)
tell()
with threadpoolctl.threadpool_limits(9, user_api="openmp"):
    tell()
""",
        OMP_NUM_THREADS="6",
    )
    assert answers == [
        (4, "set_num_threads(4)"),
        (2, "OpenMP's number was lowered to 2 after the import"),
        (1, "set_num_threads(1)"),
        (3, "set_num_threads(3)"),
        (3, "set_num_threads(3)"),
    ]
    raised = "import threadpoolctl\nwith threadpoolctl.threadpool_limits(9, user_api='openmp'): tell()"
    assert ask(raised, OMP_NUM_THREADS="6") == [(9, "OpenMP's number was set to 9 after the import")]


def test_a_quota_counts_unless_a_number_is_given():
    # In the place of the package's own module, which is read while the package is imported.
    load = """
import importlib.util, pathlib, sys
spec = importlib.util.find_spec("fastlrelu")
path = pathlib.Path(spec.origin).parent / "threads/processors.py"
module = importlib.util.module_from_spec(importlib.util.spec_from_file_location("fastlrelu.threads.processors", path))
exec(path.read_text(), module.__dict__)
module.quota_count = lambda root="/": QUOTA
sys.modules["fastlrelu.threads.processors"] = module
"""
    one = load.replace("QUOTA", "1")
    words = f"the CPU quota pays for 1 of {processors} processors"
    expected = [(1, words)] if processors > 1 else ask()
    assert ask(before=one) == expected
    assert ask(before=one, OMP_NUM_THREADS="3") == [(3, "OMP_NUM_THREADS=3")]
    assert ask(before=one, OMP_NUM_THREADS="garbage") == expected
    assert ask(before=load.replace("QUOTA", "10**30")) == ask()


def cgroup_files(root, contents):
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.mkdir()  # cannot be read as a file, whoever tries
        else:
            path.write_text(text)
    return root


V2 = "proc/self/cgroup"
CPU_V1 = "sys/fs/cgroup/cpu,cpuacct"


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        # Nested: the smallest on the way up counts, wherever it is.
        ({V2: "0::/a/b/c\n", **{f"sys/fs/cgroup/{p}cpu.max": q for p, q in
          [("a/", "400000 100000"), ("a/b/", "150000 100000"), ("a/b/c/", "300000 100000")]}}, 2),
        ({V2: "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000", "sys/fs/cgroup/a/cpu.max": "250000 50000"}, 5),
        ({V2: "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": None, "sys/fs/cgroup/a/cpu.max": "200000 100000"}, 2),
        ({V2: "0::/gone/from/here\n", "sys/fs/cgroup/cpu.max": "100000 100000"}, 1),
        ({V2: None}, None),
        ({V2: "0::/a\n", "sys/fs/cgroup/a/cpu.max": "nan 100000"}, None),
        ({V2: "0::/a\n", "sys/fs/cgroup/a/cpu.max": "-1 -1"}, None),
        ({V2: "0::/a\n", "sys/fs/cgroup/a/cpu.max": "1e308 1e-300"}, None),
        ({V2: "0::/a\n", "sys/fs/cgroup/a/cpu.max": ""}, None),
        ({V2: "0::/a\n", "sys/fs/cgroup/a/cpu.max": "100000"}, None),
        ({V2: "0::/a:b/c\n", "sys/fs/cgroup/a:b/cpu.max": "300000 100000"}, 3),
        ({V2: "0::/a\0b\n", "sys/fs/cgroup/cpu.max": "300000 100000"}, 3),
        ({V2: f"0::/{'long' * 2000}\n", "sys/fs/cgroup/cpu.max": "300000 100000"}, 3),
        # Version 1, whose controllers share a mount, or have one each.
        ({V2: "3:cpu,cpuacct:/x/y\n0::/\n", f"{CPU_V1}/x/cpu.cfs_quota_us": "150000",
          f"{CPU_V1}/x/cpu.cfs_period_us": "100000", f"{CPU_V1}/x/y/cpu.cfs_quota_us": "-1",
          f"{CPU_V1}/x/y/cpu.cfs_period_us": "100000"}, 2),
        ({V2: "3:cpu:/x\n", "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "50000",
          "sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000"}, 1),
        ({V2: "3:cpu:/x\n", "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "50000"}, None),
        ({V2: "3:cpu:/x\n", "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": None,
          "sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "0"}, None),
        ({V2: "3:memory:/x\n2:cpuset:/y\n", "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "50000",
          "sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000"}, None),
        # Both at once: the smaller.
        ({V2: "3:cpu:/\n0::/u\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000",
          "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000", "sys/fs/cgroup/u/cpu.max": "200000 100000"}, 2),
    ],
)  # fmt: skip
def test_control_groups(tmp_path, contents, expected):
    assert quota_count(cgroup_files(tmp_path, contents)) == expected


def test_any_text_in_the_control_group_files(tmp_path):
    root = cgroup_files(tmp_path, {V2: "", "sys/fs/cgroup/cpu.max": "", "sys/fs/cgroup/a/cpu.max": ""})
    text = st.text(max_size=40)
    numbers = st.builds("{} {}".format, st.floats() | st.integers(), st.floats() | st.integers())

    @settings(max_examples=200, deadline=None, database=None)
    @given(st.builds("0::/a{}".format, text) | text, numbers | text)
    def check(group, quota):
        (root / V2).write_text(group, encoding="utf-8", errors="replace")
        (root / "sys/fs/cgroup/a/cpu.max").write_text(quota, encoding="utf-8", errors="replace")
        count = quota_count(root)
        assert count is None or count >= 1

    check()
