"""What `config` says: cache sizes and CPU quotas read from files as the kernel lays them out."""

import pytest

import fastlrelu as fl
from fastlrelu.dispatch import caches
from fastlrelu.threads import processors


def files(root, contents):
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "100000 100000\n"}, 1),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "300000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
            },
            3,
        ),
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "max 100000\n"}, None),
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "garbage"}, None),
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "-1 0"}, None),
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "10000 100000"}, 1),
        ({"proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/cpu.max": "200000 100000"}, 2),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/box\n",
                "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us": "250000",
                "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us": "100000",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            None,
        ),
        ({"proc/self/cgroup": "nonsense\n\n::\n"}, None),
    ],
)
def test_cpu_quota(tmp_path, contents, expected):
    assert processors.quota_count(files(tmp_path, contents)) == expected


def test_cache_sizes(tmp_path):
    cache = "sys/devices/system/cpu/cpu0/cache"
    contents = {}
    for index, (level, kind, size) in enumerate(
        [(1, "Data", "48K"), (1, "Instruction", "32K"), (2, "Unified", "1024K"), (3, "Unified", "32768K")]
    ):
        contents[f"{cache}/index{index}/level"] = f"{level}\n"
        contents[f"{cache}/index{index}/type"] = f"{kind}\n"
        contents[f"{cache}/index{index}/size"] = f"{size}\n"
    contents[f"{cache}/index9/size"] = "garbage"
    assert caches.cache_sizes(files(tmp_path, contents)) == {1: 48 << 10, 2: 1 << 20, 3: 32 << 20}


@pytest.mark.parametrize(
    ("third", "traffic"),
    [(8 << 20, 8 << 20), (96 << 20, 96 << 20), (105 << 20, 64 << 20), (480 << 20, 64 << 20)],
)
def test_a_core_does_not_have_the_cache_of_a_whole_processor(third, traffic):
    assert caches.stream_bytes_for({1: 48 << 10, 2: 2 << 20, 3: third}) == traffic
    assert caches.stream_bytes_for({}) > 0


def test_config_and_its_text(capsys):
    c = fl.config()
    assert c["version"] == fl.__version__
    assert c["simd"] in c["simd_available"]
    assert {"float16", "bfloat16", "float32", "float64"} < set(c["dtypes"])
    assert c["threads"] == fl.get_num_threads()
    fl.show_config()
    text = capsys.readouterr().out
    assert f"SIMD      {c['simd']}" in text
    assert c["threads_reason"] in text
    assert ("built without threads" in text) == (not c["openmp"])
