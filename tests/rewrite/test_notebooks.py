"""Notebooks: the source of cells changes, and no other byte."""

from __future__ import annotations

import argparse
import json

import pytest

from fastlrelu.rewrite.command import add_arguments, run
from fastlrelu.rewrite.notebooks import NotANotebook, rewrite_notebook

OUTPUT = {
    "data": {"text/plain": ["1e5 \u2014 np.where(x > 0, x, a * x)"]},
    "output_type": "execute_result",
    "metadata": {},
}


def cell(*lines, kind="code", **fields):
    code = {"execution_count": 3, "outputs": [OUTPUT]} if kind == "code" else {}
    return {"cell_type": kind, **code, "metadata": {"tags": ["x"]}, "source": list(lines), **fields}


def notebook(*cells, **metadata):
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def text(*cells, indent=1, end="\n", ascii_only=False, **metadata):
    return json.dumps(notebook(*cells, **metadata), indent=indent, ensure_ascii=ascii_only) + end


def sources(new):
    return ["".join(cell["source"]) for cell in json.loads(new)["cells"]]


IMPORT = cell("import numpy as np\n", "import os")
USE = cell("# forward\n", "y = np.where(x > 0, x, a * x)\n", "print('\u00e9', y)")


@pytest.mark.parametrize("indent", [1, 2, None])
@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_only_the_lines_of_code_change(indent, end, ascii_only):
    how = {"indent": indent, "end": end, "ascii_only": ascii_only}
    old = text(cell("# np.where(x > 0, x, a * x)", kind="markdown"), IMPORT, USE, **how)
    result = rewrite_notebook(old)
    import_line = cell("import fastlrelu\n", "import numpy as np\n", "import os")
    new_use = cell("# forward\n", "y = fastlrelu.leaky_relu(x, a)\n", "print('\u00e9', y)")
    assert result.text == text(cell("# np.where(x > 0, x, a * x)", kind="markdown"), import_line, new_use, **how)
    (finding,) = result.fixed
    assert (finding.cell, finding.line, finding.column) == (3, 2, 5)
    assert rewrite_notebook(result.text).text == result.text


def test_a_source_that_is_one_string():
    old = text({**USE, "source": "import numpy as np\ny = np.where(x > 0, x, a * x)"})
    assert sources(rewrite_notebook(old).text) == [
        "import fastlrelu\nimport numpy as np\ny = fastlrelu.leaky_relu(x, a)"
    ]


def test_magics_are_left_alone():
    lines = (
        "%matplotlib inline\n",
        "import numpy as np\n",
        "!ls -l\n",
        "files = !ls\n",
        "np.where?\n",
        "%time z = 1\n",
    )
    use = ("%%time\n", "y = np.where(x > 0, x, a * x)")
    shell = ("%%bash\n", "y = np.where(x > 0, x, a * x)")
    new = rewrite_notebook(text(cell(*lines), cell(*use), cell(*shell))).text
    assert sources(new) == [
        "".join(lines).replace("import", "import fastlrelu\nimport", 1),
        "%%time\ny = fastlrelu.leaky_relu(x, a)",
        "".join(shell),
    ]


def test_the_remainder_operator_at_the_start_of_a_line_is_no_magic():
    use = ("import numpy as np\n", "k = (a\n", "     % b)\n", "y = np.where(x > 0, x, k * x)")
    assert "% b)\ny = fastlrelu.leaky_relu(x, k)" in sources(rewrite_notebook(text(cell(*use))).text)[0]


def test_no_value_is_followed_into_another_cell():
    mask = cell("import numpy as np\n", "mask = x > 0")
    use = cell("y = np.where(mask, x, a * x)")
    assert rewrite_notebook(text(mask, use), unsafe_fixes=True).fixed == []
    together = cell("mask = x > 0\n", "y = np.where(mask, x, a * x)")
    assert len(rewrite_notebook(text(mask, together)).fixed) == 1


def test_a_cell_that_does_not_parse_is_passed_over():
    old = text(cell("import numpy as np\n"), cell("y = np.where(x > 0, x, a * x"), USE)
    new = sources(rewrite_notebook(old).text)
    assert new[1] == "y = np.where(x > 0, x, a * x"
    assert "fastlrelu.leaky_relu(x, a)" in new[2]


def test_another_language_is_left_alone():
    old = text(IMPORT, USE, kernelspec={"language": "julia", "name": "julia"})
    assert rewrite_notebook(old).text == old


@pytest.mark.parametrize("broken", ["", "{", '{"cells": 3}', "[1, 2]", '{"cells": []} x', '{"cells": [1,]}', "\\"])
def test_what_is_no_notebook_is_said_so(broken):
    with pytest.raises(NotANotebook):
        rewrite_notebook(broken)


def test_the_command_takes_notebooks(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.ipynb"
    old = text(IMPORT, USE)
    path.write_text(old, encoding="utf-8")
    (tmp_path / "bad.ipynb").write_text("{")
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args([".", "--write"])) == 0
    err = capfd.readouterr().err
    assert "a.ipynb:cell 2:2: rewritten: where: " in err
    assert "bad.ipynb: left alone: not a notebook: " in err
    assert path.read_text(encoding="utf-8") == rewrite_notebook(old).text
