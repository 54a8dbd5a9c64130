"""Files keep their encoding, mode bits and links, and are never half written."""

from __future__ import annotations

import os
import stat

import pytest

from fastlrelu.rewrite import files
from fastlrelu.rewrite.files import decode, local_packages, python_files, replace_file


def test_a_cookie_and_a_mark_are_kept():
    for data in (b"# coding: latin-1\ns = '\xe9'\n", b"\xef\xbb\xbfs = '\xc3\xa9'\n"):
        decoded = decode(data)
        assert "é" in decoded.text
        assert decoded.encode(decoded.text) == data


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"s = '\xe9'\n", (SyntaxError, UnicodeDecodeError)),
        (b"# coding: klingon\n", SyntaxError),
        ("s = 1\n".encode("utf-16"), (SyntaxError, UnicodeDecodeError)),
        (b"s = 1\0\n", SyntaxError),
    ],
)
def test_what_cannot_be_decoded_is_an_error(data, error):
    with pytest.raises(error):
        decode(data)


def test_directories_are_walked_in_order_and_caches_passed_over(tmp_path):
    for name in ("b.py", "a/c.py", "a/d.txt", ".hidden/e.py", "__pycache__/f.py", "env/g.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "env" / "pyvenv.cfg").touch()
    found = python_files([tmp_path, tmp_path / "b.py", tmp_path / "a" / "d.txt"])
    assert [path.name for path in found] == ["b.py", "c.py", "d.txt"]


def test_the_packages_of_the_project(tmp_path):
    package = tmp_path / "net" / "layers"
    package.mkdir(parents=True)
    for path in (tmp_path / "net" / "__init__.py", package / "__init__.py", tmp_path / "run.py"):
        path.touch()
    assert local_packages(package / "dense.py") == {"net", "run", "dense"}


def test_mode_and_links_stay(tmp_path):
    target = tmp_path / "real" / "m.py"
    target.parent.mkdir()
    target.write_bytes(b"old")
    target.chmod(0o754)
    link = tmp_path / "link.py"
    link.symlink_to(target)
    replace_file(link, b"new", b"old")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o754


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "m.py"
    path.write_bytes(b"old")

    def refuse(*_):
        raise OSError("disk full")

    monkeypatch.setattr(files.os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        replace_file(path, b"new", b"old")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["m.py"]


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "m.py"
    path.write_bytes(b"edited")
    with pytest.raises(OSError, match="changed while"):
        replace_file(path, b"new", b"old")
    assert path.read_bytes() == b"edited"
    assert os.listdir(tmp_path) == ["m.py"]
