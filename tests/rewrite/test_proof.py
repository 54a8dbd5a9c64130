"""--verify shows the differences that make a fix unsafe, and runs nothing of the user's."""

from __future__ import annotations

import numpy as np
import pytest

from fastlrelu.rewrite.catalogue import example_finding
from fastlrelu.rewrite.fixes import rewrite
from fastlrelu.rewrite.proof import prove, values


def first_line(example):
    return prove(example_finding(example))[0]


@pytest.mark.parametrize(
    ("example", "difference"),
    [
        ("np.where(x >= 0, x, a * x)", "x = 0.0 gave 0.0, gives -0.0"),
        ("np.maximum(x, a * x)", "x = inf gave nan, gives inf"),
        ("np.where(x > 0, 1, a)", "the dtype was float64, becomes float16"),
        ("np.clip(x, 0, None) + 0.1 * np.clip(x, None, 0)", "x = -0.0 gave 0.0, gives -0.0"),
        ("x * (x > 0) + 0.1 * x * (x <= 0)", "x = inf gave nan, gives inf"),
        ("np.select([x > 0, x <= 0], [x, 0.1 * x])", "x = nan gave 0.0, gives nan"),
        ("np.maximum(x, 1e-9 * x)", "x = inf gave nan, gives inf"),
        ("np.where(x > 0, x, a * x * 0.5)", "differs"),
    ],
)
def test_the_difference_behind_an_unsafe_fix_is_shown(example, difference):
    assert difference in "\n".join(prove(example_finding(example)))


def test_a_wider_input_shows_in_a_gradient():
    lines = prove(example_finding("np.where(x > 0, g, 0.1 * g)"))
    assert "with a gradient of float16" in lines[0]
    assert "the dtype was float16, becomes float32" in lines[0]


def test_a_proof_says_what_was_tried():
    line = first_line("np.where(x > 0, x, a * x)")
    assert line.startswith("same bits and dtype in float16, float32 and float64")
    assert line.endswith("11 slopes")
    assert first_line("np.where(x > 0, x, 0.2 * x)").endswith("slope 0.2")


def test_values_hold_what_tells_formulas_apart():
    found = values(np.dtype(np.float16))
    assert np.isnan(found).any()
    assert np.isposinf(found).any()
    assert np.isneginf(found).any()
    assert (np.signbit(found) & (found == 0)).any()
    assert ((found > 0) & (found < np.finfo(np.float16).tiny)).any()


def test_nothing_of_the_program_runs(tmp_path):
    marker = tmp_path / "ran"
    text = (
        "import numpy as np\n"
        f"open({str(marker)!r}, 'w')\n"
        "def slope():\n"
        f"    open({str(marker)!r}, 'w')\n"
        f"y = np.where(x > 0, x, slope() * open({str(marker)!r}, 'w') * x)\n"
        f"z = x * (x > 0) + x * np.save({str(marker)!r}, x0) * 0.5 * (x <= 0)\n"
        f"u = np.where(np.load({str(marker)!r}) > 0, np.load({str(marker)!r}), 0.1 * np.load({str(marker)!r}))\n"
    )
    findings = [finding for finding in rewrite(text).findings if finding.new]
    assert len(findings) == 3
    for finding in findings:
        assert prove(finding)
    assert not marker.exists()
