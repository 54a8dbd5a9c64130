"""What is done for one file, here or in another process: read, searched, rewritten in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from fastlrelu.rewrite.files import Decoded, decode, local_packages
from fastlrelu.rewrite.fixes import Rewritten, diff, rewrite
from fastlrelu.rewrite.notebooks import NotANotebook, rewrite_notebook
from fastlrelu.rewrite.search import Finding


@dataclass(frozen=True)
class Options:
    """What a search has to know of the command line."""

    unsafe_fixes: bool = False
    verify: bool = False


@dataclass(frozen=True)
class Entry:
    """One finding, without its syntax tree.

    Attributes
    ----------
    line, column : int
        Where it starts, from 1; in a notebook, within its cell.
    cell : int
        The cell of a notebook, from 1; 0 in a file.
    form, old, new : str
        Its form, and the code before and after.
    reasons : tuple of str
        Why the fix is unsafe, or why the code stays.
    safe, fixed : bool
        Whether the new code gives the same bits, and whether the new text has it.
    proof : tuple of str
        What ``--verify`` says.
    """

    line: int
    column: int
    cell: int
    form: str
    old: str
    new: str
    reasons: tuple[str, ...]
    safe: bool
    fixed: bool
    proof: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What became of one file.

    Attributes
    ----------
    name : str
        The file, as messages call it.
    old, new : bytes
        Its bytes, and those to write.
    diff : str
        The difference.
    entries : list of Entry
        What was found.
    failure : str
        Why it could not be read, empty where it could.
    left_alone : str
        Why it was not searched, empty where it was.
    """

    name: str
    old: bytes = b""
    new: bytes = b""
    diff: str = ""
    entries: list[Entry] = field(default_factory=list)
    failure: str = ""
    left_alone: str = ""


def search_file(path: Path, options: Options) -> Outcome:
    """Search one file.

    Parameters
    ----------
    path : Path
        A Python file or a notebook.
    options : Options
        Which fixes to make.
    """
    name = os.path.normpath(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        return Outcome(name, failure=f"{name}: {error.strerror or error}")
    return search_bytes(name, data, options, path)


def search_bytes(name: str, data: bytes, options: Options, path: Path | None = None) -> Outcome:
    """Search the bytes of a file.

    Parameters
    ----------
    name : str
        What messages call it.
    data : bytes
        What it holds.
    options : Options
        Which fixes to make.
    path : Path, optional
        Where it lies, for the packages beside it.
    """
    outcome = Outcome(name, data, data)
    try:
        decoded, result = _rewritten(data, options, path)
    except UnicodeDecodeError as error:
        outcome.left_alone = f"not {error.encoding} at byte {error.start}"
    except SyntaxError as error:
        outcome.left_alone = f"not Python: {error.msg}" + (f" at line {error.lineno}" if error.lineno else "")
    except NotANotebook as error:
        outcome.left_alone = f"not a notebook: {error}"
    except RecursionError:
        outcome.left_alone = "nested too deeply"
    else:
        outcome.entries = [_entry(finding, result, options) for finding in result.findings]
        if result.text != decoded.text:
            outcome.new = decoded.encode(result.text)
            outcome.diff = diff(decoded.text, result.text, name)
    return outcome


def _rewritten(data: bytes, options: Options, path: Path | None) -> tuple[Decoded, Rewritten]:
    local = local_packages(path) if path is not None else frozenset()
    if path is not None and path.suffix == ".ipynb":
        decoded = Decoded(data.decode(), "utf-8")
        return decoded, rewrite_notebook(decoded.text, unsafe_fixes=options.unsafe_fixes, local=local)
    decoded = decode(data)
    return decoded, rewrite(decoded.text, unsafe_fixes=options.unsafe_fixes, local=local)


def _entry(finding: Finding, result: Rewritten, options: Options) -> Entry:
    proof: tuple[str, ...] = ()
    if options.verify and finding.new:
        from fastlrelu.rewrite.proof import prove

        proof = tuple(prove(finding))
    return Entry(
        finding.line,
        finding.column,
        finding.cell,
        finding.form,
        finding.old,
        finding.new,
        tuple(finding.reasons),
        finding.safe,
        any(finding is fixed for fixed in result.fixed),
        proof,
    )
