"""Everything a form may ask about the place where an expression stands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from fastlrelu.rewrite.bindings import Bindings, Place, has_call
from fastlrelu.rewrite.flow import Flow
from fastlrelu.rewrite.flows import Flows, obstacle
from fastlrelu.rewrite.leaks import Leak, Refusal, classify
from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.pieces import METHODS, PIECES
from fastlrelu.rewrite.slopes import Slopes
from fastlrelu.rewrite.source import Source, is_everything, walk
from fastlrelu.rewrite.speller import Speller
from fastlrelu.rewrite.versions import Expansion, State, TooLarge

# Names that gradients go by: dA, dz_next, dout, gy, grad_output, delta, upGrad, top_diff.
_GRADIENT = re.compile(
    r"grad|delta|^err$|error|chain|deriv|partial|upstream|backprop|sensitiv|cotangent|adjoint|(top|bottom|out)_?diff"
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
    source, names, bindings, slopes, flows
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
    flows: Flows
    place: Place | None = None
    parents: tuple[ast.AST, ...] = ()
    seen: dict[tuple[int, bool], tuple[ast.expr, Leak | Refusal | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, source: Source) -> Scene:
        """Return the scene of a whole file."""
        names = Names(source)
        flows = Flows(source, names)
        bindings = Bindings(source)
        return cls(source, names, bindings, Slopes(source, names, bindings, flows), flows)

    def at(self, place: Place | None, parents: tuple[ast.AST, ...] = ()) -> Scene:
        """Return the same file at another place."""
        return replace(self, place=place, parents=parents)

    def numpy(self, node: ast.AST) -> str | None:
        """Return the NumPy name of a called function, or None."""
        return self.names.function(node.func) if isinstance(node, ast.Call) else None

    @property
    def flow(self) -> Flow | None:
        """The values of the function around, where its statements may hold a part of an activation."""
        return None if self.place is None else self.flows.of(self.place.function)

    @property
    def state(self) -> State | None:
        """What is known before the statement."""
        flow = self.flow
        return None if flow is None or self.place is None else flow.before.get(id(self.place.statement))

    def classify(self, node: ast.expr) -> Leak | Refusal | None:
        """Recognise ``node``, first as it stands, then with what names stand for spelled out."""
        cached = (id(node), self.names.loose)
        if cached not in self.seen:
            self.seen[cached] = (node, self._classify(node))
        return self.seen[cached][1]

    def _classify(self, node: ast.expr) -> Leak | Refusal | None:
        shown = classify(self.source, self.names, node)
        if shown is not None and shown.grad is None:
            return shown
        for reading in self.readings(node):
            leak = classify(self.source, self.names, reading)
            # What looks like a gradient of one array on another may be one array under two names.
            if leak is not None and (shown is None or leak.kind == "forward") and self.write_out(leak):
                return leak
        if shown is not None:
            return shown
        for reading, lines in self.beyond(node):
            if classify(self.source, self.names, reading) is not None:
                return Refusal(lines)
        return None

    def readings(self, node: ast.expr) -> Iterator[ast.expr]:
        """Yield ``node`` with the names in it spelled out, deeper each time."""
        flow, state = self.flow, self.state
        if flow is None or state is None:
            return
        try:
            yield from self.spelled_out(flow.converted(node, state), flow)
        except TooLarge:
            return

    def spelled_out(
        self,
        node: ast.expr,
        flow: Flow,
        opaque: frozenset[str] = frozenset(),
        forced: frozenset[str] = frozenset(),
    ) -> Iterator[ast.expr]:
        """Yield an expression of versions, spelled out deeper each time."""
        seen: set[str] = set()
        for wanted in (lambda _: False, self.is_mask, self.is_arithmetic, self.is_number):
            reading = Expansion(flow.versions, wanted, opaque, forced).of(node)
            key = self.source.key(reading)
            if key not in seen:
                seen.add(key)
                yield reading

    def beyond(self, node: ast.expr) -> Iterator[tuple[ast.expr, str]]:
        """Yield what ``node`` would be if some statements changed nothing, and which those are."""
        flow, state = self.flow, self.state
        if flow is None or state is None:
            return
        try:
            expansion = Expansion(flow.versions, self.is_arithmetic, beyond=True)
            reading = expansion.of(flow.converted(node, state))
        except TooLarge:
            return
        if expansion.crossed:
            yield reading, obstacle(flow, expansion.crossed)

    def write_out(self, leak: Leak, state: State | None = None, preferred: str = "") -> bool:
        """Note how to write the operands of a leak that is made of versions; tell whether that can be done."""
        flow = self.flow
        state = state or self.state
        if flow is None or state is None:
            return False
        speller = Speller(self.source, flow, state, preferred)
        for name in ("x", "slope", "grad"):
            operand = getattr(leak, name)
            text = None if operand is None else speller.text(operand)
            if text is None and operand is not None:
                return False
            if text is not None:
                leak.texts[name] = text
        return True

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
        if name in {"asarray", "array", "nonzero", "where"} and isinstance(node, ast.Call) and len(node.args) == 1:
            return self.is_mask(node.args[0])
        return name in PIECES and PIECES[name].family == "compare" if name else False

    def is_number(self, node: ast.expr) -> bool:
        """Tell whether a definition is a number, or arithmetic."""
        return isinstance(node, ast.Constant) or self.is_arithmetic(node)

    def is_arithmetic(self, node: ast.expr) -> bool:
        """Tell whether a definition is made of masks, numbers, names and the functions of the reader."""
        match node:
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div(), right=right):
                return self._is_operand(left) and self._is_operand(right)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return bool(elements) and all(self._is_operand(element) for element in elements)
            case ast.Call(func=ast.Attribute(value=array, attr=method), args=arguments):
                if self.numpy(node) is None and method in METHODS:
                    return self._is_operand(array) and all(self._is_operand(a) for a in arguments)
            case ast.Subscript(value=value, slice=index):
                return is_everything(index) and self._is_operand(value)
        if isinstance(node, ast.UnaryOp):
            return not isinstance(node.operand, ast.Constant) and self._is_operand(node.operand)
        if isinstance(node, ast.Call) and self.numpy(node) in PIECES:
            parts = (*node.args, *(keyword.value for keyword in node.keywords))
            return all(self._is_operand(part) for part in parts)
        return isinstance(node, ast.Compare)

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
            for child in walk(node):
                name = getattr(child, "id", None) or getattr(child, "attr", None) or ""
                name = name.partition("@")[0].rpartition(".")[2]
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
            times = sum(self.source.key(child) == key for child in walk(leak.old))
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
