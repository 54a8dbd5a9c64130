"""Which slopes make a leaky ReLU of an expression that has its shape."""

from __future__ import annotations

import ast
import math

from fastlrelu.rewrite.bindings import Bindings, Place
from fastlrelu.rewrite.flows import Flows
from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.reader import infinite
from fastlrelu.rewrite.source import Source
from fastlrelu.rewrite.versions import is_atom

# The smallest float16 above zero: a smaller slope is 0 there, and 0 * inf is nan.
FLOAT16_TINY = 2.0**-24

_CONVERSIONS = frozenset({"float16", "float32", "float64", "array", "asarray", "float"})


class Slopes:
    """Judges slopes of one file.

    Parameters
    ----------
    source, names, bindings, flows : Source, Names, Bindings, Flows
        The file.
    """

    def __init__(self, source: Source, names: Names, bindings: Bindings, flows: Flows) -> None:
        self._source = source
        self._names = names
        self._bindings = bindings
        self._flows = flows

    def number(self, node: ast.expr, place: Place | None) -> float | None:
        """Return the value of a slope that is written as a number, here or on a line above."""
        match node:
            case ast.Constant(value=bool()):
                return None
            case ast.Constant(value=int() | float() as value):
                return float(value)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
                inner = self.number(operand, place)
                return None if inner is None else -inner if isinstance(op, ast.USub) else inner
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self.number(left, place), self.number(right, place)
                return None if a is None or b is None else computed(a, op, b)
            case ast.Name() if place is not None:
                found = self._definition(node, place)
                if isinstance(found, ast.Constant | ast.UnaryOp):
                    return self.number(found, None)
        return None

    def _definition(self, node: ast.Name, place: Place) -> ast.expr | None:
        flow = self._flows.of(place.function)
        if flow is None:
            return None
        held: ast.expr | None = node
        if not is_atom(node):
            state = flow.before.get(id(place.statement))
            held = state.value(node.id) if state is not None else None
        return flow.versions[held.id].definition if isinstance(held, ast.Name) and is_atom(held) else None

    def refusal(self, slope: ast.expr, x: str, place: Place | None, *, negative: bool, plain: bool) -> str | None:
        """Return why this is no slope of an activation, or None.

        Parameters
        ----------
        slope : ast.expr
            The slope.
        x : str
            The key of the input.
        place : Place or None
            Where it is used.
        negative : bool
            Whether the form allows a slope below 0.
        plain : bool
            Whether the slope must be one number, name or array: a product or sum in that place
            is more often the derivative of another activation.
        """
        text = self._source.code(slope)
        if infinite(self._names, slope) or self._names.function(slope) in {"nan", "NaN"}:
            return f"the slope {text} is not finite"
        number = self.number(slope, place)
        if number is not None:
            lowest = -1 if negative else 0
            if not lowest < number < 1 or number == 0:
                return f"the slope {text} is not between {lowest} and 1"
        elif isinstance(slope, ast.UnaryOp) and not negative:
            return f"the slope {text} is negative"
        if plain and not self._is_plain(slope):
            return f"the slope {text} is an expression, as other derivatives have it"
        if self._bindings.is_curve(slope, x, place):
            return f"the slope {text} is computed from {x} or by a curve"
        return None

    def no_alpha(self, alpha: ast.expr, x: str, place: Place | None) -> str | None:
        """Return why this is no alpha of an ELU, or None."""
        number = self.number(alpha, place)
        text = self._source.code(alpha)
        if number is not None and number <= 0:
            return f"alpha {text} is not above 0"
        if self._bindings.is_curve(alpha, x, place):
            return f"alpha {text} is computed from {x} or by a curve"
        return None

    def _is_plain(self, node: ast.expr) -> bool:
        match node:
            case ast.Constant() | ast.Name() | ast.Attribute():
                return True
            case ast.Subscript(value=value):
                return self._is_plain(value)
            case ast.UnaryOp(operand=operand):
                return self._is_plain(operand)
            case ast.BinOp(op=ast.Div(), right=ast.Constant()):
                return True
            case ast.BinOp() if self.number(node, None) is not None:
                return True
            case ast.Call(func=ast.Attribute(value=value, attr="reshape" | "astype" | "item")):
                if self._names.function(node.func) is None:
                    return self._is_plain(value)
            case ast.Call(func=ast.Name(id="float"), args=[value]):
                return self._is_plain(value)
        if isinstance(node, ast.Call):
            name = self._names.function(node.func)
            return name in _CONVERSIONS | {"expand_dims", "reshape", "broadcast_to", "full"}
        return False


def computed(a: float, op: ast.operator, b: float) -> float | None:
    """Return what Python computes of two numbers, None where that is no finite number."""
    try:
        match op:
            case ast.Add():
                return a + b
            case ast.Sub():
                return a - b
            case ast.Mult():
                return a * b
            case ast.Div():
                return a / b
            case ast.Pow() if abs(b) < 1000:
                result = a**b
                return result if isinstance(result, float) and math.isfinite(result) else None
    except (ArithmeticError, ValueError):
        return None
    return None
