"""Runs a snippet, as a function of what it reads, before and after the rewrite."""

from __future__ import annotations

import ast
import builtins
import copy
import types
import warnings
from typing import Any

import numpy as np

SLOPE = 0.125
# What preludes import, and the rewriter.
IMPORTED = {"np", "numpy", "fastlrelu", "erf", "math", "scipy", "special"}


def inputs(x: Any, grad: Any, slope: float = SLOPE) -> dict[str, Any]:
    """Return the values that names stand for, new arrays each time."""
    names: dict[str, Any] = dict.fromkeys(("a", "alpha", "slope", "leak", "negative_slope", "beta", "k"), slope)
    arrays = dict.fromkeys(("x", "z", "Z", "h", "inputs", "pre", "v", "data"), x)
    upstream = dict.fromkeys(("g", "dout", "dy", "grad", "grad_output", "delta", "upstream", "dvalues", "dA"), grad)
    spare = {"out": np.zeros_like(x), "buf": np.zeros_like(x), "inplace": False, "copy": True, "training": False}
    spare |= {"W": np.eye(len(x))}
    values = {**names, **arrays, **upstream, **spare, "dtype": x.dtype, "y": grad, "x2": np.stack([x, -x])}
    fields = {name.lower(): value for name, value in values.items()} | values
    values["self"] = types.SimpleNamespace(**fields, cache={"x": x, "z": x, "Z": x, "a": x})
    values["cache"] = {"x": x, "z": x, "Z": x}
    # One copy for each name: two parameters are two arrays.
    return {name: copy.deepcopy(value) for name, value in values.items()}


class _Reads(ast.NodeVisitor):
    """Collects names that are read before they are assigned."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._bound: set[str] = set()

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        for child in ast.walk(node.target):
            if isinstance(child, ast.Name):
                self._read(child.id)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self.generic_visit(node)

    def visit_ListComp(self, node: Any) -> None:
        for generator in node.generators:
            self.visit(generator.iter)
            self.visit(generator.target)
        self.generic_visit(node)

    visit_GeneratorExp = visit_ListComp  # noqa: N815

    def visit_arg(self, node: ast.arg) -> None:
        self._bound.add(node.arg)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._bound.add(node.name)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._read(node.id)
        else:
            self._bound.add(node.id)

    def _read(self, name: str) -> None:
        known = name in self._bound or hasattr(builtins, name) or name in IMPORTED
        if not known and name not in self.found:
            self.found.append(name)


def parameters(snippet: str) -> list[str]:
    """Return the names that a snippet reads and does not bind."""
    reads = _Reads()
    reads.visit(ast.parse(f"def f():\n{_indented(snippet)}").body[0])
    return [name for name in reads.found if name != "f"]


def _indented(snippet: str) -> str:
    return "".join(f"    {line}\n" for line in snippet.splitlines())


def module(row: dict[str, Any]) -> str:
    """Return the snippet as the body of a function of what it reads."""
    prelude = row.get("prelude", "import numpy as np\n")
    names = ", ".join(parameters(row["snippet"]))
    return f"{prelude}\n\ndef f({names}):\n{_indented(row['snippet'])}"


def run(text: str, snippet: str, x: Any, grad: Any, slope: float = SLOPE) -> dict[str, Any]:
    """Return what the function gives, and what it made of its arguments."""
    np.random.seed(0)  # noqa: NPY002
    space: dict[str, Any] = {}
    values = inputs(x, grad, slope)
    given = {name: values[name] for name in parameters(snippet)}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        exec(compile(text, "<snippet>", "exec"), space)
        result = space["f"](**given)
    after = {name: value for name, value in given.items() if isinstance(value, np.ndarray)}
    if "self" in given:
        after |= {f"self.{k}": v for k, v in vars(given["self"]).items() if isinstance(v, np.ndarray)}
    returned = result if isinstance(result, tuple) else (result,)
    return {f"return {i}": value for i, value in enumerate(returned) if value is not None} | after
