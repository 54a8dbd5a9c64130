"""``fastlrelu bench`` from an installed wheel, from one end to the other."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from fastlrelu.bench.cells import OPERATIONS

# The first test builds the wheel.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def results(tiny_run):
    return json.loads((tiny_run.folder / "results.json").read_text())


def test_writes_its_three_files_and_the_plots(tiny_run):
    assert tiny_run.status == 0, tiny_run.errors
    plots = {f"{name}.svg" for name in ("speedup", "bandwidth", "calls", "threads", "layer")}
    assert {path.name for path in tiny_run.folder.iterdir()} == {"report.html", "report.md", "results.json"} | plots
    assert "Wrote report.html" in tiny_run.out


def test_shows_a_line_for_each_cell(tiny_run):
    lines = tiny_run.errors.splitlines()
    assert len(lines) == 1 + 9 * 2 * 2 + 3 * 2 + 2
    assert lines[0].split("%")[1].strip().startswith("one element, float32, 1, 1 thread: ")
    for line in lines:
        if "GELU," not in line:
            assert ("np.tanh" if "by tanh" in line else "np.where") in line
        elif importlib.util.find_spec("scipy"):
            assert "SciPy's erf" in line


def test_is_the_wheel_and_not_the_source_tree(installed, tmp_path):
    program = "import fastlrelu.bench.suite, sys; print(fastlrelu.bench.suite.__file__)"
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=installed.environment(), capture_output=True, text=True
    )
    assert answer.stdout.startswith(str(installed.site)), answer.stderr


def test_measures_every_operation(results):
    operations = {benchmark["extra_info"]["operation"] for benchmark in results["benchmarks"]}
    assert operations == set(OPERATIONS)
    candidates = {benchmark["extra_info"]["candidate"] for benchmark in results["benchmarks"]}
    assert candidates == {"fastlrelu", "ufunc", "out", "in_place", "limit", "multiply", "where", "maximum"}
    for benchmark in results["benchmarks"]:
        assert benchmark["stats"]["rounds"] >= 3
        assert 0 < benchmark["stats"]["median"] < 1


def test_says_nothing_about_the_user(results):
    assert results["machine_info"]["node"] == ""
    assert str(os.getpid()) not in results["commit_info"]["id"]


def test_names_who_is_missing_and_who_differs(tiny_run, results):
    assert "broken on purpose" in results["fastlrelu"]["missing"]["numba"]
    refused = [entry for entry in results["fastlrelu"]["omitted"] if entry["candidate"] == "numexpr"]
    reasons = {entry["reason"].partition(":")[0] for entry in refused if entry["dtype"] == "float32"}
    assert reasons == {"differs from fastlrelu"}
    for name in ("report.md", "report.html"):
        text = (tiny_run.folder / name).read_text()
        assert "could not be imported: ImportError: broken on purpose" in text
        assert "not timed, its result differs from fastlrelu" in text


def test_head_of_the_report(tiny_run):
    text = (tiny_run.folder / "report.md").read_text()
    for name in ("CPU", "Cores", "Caches", "Quota", "System", "Python", "NumPy", "SIMD level", "Thread policy", "Date"):
        assert f"| {name} | " in text
    assert "repeats spread by ±" in text


def test_pytest_benchmark_reads_the_results(tiny_run):
    answer = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest_benchmark",
            "compare",
            str(tiny_run.folder / "results.json"),
            "--group-by=group",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tiny_run.folder,
    )
    assert answer.returncode == 0, answer.stderr
    assert "test_time[new-float32-4096-1t-fastlrelu]" in answer.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_ctrl_c_writes_what_is_there(installed, tmp_path):
    process = subprocess.Popen(
        installed.command("bench", "--quick", "--against", "maximum"),
        cwd=tmp_path,
        env=installed.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for _ in range(2):
        process.stderr.readline()
    os.killpg(process.pid, signal.SIGINT)
    started = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - started < 20
    assert errors.splitlines()[-1] == "Interrupted: the report has what was measured until then."
    text = (tmp_path / "report.html").read_text()
    assert "This run was interrupted" in text
    assert 2 <= len(json.loads((tmp_path / "results.json").read_text())["benchmarks"]) < 60


def test_results_of_an_earlier_run_make_the_same_report(installed, tiny_run, tmp_path):
    earlier = tiny_run.folder / "results.json"
    answer = installed.run("bench", "--results", str(earlier), "--plots", folder=tmp_path)
    assert answer.status == 0, answer.errors
    for name in ("report.html", "report.md", "speedup.svg"):
        assert (tmp_path / name).read_text() == (tiny_run.folder / name).read_text()


def test_the_suite_of_the_repository_is_the_same(request, environment):
    command = [sys.executable, "-m", "pytest", "benchmarks", "--collect-only", "-q", "-p", "no:cacheprovider"]
    answer = subprocess.run(
        command,
        cwd=request.config.rootpath,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout
    for case in ("new-float32-1-1t-where", "in_place-float64-16777216-1t-maximum", "grad-float32-1024-1t-fastlrelu"):
        assert f"benchmarks/test_leaky_relu.py::test_time[{case}]" in answer.stdout
