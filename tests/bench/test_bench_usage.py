"""What can be wrong with a call of ``fastlrelu bench``: one clear line, status 2, and files left as they were."""

import json
import subprocess
import sys

import pytest

from fastlrelu.__main__ import main
from fastlrelu.bench import files
from fastlrelu.bench.choices import UsageError

STATS = {"median": 1e-6, "q1": 0.9e-6, "q3": 1.1e-6, "rounds": 9}


def document(factor=1.0, **extra):
    cell = {"operation": "new", "dtype": "float32", "size": 4096, "threads": 1, **extra}
    times = {name: value * factor if name != "rounds" else value for name, value in STATS.items()}
    other = {"extra_info": {**cell, "candidate": "where"}, "stats": STATS}
    return {"benchmarks": [{"extra_info": {**cell, "candidate": "fastlrelu"}, "stats": times}, other]}


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refused(capsys, *arguments):
    """The one line that the command says."""
    assert main(["bench", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("fastlrelu bench: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sizes", "12x"], ["12x", "2^30"]),
        (["--sizes", "0"], ["'0'"]),
        (["--sizes", "2^31"], ["2^31"]),
        (["--sizes", ","], ["names nothing"]),
        (["--dtypes", "float32,int8"], ["int8", "bfloat16"]),
        (["--against", "torch,tensorflow"], ["tensorflow", "onnxruntime"]),
        (["--threads", "0"], ["'0'", "from 1 to"]),
        (["--threads", "100000"], ["100000"]),
        (["--fail-above", "5"], ["--compare"]),
        (["--fail-above", "-5", "--compare", "x"], ["-5"]),
        (["--fail-above", "nan", "--compare", "x"], ["nan"]),
    ],
)
def test_unknown_choice(capsys, tmp_path, arguments, words):
    line = refused(capsys, *arguments)
    assert all(word in line for word in words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--compare", "--results"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        ("", "is not JSON"),
        ('{"benchmarks": [', "is not JSON"),
        ("[]", "no list of benchmarks"),
        ({"benchmarks": []}, "no time of fastlrelu"),
        ({"benchmarks": [{"name": "of somebody else", "stats": STATS}]}, "'extra_info' is missing"),
        (document(factor=-1), "not positive"),
        (document(operation="swish"), "swish"),
        (document(size="many"), "many"),
    ],
)
def test_bad_results(capsys, tmp_path, option, content, words):
    path = tmp_path / "old.json"
    if content is not None:
        write(path, content)
    line = refused(capsys, option, str(path))
    assert "old.json" in line
    assert words in line
    assert not (tmp_path / "report.html").exists()


def test_results_that_are_not_text(capsys, tmp_path):
    (tmp_path / "old.json").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in refused(capsys, "--results", "old.json")


def test_folder_that_cannot_be_written(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert "cannot write to file/folder" in refused(capsys, "--output", "file/folder")
    earlier = write(tmp_path / "results.json", document())
    assert "cannot write to file" in refused(capsys, "--results", earlier, "--output", "file")


def test_report_is_replaced_as_a_whole_or_not_at_all(capsys, tmp_path):
    earlier = write(tmp_path / "old.json", document())
    (tmp_path / "report.html").write_text("the one before")
    (tmp_path / "report.md").mkdir()
    assert "report.md is a folder" in refused(capsys, "--results", earlier)
    assert (tmp_path / "report.html").read_text() == "the one before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.json", "report.html", "report.md"]


def test_nothing_is_replaced_when_the_disk_is_full(monkeypatch, tmp_path):
    (tmp_path / "report.html").write_text("the one before")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fdopen", full)
    with pytest.raises(UsageError, match="No space left"):
        files.write_all(tmp_path, {"report.html": "new"})
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "the one before"


def compare(old, new, *arguments):
    return main(["bench", "--results", new, "--compare", old, *arguments])


def test_compare_exits_1_beyond_the_threshold(capsys, tmp_path):
    old = write(tmp_path / "old.json", document())
    new = write(tmp_path / "new.json", document(factor=1.3))
    assert compare(old, new) == 0
    assert compare(old, new, "--fail-above", "31") == 0
    capsys.readouterr()
    assert compare(old, new, "--fail-above", "29%") == 1
    said = capsys.readouterr().out
    assert "+30.0 %" in said
    assert "±20.0 %" in said
    assert "1 of fastlrelu's times rose by more than 29 %." in said
    # What got faster is no reason to fail, and neither is what somebody else took.
    assert compare(new, old, "--fail-above", "0") == 0


def test_compare_without_a_common_cell(capsys, tmp_path):
    old = write(tmp_path / "old.json", document(size=8))
    new = write(tmp_path / "new.json", document())
    assert "no cell in common" in refused(capsys, "--results", new, "--compare", old)


def test_without_the_extra():
    program = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "rich":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from fastlrelu.__main__ import main
sys.exit(main(["bench"]))
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 2
    expected = "fastlrelu bench: rich is not installed: pip install 'fastlrelu[bench]' brings what it needs\n"
    assert answer.stderr == expected
