"""Snippets changed at random, and what must hold for each: no exception, valid code, the same results."""

from __future__ import annotations

import ast
import random
import re
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
from rewrite.modules import rows
from rewrite.running import SLOPE, module, run

from fastlrelu.rewrite.fixes import rewrite

X = np.array([-300.0, -2.5, -1e-3, 1e-3, 0.75, 41.0])
_MOST_LINES = 2000
_PRELUDE = (
    "import math\nimport numpy as np\nimport scipy.special\nfrom scipy import special\nfrom scipy.special import erf\n"
)
GRAD = np.array([1.5, -2.0, 3.0, 0.25, -5.0, 0.125])
_SWAPS = [
    (r">=", "<"), (r"<=", ">"), (r"(?<![=-])>(?!=)", "<="), (r"<(?!=)", ">="), (r"\bx\b", "y"), (r"\by\b", "x"),
    (r"\balpha\b", "0.1"), (r"\b0\b", "1"), (r"\b1\b", "0"), (r"\*=", "+="), (r"\+", "-"), (r" - ", " + "),
    (r" \* ", " + "), (r"maximum", "minimum"), (r"minimum", "maximum"), (r"\.copy\(\)", ""), (r"~", ""),
    (r"\bmask\b", "m"), (r"\bout\b", "x"), (r"np\.where", "np.copyto"), (r"\bx\b", "x[1:]"), (r"\bx\b", "(x + 1)"),
    (r"dout", "x"), (r"expm1", "exp"), (r"erf", "np.tanh"), (r"0\.5\b", "0.25"), (r"\bx\b", "np.minimum(x, 0)"),
    (r"zeros_like", "ones_like"), (r"ones_like", "empty_like"), (r"\[(\w+)\]", r"[~\1]"),
]  # fmt: skip
_INSERTED = [
    "x = x + 1", "x += 1", "x[0] = 5.0", "x = y", "y = x", "z = x.sum()", "np.random.shuffle(x)", "x *= 1.0",
    "print(x.shape, end='')", "y = x[::-1]", "y += 1", "m = x > 0", "mask = y > 0", "alpha = -alpha", "x = x.copy()",
    "out = x", "x = -x", "del x", "global x", "x, y = y, x", "x = np.abs(x)", "x[x < -1] = -1", "y = x; y[0] = 2.0",
]  # fmt: skip
_WRAPS = [
    "if training:\n{}",
    "for _ in range(2):\n{}",
    "try:\n{}\nfinally:\n    pass",
    "with np.errstate(all='ignore'):\n{}",
]


def snippets() -> list[str]:
    """Return everything that is mutated."""
    return [row["snippet"] for row in rows("few_lines.jsonl")]


def mutant(random_: random.Random, sources: list[str]) -> str:
    """Return one snippet with one to three changes."""
    snippet = random_.choice(sources)
    for _ in range(random_.randint(1, 3)):
        lines = snippet.splitlines()
        at = random_.randrange(len(lines))
        choice = random_.randrange(7)
        if choice <= 1:
            pattern, new = random_.choice(_SWAPS)
            found = list(re.finditer(pattern, snippet))
            if found:
                place = random_.choice(found)
                snippet = snippet[: place.start()] + place.expand(new) + snippet[place.end() :]
            continue
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        if choice == 2:
            lines.insert(at, indent + random_.choice(_INSERTED))
        elif choice == 3 and len(lines) > 1:
            del lines[at]
        elif choice == 4:
            other = random_.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif choice == 5:
            last = random_.randint(at, len(lines) - 1)
            block = textwrap.indent(textwrap.dedent("\n".join(lines[at : last + 1])), "    ")
            lines[at : last + 1] = random_.choice(_WRAPS).format(block).splitlines()
        else:
            extra = [line for line in random_.choice(sources).splitlines() if not line.startswith("return")]
            lines[at:at] = extra
        snippet = "\n".join(lines)
    return snippet


def check(snippet: str) -> bool:
    """Check one snippet; return whether it was rewritten."""
    row: dict[str, Any] = {"snippet": snippet, "prelude": _PRELUDE}
    try:
        text = module(row)
        compile(text, "<mutant>", "exec")
    except (SyntaxError, ValueError):
        rewrite_broken(f"import numpy as np\n{snippet}\n")
        return False
    result = rewrite(text, unsafe_fixes=True)
    ast.parse(result.text)
    again = rewrite(result.text, unsafe_fixes=True).text
    assert again == result.text, f"{text}\n--- once\n{result.text}\n--- twice\n{again}"
    if not result.fixed:
        assert result.text == text
        return False
    try:
        old = _limited(text, snippet)
    except Exception:
        return True
    shown = f"{text}\n--- becomes\n{result.text}"
    try:
        new = _limited(result.text, snippet)
    except Exception as error:
        raise AssertionError(f"{error!r}\n{shown}") from error
    different = _difference(old, new)
    if different and any("below 0" in r and "takes another branch" in r for f in result.fixed for r in f.reasons):
        # The summary names slopes below 0, which the other sign of alpha makes positive.
        different = _difference(*(_limited(code, snippet, -SLOPE) for code in (text, result.text)))
    assert not different, f"{different}\n{shown}"
    return True


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Return what differs between two results, empty if nothing does."""
    for name in old.keys() | new.keys():
        a, b = old.get(name), new.get(name)
        try:
            np.testing.assert_allclose(np.asarray(b, float), np.asarray(a, float), rtol=1e-5, atol=1e-12)
        except (AssertionError, TypeError, ValueError) as error:
            return f"{name}: {error}"
    return ""


def _limited(text: str, snippet: str, slope: float = SLOPE) -> dict[str, Any]:
    """Run a function that may have become an endless loop."""
    lines = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal lines
        if frame.f_code.co_filename != "<snippet>":
            return None
        lines += 1
        if lines > _MOST_LINES:
            raise TimeoutError
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return run(text, snippet, X, GRAD, slope)
    finally:
        sys.settrace(before)


def rewrite_broken(text: str) -> None:
    """Code that does not parse is refused by a SyntaxError and nothing else."""
    try:
        rewrite(text, unsafe_fixes=True)
    except SyntaxError:
        return


def mutants(seed: int, count: int) -> Iterator[str]:
    """Yield ``count`` snippets of a seed."""
    random_ = random.Random(seed)
    sources = snippets()
    for _ in range(count):
        yield mutant(random_, sources)
