"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .choices import UsageError


def _temporary(folder: Path, name: str) -> tuple[int, Path]:
    descriptor, path = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    return descriptor, Path(path)


def make_folder(folder: Path) -> None:
    """Make a folder, unless it is there, and see that files can be written to it.

    Raises
    ------
    UsageError
        If they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, path = _temporary(folder, "writable")
        os.close(descriptor)
        path.unlink()
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror or error}") from None


def write_all(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files, all to temporary ones first; only when that is done do they take the place of older ones.

    Raises
    ------
    UsageError
        If they cannot be written; older files are then as they were.
    """
    written: dict[str, Path] = {}
    try:
        for name, text in texts.items():
            descriptor, path = _temporary(folder, name)
            written[name] = path
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            # mkstemp makes files that nobody else may read.
            path.chmod(0o644)
        for name in written:
            if (folder / name).is_dir():
                raise UsageError(f"cannot write to {folder}: {name} is a folder")
        for name, path in written.items():
            path.replace(folder / name)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror or error}") from None
    finally:
        for path in written.values():
            path.unlink(missing_ok=True)
