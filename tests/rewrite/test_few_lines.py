"""Code in several statements: found, never mistaken, and run before and after."""

from __future__ import annotations

import numpy as np
import pytest
from rewrite.modules import rewrite, rows
from rewrite.running import module, run

ROWS = rows("few_lines.jsonl")
FORMS = [row for row in ROWS if row["fix"] != "left"]
ALIKE = [row for row in ROWS if row["fix"] == "left"]
X = np.array([-300.0, -2.5, -1e-3, 1e-3, 0.75, 41.0])
GRAD = np.array([1.5, -2.0, 3.0, 0.25, -5.0, 0.125])
TELLING = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 0.3, -0.7, 3e38], np.float32)
# What a difference at an input may be called in the reasons.
NAMED = {
    "dtype": ("dtype", "cast"),
    "nan": ("nan",),
    "inf": ("inf",),
    "zero": ("-0.0", "x == 0"),
    "bits": ("round", "last bit", "last places", "dtype", "cast"),
}


def by_id(row):
    return row["id"]


def differences(old, new, x):
    """Return the kinds of inputs for which two results differ."""
    found = set()
    for name in old.keys() & new.keys():
        a, b = np.asarray(old[name]), np.asarray(new[name])
        assert a.shape == b.shape
        if a.dtype != b.dtype:
            found.add("dtype")
        with np.errstate(all="ignore"):
            a, b = a.astype(np.float64), b.astype(np.float64)
        same = (a == b) & (np.signbit(a) == np.signbit(b)) | np.isnan(a) & np.isnan(b)
        signs = (a == b) & ~same
        if signs.any():
            found.add("zero")
        for value in np.broadcast_to(x, a.shape)[~same & ~signs]:
            found.add("nan" if np.isnan(value) else "inf" if np.isinf(value) else "bits" if value else "zero")
    return found


def _needs_scipy(text):
    if "scipy" in text:
        pytest.importorskip("scipy")


@pytest.mark.parametrize("row", FORMS, ids=by_id)
def test_a_form_is_found_and_computes_the_same(row):
    text = module(row)
    result = rewrite(text, unsafe_fixes=True)
    assert result.fixed
    assert row.get("new", "fastlrelu.") in result.text
    _needs_scipy(text)
    old, new = (run(code, row["snippet"], X, GRAD) for code in (text, result.text))
    assert old.keys() == new.keys()
    for name in old:
        np.testing.assert_allclose(np.asarray(new[name]), np.asarray(old[name]), rtol=1e-6, err_msg=name)
    assert rewrite(result.text, unsafe_fixes=True).text == result.text


@pytest.mark.parametrize("row", FORMS, ids=by_id)
def test_every_difference_has_a_reason(row):
    text = module(row)
    assert row["fix"] in ("safe", "unsafe")
    assert (rewrite(text).text != text) == (row["fix"] == "safe")
    result = rewrite(text, unsafe_fixes=True)
    _needs_scipy(text)
    grad = np.linspace(-1, 1, len(TELLING)).astype(np.float32)
    try:
        old = run(text, row["snippet"], TELLING, grad)
    except ValueError:
        # Numbers that the old code cannot hold.
        return
    new = run(result.text, row["snippet"], TELLING, grad)
    reasons = " ".join(reason for finding in result.fixed for reason in finding.reasons)
    for kind in differences(old, new, TELLING):
        assert any(word in reasons for word in NAMED[kind]), (kind, reasons)


@pytest.mark.parametrize("row", ALIKE, ids=by_id)
def test_a_lookalike_is_never_rewritten(row):
    text = module(row)
    result = rewrite(text, unsafe_fixes=True)
    assert result.text == text
    assert all(finding.reasons for finding in result.findings)


def test_a_function_that_the_module_maps_is_found_where_it_is_called():
    text = """import numpy as np

leaky = np.vectorize(lambda v: v if v > 0 else 0.01 * v)


def forward(x):
    return leaky(x)
"""
    assert "return fastlrelu.leaky_relu(x, 0.01)" in rewrite(text, unsafe_fixes=True).text


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ("np.zeros(x.shape, dtype=np.float32)", "casts"),
        ("np.empty(x.shape, np.float32)", "casts"),
        ("np.zeros_like(x, dtype=float)", "casts"),
        ("np.zeros(x.shape)", "float64"),
        ("np.empty(x.shape, dtype=x.dtype)", None),
        ("np.empty_like(x)", None),
    ],
)
def test_the_dtype_of_an_array_that_is_not_made_any_more_is_a_reason(made, reason):
    body = f"    out = {made}\n    out[:] = np.where(x > 0, x, 0.1 * x)\n    return out\n"
    text = f"import numpy as np\n\n\ndef f(x):\n{body}"
    (finding,) = rewrite(text, unsafe_fixes=True).findings
    words = [word for word in ("casts", "float64") if word in "; ".join(finding.reasons)]
    assert words == ([] if reason is None else [reason])
