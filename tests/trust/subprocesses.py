"""Python programs in processes of their own, so that a hang or a crash there is a failure here."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

_HERE = Path(__file__).resolve().parent
PYTHONPATH = os.pathsep.join(map(str, [_HERE.parents[1], _HERE.parent, _HERE]))

# Any call of 256 KiB and more goes to the team: what is proved is the team, not the choice.
ALWAYS_PARALLEL = {"FASTLRELU_PARALLEL_BYTES": str(256 << 10)}


def run_python(code, timeout=40, arguments=(), prefix=(), **environment):
    """Run `code`; AssertionError with what it wrote unless it ends in time with status 0. Returns its output."""
    process = subprocess.Popen(
        [*prefix, sys.executable, *arguments, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": PYTHONPATH, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        # Its children too, which hold the pipes open.
        os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        raise AssertionError(f"no end after {timeout} s\n{output}\n{errors}") from None
    assert process.returncode == 0, f"exit status {process.returncode}\n{output}\n{errors}"
    return output
