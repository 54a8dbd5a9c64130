"""One wheel, installed into a folder of its own, and one tiny run of it in an empty folder, for all tests here."""

import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser import IN_CI

REPOSITORY = Path(__file__).resolve().parents[2]

# A numexpr that computes something else, and a numba that cannot be imported.
WRONG_NUMEXPR = """
__version__ = "0.0.wrong"
def set_num_threads(n): pass
def evaluate(expression, names, out=None): return names["x"] * 0.5
"""
BROKEN_NUMBA = "raise ImportError('broken on purpose')\n"


def outside_of_tests():
    """The environment without what pytest-xdist says to its processes: pytest-benchmark measures nothing in those."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}


@dataclass
class Answer:
    """What a command said, and where it ran."""

    status: int
    out: str
    errors: str
    folder: Path


@dataclass
class Installed:
    """The package as installed from a wheel."""

    site: Path

    def command(self, *arguments):
        return [sys.executable, "-m", "fastlrelu", *arguments]

    def environment(self, *folders):
        # Before the source tree, should that be installed as well.
        path = os.pathsep.join(str(folder) for folder in (*folders, self.site))
        # As a user has it: no progress bar in colours, no settings of this test run.
        mine = {"PYTHONPATH": path, "PYTEST_ADDOPTS": "--no-such-option", "COLUMNS": "80"}
        return {**outside_of_tests(), **mine}

    def run(self, *arguments, folder, first=(), timeout=90):
        done = subprocess.run(
            self.command(*arguments),
            cwd=folder,
            env=self.environment(*first),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr, Path(folder))


def _wheel(folder):
    """The wheel that CI built, or one built now."""
    given = os.environ.get("FASTLRELU_WHEEL")
    if given:
        return given
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(folder),
        str(REPOSITORY),
    ]
    if importlib.util.find_spec("Cython") and importlib.util.find_spec("wheel"):
        # What builds is here already: no second copy of it from the index.
        command.append("--no-build-isolation")
    built = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if built.returncode != 0:
        message = f"no wheel: {built.stderr.strip().splitlines()[-1:]}"
        pytest.fail(message) if IN_CI else pytest.skip(message)
    return next(str(path) for path in folder.glob("*.whl"))


@pytest.fixture
def environment():
    return outside_of_tests()


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    site = folder / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", str(site)]
    subprocess.run([*command, _wheel(folder)], check=True, capture_output=True, timeout=100)
    return Installed(site)


@pytest.fixture(scope="session")
def tiny_run(installed, tmp_path_factory):
    """The command, in an empty folder, against NumPy, a library that is broken and one that is wrong."""
    folder = tmp_path_factory.mktemp("empty")
    fakes = tmp_path_factory.mktemp("fakes")
    (fakes / "numexpr.py").write_text(WRONG_NUMEXPR)
    (fakes / "numba.py").write_text(BROKEN_NUMBA)
    choices = ["--quick", "--sizes", "1,2^12", "--dtypes", "float32,bfloat16", "--threads", "1"]
    return installed.run(
        "bench", *choices, "--against", "maximum,numexpr,numba", "--plots", folder=folder, first=[fakes]
    )
