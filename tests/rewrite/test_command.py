"""The command line: modes, exit codes, standard input, the summary."""

from __future__ import annotations

import argparse
import io
import os
import sys

import pytest

from fastlrelu.rewrite.command import add_arguments, run

OLD = "import numpy as np\n\ny = np.where(x > 0, x, a * x)\nz = np.maximum(x, a * x)\n"
NEW = "import fastlrelu\nimport numpy as np\n\ny = fastlrelu.leaky_relu(x, a)\nz = np.maximum(x, a * x)\n"
BOLD = NEW.replace("np.maximum(x, a * x)", "fastlrelu.leaky_relu(x, a)")


@pytest.fixture
def call(capfd, monkeypatch):
    def call(*arguments, stdin=b""):
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run(parser.parse_args([str(argument) for argument in arguments]))
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "m.py"
    path.write_text(OLD)
    return path


def test_a_diff_is_printed_and_nothing_written(call, file):
    code, out, err = call("m.py")
    assert code == 0
    assert file.read_text() == OLD
    assert out.startswith("--- a/m.py\n+++ b/m.py\n@@ -1,4 +1,5 @@\n+import fastlrelu\n")
    assert "-y = np.where(x > 0, x, a * x)\n+y = fastlrelu.leaky_relu(x, a)\n" in out
    assert "m.py:3: would rewrite: where: np.where(x > 0, x, a * x) -> fastlrelu" in err
    assert "m.py:4: unsafe, left without --unsafe-fixes: maximum: " in err
    assert "slopes over 1" in err
    assert err.splitlines()[-1].startswith("1 file, 2 found")


def test_write(call, file):
    assert call("--write", file)[0] == 0
    assert file.read_text() == NEW
    code, out, err = call("--write", "--unsafe-fixes", file)
    assert (code, out) == (0, "")
    assert file.read_text() == BOLD
    assert "rewritten (unsafe): maximum" in err


def test_check(call, file):
    assert call("--check", file)[0] == 1
    assert file.read_text() == OLD
    file.write_text(NEW)
    assert call("--check", file)[0] == 0
    assert call("--check", "--unsafe-fixes", file)[0] == 1


def test_crlf_and_a_cookie_through_the_command(call, file):
    data = ("# -*- coding: latin-1 -*-\n" + OLD + "s = 'é'\n").replace("\n", "\r\n")
    file.write_bytes(data.encode("latin-1"))
    assert call("--write", file)[0] == 0
    new = ("# -*- coding: latin-1 -*-\n" + NEW + "s = 'é'\n").replace("\n", "\r\n")
    assert file.read_bytes() == new.encode("latin-1")


def test_standard_input(call):
    code, out, _ = call("-", stdin=OLD.encode())
    assert code == 0
    assert out.startswith("--- a/stdin\n")
    crlf = [text.replace("\n", "\r\n") for text in (OLD, NEW)]
    assert call("-", "--write", stdin=crlf[0].encode())[1] == crlf[1]
    assert call("-", "--check", stdin=OLD.encode())[0] == 1
    assert call("-", "--write", stdin=b"x = = 1\n")[1] == "x = = 1\n"


def test_a_broken_file_is_named_and_left_alone(call, file, tmp_path):
    bad, latin = tmp_path / "bad.py", tmp_path / "latin.py"
    bad.write_text("import numpy\nx = (numpy.maximum\n")
    latin.write_bytes(b"s = '\xe9'\n")
    code, _, err = call("--write", tmp_path)
    assert code == 0
    assert "bad.py: left alone: not Python: '(' was never closed at line 2" in err
    assert "latin.py: left alone: " in err
    assert bad.read_text() == "import numpy\nx = (numpy.maximum\n"
    assert file.read_text() == NEW


def test_a_path_that_does_not_exist_fails(call, file):
    code, _, err = call("--check", "nowhere.py", file)
    assert code == 2
    assert "error: nowhere.py: No such file or directory" in err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anything")
def test_a_file_that_may_not_be_written_fails(call, file):
    file.chmod(0o444)
    code, _, err = call("--write", file)
    assert code == 2
    assert "m.py: not written: Permission denied" in err
    assert file.read_text() == OLD


def test_wrong_usage_exits_with_two(call):
    for arguments in ([], ["--check", "--write", "m.py"], ["--fast", "m.py"]):
        with pytest.raises(SystemExit) as caught:
            call(*arguments)
        assert caught.value.code == 2


def test_verify_prints_the_proof(call, file):
    _, _, err = call("--verify", file)
    assert "m.py:3: verify: same bits and dtype" in err
    assert "m.py:4: verify: differs: float16, slope 0.0: x = inf gave nan, gives inf" in err


def test_quiet_prints_the_diff_alone(call, file):
    _, out, err = call("--quiet", file)
    assert out.startswith("---")
    assert err == ""


def test_left_entries_say_why(call, file):
    file.write_text("import cupy as np\n\ny = np.where(x > 0, x, a * x)\n")
    code, out, err = call("--check", file)
    assert (code, out) == (0, "")
    assert "m.py:3: left: where: np.where(x > 0, x, a * x) (np is not NumPy here: cupy)" in err
