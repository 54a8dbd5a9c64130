"""JSON, annotations, counts, comments that say to skip, and more than one process."""

from __future__ import annotations

import argparse
import json

import pytest

from fastlrelu.rewrite.command import add_arguments, run
from fastlrelu.rewrite.fixes import rewrite

TEXT = """import numpy as np

y = np.where(x > 0, x, a * x); z = np.maximum(x, a * x)
w = np.where(x > 0, x, x / 5)
"""


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(TEXT)

    def call(*arguments):
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        code = run(parser.parse_args(["m.py", *arguments]))
        return code, *capfd.readouterr()

    return call


def test_json(call):
    code, out, _ = call("--format", "json", "--check")
    assert code == 1
    document = json.loads(out)
    assert [(f["file"], f["line"], f["column"]) for f in document["findings"]] == [
        ("m.py", 3, 5),
        ("m.py", 3, 36),
        ("m.py", 4, 5),
    ]
    first, second, third = document["findings"]
    assert first == {
        "file": "m.py",
        "line": 3,
        "column": 5,
        "kind": "where",
        "safe": True,
        "fixed": True,
        "reasons": [],
        "old": "np.where(x > 0, x, a * x)",
        "new": "fastlrelu.leaky_relu(x, a)",
    }
    assert (second["kind"], second["safe"], second["fixed"]) == ("maximum", False, False)
    assert third["new"] is None
    assert third["reasons"] == ["x / 5 divides: the slope is the inverse"]


def test_json_of_a_file_that_is_left_alone(call, tmp_path):
    (tmp_path / "m.py").write_text("import numpy as np\ny = = np.where(x > 0, x, a * x)\n")
    document = json.loads(call("--format", "json")[1])
    assert document["findings"] == document["errors"] == []
    assert list(document["left_alone"]) == ["m.py"]


def test_annotations(call):
    _, out, _ = call("--format", "github", "--quiet")
    first, second, third = out.splitlines()
    assert first == (
        "::warning file=m.py,line=3,col=5,title=fastlrelu rewrite%3A where::"
        "np.where(x > 0, x, a * x) -> fastlrelu.leaky_relu(x, a)"
    )
    assert second.startswith("::notice file=m.py,line=3,col=36,")
    assert third.endswith("(x / 5 divides: the slope is the inverse)")


def test_statistics(call):
    _, out, _ = call("--statistics")
    lines = out.splitlines()
    assert lines[0].split() == ["form", "found", "safe", "unsafe", "left"]
    assert [line.split() for line in lines[1:4]] == [
        ["where", "2", "1", "0", "1"],
        ["maximum", "1", "0", "1", "0"],
        ["all", "3", "1", "1", "1"],
    ]
    assert any(line.endswith("x / 5 divides: the slope is the inverse") for line in lines[4:])
    counted = json.loads(call("--statistics", "--format", "json")[1])
    assert counted["forms"]["where"] == {"safe": 1, "unsafe": 0, "left": 1}


@pytest.mark.parametrize("comment", ["# fastlrelu: skip", "#fastlrelu:skip", "# noqa # fastlrelu: skip (slow path)"])
def test_a_comment_says_to_skip(comment):
    text = f"import numpy as np\ny = np.where(x > 0, x, a * x)  {comment}\nz = np.where(x > 0, x, a * x)\n"
    result = rewrite(text)
    if comment.startswith("# noqa"):
        # One comment, which begins with something else.
        assert len(result.fixed) == 2
        return
    assert [finding.line for finding in result.fixed] == [3]
    assert result.findings[0].reasons == ["a comment says to skip it"]
    run_ = f"import numpy as np\ny = x.copy()  {comment}\ny[y < 0] *= 0.1\n"
    assert rewrite(run_, unsafe_fixes=True).fixed == []


def test_processes_give_the_same_report(call, tmp_path):
    for number in range(5):
        (tmp_path / f"n{number}.py").write_text(TEXT.replace("5", str(number + 2)))
    assert call(".", "--unsafe-fixes", "--jobs", "2") == call(".", "--unsafe-fixes", "--jobs", "1")


HEAD = "import numpy as np\nfrom numpy.typing import NDArray\n\n\n"
KNOWN = [
    ("def f(x: NDArray[np.float32]):\n    x[x < 0] *= 0.1\n    return x\n", True),
    ("def f(v):\n    x = v.astype(np.float32)\n    y = x.copy()\n    y[y < 0] *= 0.1\n    return y\n", True),
    ("def f(v, w):\n    x = np.float32(v) @ np.float32(w)\n    x[x < 0] *= 0.1\n    return x\n", True),
    ("def f(x: NDArray[np.float64], g: NDArray[np.float64]):\n    return np.where(x > 0, g, 0.1 * g)\n", True),
    ("def f(x: NDArray[np.float64], g: NDArray[np.float64]):\n    return g * np.where(x > 0, 1.0, 0.1)\n", True),
    ("def f(x: NDArray[np.float32], g: NDArray[np.float64]):\n    return g * np.where(x > 0, 1.0, 0.1)\n", False),
    ("def f(x: NDArray[np.float64], a):\n    return x * np.where(x >= 0, 1.0, a)\n", False),
    ("def f(x: NDArray[np.float32]):\n    x = g(x)\n    x[x < 0] *= 0.1\n    return x\n", False),
    ("def f(x: NDArray[np.float32], a: float):\n    x[x <= 0] *= a\n    return x\n", False),
    ("def f(x: NDArray[np.int64]):\n    x[x < 0] *= 0.1\n    return x\n", False),
]


@pytest.mark.parametrize(("text", "safe"), KNOWN)
def test_a_known_dtype_makes_a_fix_safe(text, safe):
    result = rewrite(HEAD + text, unsafe_fixes=True)
    assert [finding.safe for finding in result.fixed] == [safe]
