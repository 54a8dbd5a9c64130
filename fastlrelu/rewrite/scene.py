"""Everything a form may ask about the place where an expression stands."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace

from fastlrelu.rewrite.bindings import Bindings, Place, has_call
from fastlrelu.rewrite.leaks import Leak, classify
from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.pieces import PIECES
from fastlrelu.rewrite.slopes import Slopes
from fastlrelu.rewrite.source import Source

# Names that gradients go by: dA, dz_next, dout, gy, grad_output, delta, upGrad, top_diff.
_GRADIENT = re.compile(
    r"grad|delta|deriv|partial|upstream|backprop|sensitiv|cotangent|adjoint|(top|bottom|out)_?diff"
    r"|^d_?[a-z]\d?$|^d_?(out|in|val|prev|next|hid|act|pool|conv|cost|score|layer|loss|flat)"
    r"|^d[a-z]_?d[a-z]|^g$|^g_?[a-z]$|^g_?(out|in|prev|next)"
)
_CAPITAL_D = re.compile(r"^_?[dg][a-z]?(_|[A-Z])")
# Data frames, time steps and the like.
_NO_GRADIENT = frozenset({"df", "do", "ds", "dt"})
_BACKWARD = re.compile(r"back|grad|deriv|bprop|vjp|prime|delta", re.IGNORECASE)


@dataclass(frozen=True)
class Scene:
    """One expression's surroundings.

    Attributes
    ----------
    source, names, bindings, slopes
        The file and its look-ups.
    place : Place or None
        The statement, None where names before it say nothing (headers, lambdas).
    parents : tuple of ast.AST
        The nodes around the expression, the innermost last.
    seen : dict
        What was classified before: every form asks again.
    """

    source: Source
    names: Names
    bindings: Bindings
    slopes: Slopes
    place: Place | None = None
    parents: tuple[ast.AST, ...] = ()
    seen: dict[tuple[int, bool], tuple[ast.expr, Leak | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, source: Source) -> Scene:
        """Return the scene of a whole file."""
        names = Names(source)
        bindings = Bindings(source, names)
        return cls(source, names, bindings, Slopes(source, names, bindings))

    def at(self, place: Place | None, parents: tuple[ast.AST, ...] = ()) -> Scene:
        """Return the same file at another place."""
        return replace(self, place=place, parents=parents)

    def numpy(self, node: ast.AST) -> str | None:
        """Return the NumPy name of a called function, or None."""
        return self.names.function(node.func) if isinstance(node, ast.Call) else None

    def classify(self, node: ast.expr) -> Leak | None:
        """Recognise ``node``, first as it stands, then with masks and sums spelled out."""
        cached = (id(node), self.names.loose)
        if cached not in self.seen:
            self.seen[cached] = (node, self._classify(node))
        return self.seen[cached][1]

    def _classify(self, node: ast.expr) -> Leak | None:
        leak = classify(self.source, self.names, node)
        if leak is not None or self.place is None:
            return leak
        if not self.bindings.has_definitions(node, self.place):
            return None
        for wanted in (self.is_mask, self.is_arithmetic):
            expanded = self.bindings.expand(node, self.place, wanted)
            if self.source.key(expanded) != self.source.key(node):
                leak = classify(self.source, self.names, expanded)
                if leak is not None:
                    return leak
        return None

    def is_mask(self, node: ast.expr) -> bool:
        """Tell whether a definition is a comparison or its opposite."""
        if isinstance(node, ast.Compare):
            return True
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
            named = isinstance(node.operand, ast.Name | ast.Attribute)
            return named or self.is_mask(node.operand)
        name = self.numpy(node)
        match node:
            case ast.Call(func=ast.Attribute(value=array, attr="astype")) if name is None:
                return self.is_mask(array)
        if name in {"nonzero", "where"} and isinstance(node, ast.Call) and len(node.args) == 1:
            return self.is_mask(node.args[0])
        return name in PIECES and PIECES[name].family == "compare" if name else False

    def is_arithmetic(self, node: ast.expr) -> bool:
        """Tell whether a definition is made of masks, numbers, names and + - * alone."""
        if self.is_mask(node):
            return True
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult):
            return self._is_operand(node.left) and self._is_operand(node.right)
        if isinstance(node, ast.Call):
            name = self.numpy(node)
            if name in PIECES and PIECES[name].family in {"where", "relu", "clip", "abs"}:
                return all(self._is_operand(argument) for argument in node.args)
        return False

    def _is_operand(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Constant | ast.Name | ast.Attribute | ast.Subscript):
            return True
        if isinstance(node, ast.UnaryOp):
            return self._is_operand(node.operand)
        return self.is_arithmetic(node)

    def reads_as_gradient(self, *nodes: ast.expr) -> bool:
        """Tell whether names, or the function around, say that an array is a gradient."""
        function = getattr(self.place.function, "name", "") if self.place is not None else ""
        if _BACKWARD.search(function):
            return True
        for node in nodes:
            for child in ast.walk(node):
                name = getattr(child, "id", None) or getattr(child, "attr", None) or ""
                if name in _NO_GRADIENT:
                    return False
                if _GRADIENT.search(name.lower()) or _CAPITAL_D.search(name):
                    return True
        return False

    def may_be_labelled(self, x: ast.expr) -> bool:
        """Tell whether ``x`` looks like a column of a table: ``df["a"]`` beside pandas."""
        match x:
            case ast.Subscript(slice=ast.Constant(value=str())):
                return bool(self.names.modules & {"pandas", "polars", "xarray"})
        return False

    def call_reasons(self, leak: Leak) -> list[str]:
        """Return what changes when an operand with a call in it is evaluated another time."""
        reasons = []
        for operand in (leak.x, leak.grad, leak.slope):
            if operand is None or not has_call(operand, self.names):
                continue
            key = self.source.key(operand)
            times = sum(self.source.key(child) == key for child in ast.walk(leak.old))
            text = self.source.code(operand)
            if times != 1:
                reasons.append(f"{text} is evaluated once, not {times} times")
            elif operand is leak.slope:
                reasons.append(f"{text} runs before the comparison, not after it")
        return reasons

    def cast_to_dtype_of(self, x: ast.expr) -> bool:
        """Tell whether the expression is cast to the dtype of ``x`` where it stands."""
        wanted = self.source.key(x) + ".dtype"
        match self.parents[-2:]:
            case (_, ast.Call(func=func, args=[_, dtype], keywords=[])) | (
                _,
                ast.Call(func=func, args=[_], keywords=[ast.keyword(arg="dtype", value=dtype)]),
            ):
                cast = self.names.function(func) in {"asarray", "array"}
                return cast and self.source.key(dtype) == wanted
            case (ast.Call(args=[dtype], keywords=[]), ast.Attribute(attr="astype")):
                return self.source.key(dtype) == wanted
        return False
