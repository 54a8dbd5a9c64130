"""Docstrings and papers: every public name is documented, every example runs, the README keeps its promises."""

import doctest
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import fastlrelu as fl

ROOT = Path(__file__).parent.parent
OPERATIONS = ROOT / "fastlrelu" / "kernels" / "operations.h"
PUBLIC = [name for name in fl.__all__ if name != "__version__"]


@pytest.mark.skipif(not OPERATIONS.exists(), reason="the package is installed without its sources")
def test_every_operation_of_the_kernels_is_public():
    source = OPERATIONS.read_text()
    operations = re.findall(r"^(?:OPERATION|FACTOR)\d\((\w+),", source, re.MULTILINE)
    ufuncs = [name for name in fl.__all__ if isinstance(getattr(fl, name), np.ufunc)]
    assert sorted(operations) == sorted(ufuncs)


@pytest.mark.parametrize("name", PUBLIC)
def test_docstrings_follow_numpydoc(name):
    text = inspect.getdoc(getattr(fl, name))
    takes_arguments = name not in ("config", "show_config", "get_num_threads", "release_memory")
    for heading in ("Parameters", "Raises") if takes_arguments else ():
        assert f"{heading}\n{'-' * len(heading)}\n" in text
    assert re.search(r"^(Returns|See Also|Examples|Attributes)\n-+$", text, re.MULTILINE)


@pytest.mark.parametrize("name", PUBLIC)
def test_docstring_examples_run(name):
    examples = doctest.DocTestParser().get_doctest(
        inspect.getdoc(getattr(fl, name)), {}, name, filename=None, lineno=None
    )
    failed, _ = doctest.DocTestRunner().run(examples)
    assert not failed


def test_readme_is_short_and_its_examples_run():
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) <= 150
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert blocks
    namespace = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)


def test_readme_names_every_public_name():
    readme = (ROOT / "README.md").read_text()
    assert [name for name in PUBLIC if f"`{name}" not in readme] == []
