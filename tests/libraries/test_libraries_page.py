"""docs/libraries.md: every example runs, in a process of its own, and every program that it names is there."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "libraries.md").read_text()
SECTIONS = re.findall(r"^## (.*?)\n.*?```python\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
LARGE = {"Keras 3 on NumPy": ("keras", "jax"), "Sparse arrays": ("sparse",)}


def test_every_section_has_an_example():
    assert [title for title, _ in SECTIONS] == re.findall(r"^## (.*)$", PAGE, re.MULTILINE)


@pytest.mark.timeout(70)
@pytest.mark.parametrize(("title", "code"), SECTIONS, ids=[title for title, _ in SECTIONS])
def test_an_example_runs(child, title, code):
    for name in LARGE.get(title, ()):
        if find_spec(name) is None:
            pytest.skip(f"without {name}, which the extra test-libraries has")
    child("-W", "error", "-c", code)


def test_every_program_is_there():
    programs = re.findall(r"`(\w+\.py)` \|$", PAGE, re.MULTILINE)
    assert len(programs) == 8
    assert [name for name in programs if not (ROOT / "examples" / name).exists()] == []
