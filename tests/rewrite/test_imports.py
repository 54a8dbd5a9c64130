"""``import fastlrelu`` lands once, where isort (ruff's I rules) would put it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fastlrelu.rewrite.fixes import rewrite

USE = "\ny = np.where(x > 0, x, a * x)\n"
LINE = "import fastlrelu\n"
# Each head with a bar where the new line belongs.
HEADS = [
    "|import numpy as np\n",
    "import ast\nimport sys\n\n|import numpy as np\n",
    "import cupy\nimport dask.array\n|import numpy as np\nimport scipy\n",
    "import attrs\n|import numpy as np\nfrom scipy import linalg\n",
    '"""Doc."""\n\nfrom __future__ import annotations\n\nimport os\n\n|import numpy as np\n',
    "#!/usr/bin/env python\n# licence\n\n|import numpy as np\n",
    "import os\n\n|import numpy as np  # arrays\n\nfrom . import layers\nfrom .base import Layer\n",
    "import os\n\nimport dask\nimport fastapi\n|import numpy as np\nimport pandas as pd\n",
]


@pytest.mark.parametrize("head", HEADS)
def test_the_import_is_sorted(head):
    new = rewrite(head.replace("|", "") + USE).text
    assert new.startswith(head.replace("|", LINE))
    assert new.count(LINE) == 1


FROM_ONLY = [
    ("|from numpy import where\n", "|"),
    ("import os\n\n|from numpy import where\n", "|"),
    ("import os\n\nimport attrs\n|from numpy import where\n", "|"),
]


@pytest.mark.parametrize(("head", "bar"), FROM_ONLY)
def test_a_plain_import_goes_before_from_imports(head, bar):
    use = "\n\ny = where(x > 0, x, a * x)\n"
    assert rewrite(head.replace(bar, "") + use).text.startswith(head.replace(bar, LINE))


def test_numpy_inside_a_function_or_try():
    function = '"""Doc."""\n\n\ndef f(x, a):\n    import numpy as np\n    return np.where(x > 0, x, a * x)\n'
    assert rewrite(function).text.startswith('"""Doc."""\n\nimport fastlrelu\n\n\ndef f(x, a):')
    guarded = "import os\n\ntry:\n    import numpy as np\nexcept ImportError:\n    raise\n" + USE
    assert rewrite(guarded).text.startswith("import os\n\nimport fastlrelu\n\ntry:\n")


def test_without_any_top_level_import():
    text = "# licence\ndef f(x, a):\n    import numpy as np\n    return np.where(x > 0, x, a * x)\n"
    assert rewrite(text).text.startswith("# licence\nimport fastlrelu\n\ndef f(x, a):")


def test_a_project_s_own_package_comes_last():
    head = "import os\n\nimport layers\n"
    use = "\n\ndef f(x, a):\n    import numpy as np\n    return np.where(x > 0, x, a * x)\n"
    new = rewrite(head + use, local=frozenset({"layers"})).text
    assert new.startswith("import os\n\nimport fastlrelu\n\nimport layers\n")


def test_an_import_that_is_there_is_used():
    text = "import fastlrelu\nimport numpy as np\n" + USE
    assert rewrite(text).text.count("import fastlrelu") == 1


@pytest.mark.parametrize("head", HEADS)
def test_ruff_finds_nothing_to_sort(head, tmp_path):
    beside = Path(sys.executable).with_name("ruff")
    ruff = str(beside) if beside.exists() else shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed")
    file = tmp_path / "m.py"
    file.write_text(rewrite(head.replace("|", "") + USE).text)
    command = [ruff, "check", "--isolated", "--no-cache", "--select", "I", str(file)]
    assert subprocess.run(command, capture_output=True, cwd=tmp_path, check=False).returncode == 0
