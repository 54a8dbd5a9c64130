"""Python files on disk: found, decoded as their coding cookie says, and replaced in one step."""

from __future__ import annotations

import os
import stat
import tempfile
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})


@dataclass(frozen=True)
class Decoded:
    """The text of a file and the way back to its bytes."""

    text: str
    encoding: str

    def encode(self, text: str) -> bytes:
        """Return ``text`` as the file stores it, byte order mark included."""
        return text.encode(self.encoding)


def decode(data: bytes) -> Decoded:
    """Decode source by its byte order mark or PEP 263 cookie; line ends stay as they are.

    Raises
    ------
    SyntaxError
        If the cookie names no encoding, or contradicts the byte order mark.
    UnicodeDecodeError
        If the bytes are not in that encoding.
    """
    encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
    text = data.decode(encoding)
    if "\0" in text:
        raise SyntaxError("null bytes")
    return Decoded(text, encoding)


def python_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files named, and the ``*.py`` and ``*.ipynb`` files below the directories named, each once.

    Hidden directories, virtual environments and caches are passed over. A path that does not
    exist is yielded, too: opening it gives the error to report.
    """
    seen: set[Path] = set()
    for path in paths:
        for file in _below(path) if path.is_dir() else [path]:
            real = file.resolve()
            if real not in seen:
                seen.add(real)
                yield file


def _below(directory: Path) -> Iterator[Path]:
    for root, directories, files in os.walk(directory):
        directories[:] = sorted(
            name
            for name in directories
            if not name.startswith(".")
            and name not in _SKIPPED
            and not os.path.exists(os.path.join(root, name, "pyvenv.cfg"))
        )
        yield from (Path(root, name) for name in sorted(files) if name.endswith((".py", ".ipynb")))


def local_packages(file: Path) -> frozenset[str]:
    """Return the packages and modules of the project that ``file`` is part of."""
    root = file.resolve().parent
    while (root / "__init__.py").exists() and root.parent != root:
        root = root.parent
    found = {file.resolve().stem}
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                found.add(entry.name.removesuffix(".py"))
            elif entry.is_dir() and os.path.exists(os.path.join(entry.path, "__init__.py")):
                found.add(entry.name)
    return frozenset(found)


def replace_file(path: Path, data: bytes, expected: bytes) -> None:
    """Replace a file's content in one step; mode bits stay, a symbolic link keeps pointing.

    Parameters
    ----------
    path : Path
        The file, or a link to it.
    data : bytes
        The new content.
    expected : bytes
        The content that ``data`` was made from.

    Raises
    ------
    OSError
        If the file cannot be written, or no longer holds ``expected``.
    """
    target = path.resolve()
    status = target.stat()
    if not os.access(target, os.W_OK):
        raise PermissionError(13, "Permission denied", str(path))
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, stat.S_IMODE(status.st_mode))
        if target.read_bytes() != expected:
            raise OSError(f"{path} changed while it was being rewritten")
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
