"""What is not a leaky ReLU stays byte for byte: comments, spacing, line ends, other names."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastlrelu.rewrite.fixes import diff, rewrite

IMPORTS = "import fastlrelu\nimport numpy as np\n"


def bold(text):
    return rewrite(text, unsafe_fixes=True).text


def test_comments_and_spacing_survive():
    old = (
        "import numpy as np\n"
        "x  =  [ 1,2 ]   # odd spacing\n\n\n\n"
        "def f( x,a ):   # why\n"
        "\ty = np.where( x>0 , x , a*x )  # leaks\n"
        "\treturn   y ;  # done\n"
        "# the end"
    )
    new = old.replace("import numpy", "import fastlrelu\nimport numpy")
    assert bold(old) == new.replace("np.where( x>0 , x , a*x )", "fastlrelu.leaky_relu(x, a)")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_survive(end):
    old = "import numpy as np\n\ny = np.where(x > 0, x, a * x)\nz = 1\n".replace("\n", end)
    new = IMPORTS + "\ny = fastlrelu.leaky_relu(x, a)\nz = 1\n"
    assert bold(old) == new.replace("\n", end)


def test_mixed_line_ends_and_form_feeds_survive():
    old = "import numpy as np\r\n\x0c\nx = 'a\x0cb\x1cc'\r\ny = np.where(x > 0, x, a * x)\n"
    new = bold(old)
    assert new.startswith("import fastlrelu\r\nimport numpy as np\r\n\x0c\nx = 'a\x0cb\x1cc'\r\n")
    assert new.endswith("y = fastlrelu.leaky_relu(x, a)\n")


def test_non_ascii_text_before_the_expression():
    old = "import numpy as np\né, y = 'naïve 漢字 🙂', np.where(x > 0, x, é * x)\n"
    assert bold(old).endswith("é, y = 'naïve 漢字 🙂', fastlrelu.leaky_relu(x, é)\n")


def test_an_expression_over_lines():
    old = "import numpy as np\ny = np.where(\n    h[0] > 0,\n    h[0],\n    self.a * h[0],\n)  # end\n"
    assert bold(old) == IMPORTS + "y = fastlrelu.leaky_relu(h[0], self.a)  # end\n"


def test_a_comment_inside_keeps_the_expression():
    old = "import numpy as np\ny = np.where(x > 0,  # above\n             x, a * x)\n"
    result = rewrite(old, unsafe_fixes=True)
    assert result.text == old
    assert result.findings[0].reasons == ["a comment stands inside it"]


def test_comments_of_removed_lines_stay():
    old = "import numpy as np\ny = x.copy()  # a copy\n# now leak\n\ny[y < 0] *= 0.1  # in place\n"
    new = IMPORTS + "# a copy\n# now leak\n\ny = fastlrelu.leaky_relu(x, 0.1)  # in place\n"
    assert bold(old) == new


@pytest.mark.parametrize("between", ["n = y.shape[0]", "k = f(y)", "g(y)", "y = h(y)"])
def test_a_line_that_something_reads_stays(between):
    new = bold(f"import numpy as np\ny = np.copy(x)\n{between}\ny[y < 0] *= 0.1\n")
    assert new == IMPORTS + f"y = np.copy(x)\n{between}\nfastlrelu.leaky_relu(y, 0.1, out=y)\n"


def test_an_array_that_the_slope_is_read_from_is_read_before_it_is_copied():
    new = bold("import numpy as np\ny = np.copy(x)\ny[y < 0] *= y.dtype.type(0.1)\n")
    assert new == IMPORTS + "y = fastlrelu.leaky_relu(x, x.dtype.type(0.1))\n"


def test_statements_on_one_line():
    old = "import numpy as np\nif c: y = x.copy(); y[y < 0] *= 0.1; z = y\n"
    assert bold(old) == IMPORTS + "if c: y = fastlrelu.leaky_relu(x, 0.1); z = y\n"


def test_several_in_one_file_and_one_inside_another():
    old = (
        "import numpy as np\n"
        "y = np.where(np.where(x > 0, x, a * x) > 0, x, b)\n"
        "y, z = np.maximum(x, 0.1 * x), [np.where(v > 0, v, a * v) for v in w]\n"
    )
    new = (
        IMPORTS + "y = np.where(fastlrelu.leaky_relu(x, a) > 0, x, b)\n"
        "y, z = fastlrelu.leaky_relu(x, 0.1), [fastlrelu.leaky_relu(v, a) for v in w]\n"
    )
    assert bold(old) == new


def test_a_name_that_is_taken_keeps_the_file():
    for line in ("fastlrelu = 1", "def fastlrelu(): pass", "import torch as fastlrelu"):
        old = f"import numpy as np\n{line}\ny = np.where(x > 0, x, a * x)\n"
        result = rewrite(old)
        assert result.text == old
        assert result.findings[0].reasons == ["the file uses the name fastlrelu for something else"]


def test_a_file_without_the_words_is_not_even_parsed():
    assert rewrite("x = 1\n").findings == []
    assert rewrite("import numpy as np\nx = = 1\n").findings == []
    with pytest.raises(SyntaxError):
        rewrite("import numpy as np\nx = = np.maximum(x, 0)\n")


def test_escapes_that_python_warns_about():
    old = "import numpy as np\ns = '\\d'\ny = np.where(x > 0, x, a * x)\n"
    assert "fastlrelu.leaky_relu" in bold(old)


def test_a_diff_applies_with_crlf_and_without_a_last_line_end():
    text = diff("a\r\nb\x0cc", "a\r\nd", "/tmp/f.py")
    assert text.splitlines(keepends=True)[:2] == ["--- a/tmp/f.py\n", "+++ b/tmp/f.py\n"]
    assert text.endswith(" a\r\n-b\x0cc\n\\ No newline at end of file\n+d\n\\ No newline at end of file\n")


OPERANDS = st.sampled_from(["x", "self.z", "h[0]", "cache['Z']", "(a + b)", "x[:, None]", "-x"])
SLOPES = st.sampled_from(["0.1", "alpha", "self.slope", "1e-4", "(1 / 5.5)", "w[None]", "-0.5"])
SPACES = st.sampled_from(["", " ", "  ", "\n        ", "\t"])


@given(
    OPERANDS,
    SLOPES,
    st.sampled_from([">", ">=", "<", "<="]),
    st.booleans(),
    st.booleans(),
    st.lists(SPACES, min_size=6, max_size=6),
)
def test_any_spelling_of_where_is_found(x, slope, op, zero_first, slope_first, spaces):
    flipped = {">": "<", ">=": "<=", "<": ">", "<=": ">="}[op]
    mask = f"0{spaces[0]}{flipped}{spaces[1]}{x}" if zero_first else f"{x}{op}{spaces[0]}0"
    product = f"{slope}{spaces[2]}*{x}" if slope_first else f"{x}{spaces[2]}*{spaces[3]}{slope}"
    branches = [x, product] if op in (">", ">=") else [product, x]
    call = f"np.where({mask},{spaces[4]}{branches[0]},{branches[1]}{spaces[5]})"
    new = bold(f"import numpy as np\ny = {call}\n")
    written = ast.unparse(ast.parse(f"y = fastlrelu.leaky_relu({x}, {slope})"))
    assert ast.unparse(ast.parse(new)).endswith(written)
