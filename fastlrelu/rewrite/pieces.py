"""The vocabulary of piecewise linear NumPy code.

``PIECES`` is the table: a NumPy function, and the remark on why sums and products of it are not
bit for bit the activation. A new function is one entry there and one function that reads it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastlrelu.rewrite.polynomial import Polynomial, X
from fastlrelu.rewrite.sides import NAN, NotPiecewise, Value, truth
from fastlrelu.rewrite.source import dotted

if TYPE_CHECKING:
    from fastlrelu.rewrite.reader import Reader

_FLOATS = frozenset({"double", "float", "float16", "float32", "float64", "half", "longdouble", "single"})
_CASTS = (
    "bool_",
    "double",
    "float16",
    "float32",
    "float64",
    "half",
    "int8",
    "int16",
    "int32",
    "int64",
    "single",
    "uint8",
)

Keywords = dict[str, ast.expr]

Arguments = list[ast.expr]


@dataclass(frozen=True)
class Piece:
    """One word of the vocabulary.

    Attributes
    ----------
    family : str
        Which remark of the report it falls under.
    read : callable
        Gives the value of a call on the reader's side.
    """

    family: str
    read: Callable[[Reader, Arguments, Keywords], Value]


def _exactly(count: int, args: Arguments, keywords: Keywords, ignored: str = "") -> None:
    if len(args) != count or keywords.keys() - set(ignored.split()):
        raise NotPiecewise


def _where(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(3, args, keywords)
    return reader.value(args[1] if reader.chosen(args[0]) else args[2])


def _extreme(largest: bool) -> Callable[[Reader, Arguments, Keywords], Value]:
    def read(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
        _exactly(2, args, keywords)
        a, b = (reader.value(argument) for argument in args)
        if a.boolean != b.boolean:
            reader.widened.append(b.polynomial if a.boolean else a.polynomial)
        return Value(reader.extreme(a.polynomial, b.polynomial, largest))

    return read


def _clip(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    limits = dict(zip(("a", "a_min", "a_max"), args, strict=False))
    for name, argument in keywords.items():
        limits[{"min": "a_min", "max": "a_max"}.get(name, name)] = argument
    if len(args) > 3 or limits.keys() - {"a", "a_min", "a_max"} or "a" not in limits:
        raise NotPiecewise
    clipped = reader.value(limits["a"])
    value = clipped.polynomial
    if clipped.boolean:
        reader.used.add("wide")
    low = reader.bound(limits.get("a_min"), -1)
    high = reader.bound(limits.get("a_max"), 1)
    if low is not None:
        value = reader.extreme(value, low, largest=True)
    if high is not None:
        value = reader.extreme(value, high, largest=False)
    return Value(value)


def _signed(on_side: Callable[[Polynomial, int], Polynomial]) -> Callable[..., Value]:
    def read(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
        _exactly(1, args, keywords)
        value = reader.polynomial(args[0])
        if reader.side == NAN and value.mentions_x():
            return Value(Polynomial.factor(X))
        sign = value.sign(reader.side)
        if sign is None:
            raise NotPiecewise
        return Value(on_side(value, sign))

    return read


def _heaviside(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(2, args, keywords)
    value = reader.polynomial(args[0])
    if reader.side == NAN and value.mentions_x():
        return Value(Polynomial.factor(X))
    sign = value.sign(reader.side)
    if sign is None:
        raise NotPiecewise
    return reader.value(args[1]) if sign == 0 else Value(Polynomial.number(int(sign > 0)))


def _compare(op: ast.cmpop) -> Callable[[Reader, Arguments, Keywords], Value]:
    def read(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
        _exactly(2, args, keywords)
        return reader.compared(args[0], op, args[1])

    return read


def _operate(op: ast.operator) -> Callable[[Reader, Arguments, Keywords], Value]:
    def read(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
        _exactly(2, args, keywords)
        return reader.arithmetic(args[0], op, args[1])

    return read


def _not(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(1, args, keywords)
    return reader.inverted(args[0])


def _same(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    if not 1 <= len(args) <= 2 or keywords.keys() - {"dtype", "copy"}:
        raise NotPiecewise
    dtype = args[1] if len(args) == 2 else keywords.get("dtype")
    value = reader.value(args[0])
    if dtype is None:
        return value
    return _cast(reader, value, dtype)


def _cast(reader: Reader, value: Value, dtype: ast.expr) -> Value:
    """Return a value as another dtype holds it."""
    name = (dotted(dtype) or "").rpartition(".")[2]
    if isinstance(dtype, ast.Constant):
        name = str(dtype.value)
    if value.boolean:
        reader.used.add("bool")
    if name in {"bool", "bool_"}:
        if value.boolean:
            return value
        sign = value.polynomial.sign(reader.side)
        if sign is None or reader.side == NAN:
            raise NotPiecewise
        return truth(sign != 0)
    same = _is_that_of_x(reader, dtype)
    if not same:
        reader.used.add("cast")
    constant = value.polynomial.constant()
    if value.boolean or (constant is not None and constant.denominator == 1):
        # Any dtype holds 0 and 1.
        return Value(value.polynomial)
    if same or name in _FLOATS:
        return Value(value.polynomial)
    raise NotPiecewise


def _is_that_of_x(reader: Reader, dtype: ast.expr) -> bool:
    return isinstance(dtype, ast.Attribute) and dtype.attr == "dtype" and reader.source.key(dtype.value) == reader.x


def _named(reader: Reader, dtype: ast.expr | None) -> None:
    """Note that an array was made with a dtype of its own."""
    if dtype is not None and not _is_that_of_x(reader, dtype):
        reader.used.add("cast")


def _converted(dtype: str) -> Callable[[Reader, Arguments, Keywords], Value]:
    def read(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
        _exactly(1, args, keywords)
        return _cast(reader, reader.value(args[0]), ast.Constant(dtype))

    return read


def _negative(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(1, args, keywords)
    return Value(-reader.polynomial(args[0]))


def _flat(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    """Read the indices of a mask of one dimension as the mask itself."""
    reader.used.add("flat")
    return reader.value(args[0])


def _signbit(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(1, args, keywords)
    value = reader.polynomial(args[0])
    sign = value.sign(reader.side)
    if sign is None or reader.side == NAN:
        raise NotPiecewise
    return truth(sign < 0)


def _choose(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(2, args, keywords)
    table = reader.elements(args[1])
    if table is None:
        raise NotPiecewise
    return reader.picked(args[0], table, boolean=True)


def _take(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(2, args, keywords)
    return _choose(reader, args[::-1], {})


def _combine(op: ast.operator) -> Callable[[Reader, Arguments, Keywords], Value]:
    def read(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
        _exactly(2, args, keywords)
        return reader.combined(args[0], op, args[1])

    return read


def _halved(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(2, args, keywords)
    return reader.value(ast.BinOp(args[0], ast.Div(), args[1]))


def _filled(number: int) -> Callable[[Reader, Arguments, Keywords], Value]:
    def read(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
        if not 1 <= len(args) <= 2 or keywords.keys() - {"dtype", "shape"}:
            raise NotPiecewise
        _named(reader, args[1] if len(args) > 1 else keywords.get("dtype"))
        return Value(Polynomial.number(number))

    return read


def _full(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    if not 2 <= len(args) <= 3 or keywords.keys() - {"dtype"}:
        raise NotPiecewise
    _named(reader, args[2] if len(args) > 2 else keywords.get("dtype"))
    return reader.value(args[1])


def _select(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    if len(args) not in (2, 3) or keywords.keys() - {"default"}:
        raise NotPiecewise
    conditions, choices = args[:2]
    if not isinstance(conditions, ast.List | ast.Tuple):
        raise NotPiecewise
    if not isinstance(choices, ast.List | ast.Tuple) or len(choices.elts) != len(conditions.elts):
        raise NotPiecewise
    for condition, choice in zip(conditions.elts, choices.elts, strict=True):
        if reader.chosen(condition):
            return reader.value(choice)
    default = args[2] if len(args) == 3 else keywords.get("default")
    return reader.value(default) if default is not None else Value(Polynomial({}))


def _undefined(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    return Value(Polynomial.factor("<memory nothing was written to>"))


PIECES: dict[str, Piece] = {
    "where": Piece("where", _where),
    "maximum": Piece("relu", _extreme(largest=True)),
    "fmax": Piece("relu", _extreme(largest=True)),
    "minimum": Piece("relu", _extreme(largest=False)),
    "fmin": Piece("relu", _extreme(largest=False)),
    "clip": Piece("clip", _clip),
    "abs": Piece("abs", _signed(lambda value, sign: value if sign >= 0 else -value)),
    "absolute": Piece("abs", _signed(lambda value, sign: value if sign >= 0 else -value)),
    "fabs": Piece("abs", _signed(lambda value, sign: value if sign >= 0 else -value)),
    "sign": Piece("abs", _signed(lambda _, sign: Polynomial.number(sign))),
    "heaviside": Piece("abs", _heaviside),
    "greater": Piece("compare", _compare(ast.Gt())),
    "greater_equal": Piece("compare", _compare(ast.GtE())),
    "less": Piece("compare", _compare(ast.Lt())),
    "less_equal": Piece("compare", _compare(ast.LtE())),
    "logical_not": Piece("compare", _not),
    "invert": Piece("compare", _not),
    "bitwise_not": Piece("compare", _not),
    "add": Piece("arithmetic", _operate(ast.Add())),
    "subtract": Piece("arithmetic", _operate(ast.Sub())),
    "multiply": Piece("arithmetic", _operate(ast.Mult())),
    "select": Piece("select", _select),
    "divide": Piece("arithmetic", _halved),
    "true_divide": Piece("arithmetic", _halved),
    "negative": Piece("arithmetic", _negative),
    "positive": Piece("arithmetic", _same),
    "equal": Piece("compare", _compare(ast.Eq())),
    "not_equal": Piece("compare", _compare(ast.NotEq())),
    "flat": Piece("compare", _flat),
    "signbit": Piece("compare", _signbit),
    "logical_and": Piece("compare", _combine(ast.BitAnd())),
    "bitwise_and": Piece("compare", _combine(ast.BitAnd())),
    "logical_or": Piece("compare", _combine(ast.BitOr())),
    "bitwise_or": Piece("compare", _combine(ast.BitOr())),
    "logical_xor": Piece("compare", _combine(ast.BitXor())),
    "choose": Piece("select", _choose),
    "take": Piece("select", _take),
    **dict.fromkeys(("copy", "array", "asarray", "asanyarray", "ascontiguousarray"), Piece("same", _same)),
    **{name: Piece("cast", _converted(name)) for name in _CASTS},
    "astype": Piece("cast", _same),
    "ones_like": Piece("like", _filled(1)),
    "zeros_like": Piece("like", _filled(0)),
    "ones": Piece("filled", _filled(1)),
    "zeros": Piece("filled", _filled(0)),
    "full_like": Piece("like", _full),
    "full": Piece("filled", _full),
    "empty_like": Piece("like", _undefined),
    "empty": Piece("filled", _undefined),
}

METHODS = {"astype": "astype", "choose": "choose", "clip": "clip", "copy": "copy"}

# Slopes such as np.float32(0.1) stay as the author wrote them.
ATOMIC = frozenset({"array", "asarray", "astype", "copy", "take"}) | frozenset(_CASTS)
