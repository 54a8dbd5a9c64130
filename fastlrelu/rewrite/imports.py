"""Where ``import fastlrelu`` goes: into the third-party block, where isort would put it."""

from __future__ import annotations

import ast
import sys

from fastlrelu.rewrite.source import Source

PACKAGE = "fastlrelu"
_FUTURE, _STANDARD, _THIRD_PARTY, _LOCAL = range(4)


def is_bound(source: Source) -> bool:
    """Tell whether the file uses the name ``fastlrelu`` for anything but this package."""
    for node in source.nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                bound = name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                bound = name
            case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
                bound = name
            case ast.alias(name=name, asname=str(alias)):
                bound = alias if name != PACKAGE else ""
            case ast.ImportFrom(names=names):
                bound = PACKAGE if any(alias.name == PACKAGE for alias in names) else ""
            case _:
                continue
        if bound == PACKAGE:
            return True
    return False


def is_imported(source: Source) -> bool:
    """Tell whether the module imports the package under its own name at the top level."""
    return any(
        isinstance(statement, ast.Import)
        and any(alias.name.partition(".")[0] == PACKAGE and alias.asname is None for alias in statement.names)
        for statement in source.tree.body
    )


def import_edit(source: Source, local: frozenset[str] = frozenset()) -> tuple[int, int, str]:
    """Return the edit that adds the import.

    Parameters
    ----------
    source : Source
        The file.
    local : frozenset of str
        Names of packages that belong to the project, which isort puts last.
    """
    end = source.newline
    line = f"import {PACKAGE}{end}"
    block = _block(source, local)
    if not block:
        return _at_the_top(source, line)
    third = [statement for statement in block if _section(statement, local) == _THIRD_PARTY]
    for statement in third:
        if _order(statement) > (0, PACKAGE):
            return _before(source, statement, line)
    if third:
        return _after(source, third[-1], line)
    local_part = [statement for statement in block if _section(statement, local) == _LOCAL]
    if local_part:
        return _before(source, local_part[0], line + end)
    return _after(source, block[-1], end + line)


def _section(statement: ast.stmt, local: frozenset[str]) -> int:
    if isinstance(statement, ast.ImportFrom):
        if statement.level:
            return _LOCAL
        name = statement.module or ""
    else:
        assert isinstance(statement, ast.Import)
        name = statement.names[0].name
    top = name.partition(".")[0]
    if top == "__future__":
        return _FUTURE
    if top in sys.stdlib_module_names:
        return _STANDARD
    return _LOCAL if top in local else _THIRD_PARTY


def _order(statement: ast.stmt) -> tuple[int, str]:
    if isinstance(statement, ast.ImportFrom):
        return 1, (statement.module or "").lower()
    assert isinstance(statement, ast.Import)
    return 0, statement.names[0].name.lower()


def _block(source: Source, local: frozenset[str]) -> list[ast.stmt]:
    """Return the run of imports that has third-party ones in it, else the first run."""
    runs: list[list[ast.stmt]] = [[]]
    for statement in source.tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            runs[-1].append(statement)
        elif runs[-1]:
            runs.append([])
    for run in runs:
        if any(_section(statement, local) == _THIRD_PARTY for statement in run):
            return run
    return runs[0]


def _at_the_top(source: Source, line: str) -> tuple[int, int, str]:
    body = source.tree.body
    docstring = ast.get_docstring(source.tree, clean=False) is not None
    if docstring:
        return _after(source, body[0], source.newline + line)
    return _before(source, body[0], line + source.newline)


def _before(source: Source, statement: ast.stmt, line: str) -> tuple[int, int, str]:
    start, _ = source.span(statement)
    decorators = getattr(statement, "decorator_list", [])
    if decorators:
        start = min(source.span(decorator)[0] for decorator in decorators)
    start = source.line_of(start)[0]
    return start, start, line


def _after(source: Source, statement: ast.stmt, line: str) -> tuple[int, int, str]:
    _, end = source.line_of(max(source.span(statement)[1] - 1, 0))
    text = source.text[:end]
    if not text.endswith(("\n", "\r")):
        line = source.newline + line.removesuffix(source.newline)
    return end, end, line
