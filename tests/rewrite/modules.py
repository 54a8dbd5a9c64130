"""Snippets of the data files as whole modules."""

from __future__ import annotations

import json
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

from fastlrelu.rewrite.fixes import Rewritten
from fastlrelu.rewrite.fixes import rewrite as _rewrite

HERE = Path(__file__).parent
NUMPY = "import numpy as np\nimport numpy\n"
# What np is in those snippets of the corpus whose note says that it is not NumPy.
OTHER_NUMPY = {"c195": "from trax.math import numpy as np\n", "c196": "import jax.numpy as np\n"}


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / name).read_text().splitlines()]


def module(row: dict[str, Any]) -> str:
    prelude = row.get("prelude") or OTHER_NUMPY.get(row["id"], NUMPY)
    return f"{prelude}\n\ndef f():\n{textwrap.indent(row['snippet'], '    ')}\n"


@cache
def rewrite(text: str, *, unsafe_fixes: bool = False) -> Rewritten:
    """Rewrite a module; several tests look at the same result."""
    return _rewrite(text, unsafe_fixes=unsafe_fixes)
