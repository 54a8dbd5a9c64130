"""The text of one Python file with its syntax tree, and the way from a node to its text."""

from __future__ import annotations

import ast
import re
import tokenize
import warnings
from functools import cached_property
from io import StringIO

# Fields that hold no expression or statement, but are on almost every node.
_BARE = frozenset({"attr", "ctx", "id", "kind", "op", "ops", "type_comment"})
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}
METADATA = frozenset({"dtype", "shape", "ndim", "size"})
# How versions of values are numbered: see versions.py.
_VERSION = re.compile(r"@\d+")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")


class Source:
    """A parsed file; raises ``SyntaxError`` for one that does not parse.

    Parameters
    ----------
    text : str
        The whole file, with its own line ends.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tree = ast.parse(text)
        self.lines = _LINE.findall(text)
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line))
        self._keys: dict[int, tuple[ast.AST, str]] = {}

    def offset(self, line: int, utf8_column: int) -> int:
        """Return the index into ``text`` of a position as ``ast`` gives it."""
        if line > len(self.lines):
            return len(self.text)
        head = self.lines[line - 1].encode()[:utf8_column]
        return self._starts[line - 1] + len(head.decode())

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return where the text of ``node`` starts and ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self.offset(node.lineno, node.col_offset),
            self.offset(node.end_lineno, node.end_col_offset),
        )

    def code(self, node: ast.expr | ast.stmt) -> str:
        """Return the text of ``node`` as the author wrote it."""
        if not hasattr(node, "lineno"):
            return unversioned(ast.unparse(node))
        start, end = self.span(node)
        return self.text[start:end]

    def key(self, node: ast.AST) -> str:
        """Return a spelling that is the same for the same expression, spacing aside."""
        known = self._keys.get(id(node))
        if known is None or known[0] is not node:
            known = self._keys[id(node)] = (node, ast.unparse(node))
        return known[1]

    def line_of(self, offset: int) -> tuple[int, int]:
        """Return the start and end of the line that holds ``offset``, line end included."""
        for start, end in zip(self._starts, self._starts[1:], strict=False):
            if start <= offset < end:
                return start, end
        return len(self.text), len(self.text)

    @cached_property
    def newline(self) -> str:
        """The line end of the first line that has one."""
        found = re.search(r"\r\n|\r|\n", self.text)
        return found.group() if found else "\n"

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree."""
        return walk(self.tree)

    @cached_property
    def vectorizes(self) -> bool:
        """Whether a function of numbers is mapped over arrays anywhere."""
        return "vectorize" in self.text or "frompyfunc" in self.text

    @cached_property
    def bound(self) -> dict[str, list[ast.AST]]:
        """Each place of the file that gives a name a meaning, in whatever scope."""
        found: dict[str, list[ast.AST]] = {}
        for node in self.nodes:
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    found.setdefault(name, []).append(node)
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                    found.setdefault(name, []).append(node)
                case ast.alias(name=imported, asname=alias):
                    found.setdefault(alias or imported, []).append(node)
                case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                    found.setdefault(name, []).append(node)
                case ast.MatchMapping(rest=str(name)):
                    found.setdefault(name, []).append(node)
        return found

    @cached_property
    def comments(self) -> list[tuple[int, int]]:
        """Where each comment starts and ends."""
        plain = "".join(re.sub(r"[\r\n]+$", "\n", line) for line in self.lines)
        spans = []
        try:
            for token in tokenize.generate_tokens(StringIO(plain).readline):
                if token.type == tokenize.COMMENT:
                    start = self._starts[token.start[0] - 1] + token.start[1]
                    spans.append((start, start + len(token.string)))
        except tokenize.TokenError as error:
            raise SyntaxError(str(error.args[0])) from error
        return spans

    def has_comment(self, start: int, end: int) -> bool:
        """Tell whether a comment lies between two places of the text."""
        return any(start <= first < end for first, _ in self.comments)


def children(node: ast.AST) -> list[ast.AST]:
    """Return what ``ast.iter_child_nodes`` yields, in less time, without operators and contexts."""
    kind = node.__class__
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = tuple(field for field in kind._fields if field not in _BARE)
    found = []
    for field in fields:
        value = getattr(node, field, None)
        if isinstance(value, ast.AST):
            found.append(value)
        elif value.__class__ is list:
            found += [item for item in value if isinstance(item, ast.AST)]
    return found


def walk(node: ast.AST) -> list[ast.AST]:
    """Return a node and all below it, in the order of ``ast.walk``, without operators and contexts."""
    found = [node]
    for part in found:
        found += children(part)
    return found


def unversioned(text: str) -> str:
    """Return code without the numbers of versions."""
    return _VERSION.sub("", text)


def dotted(node: ast.AST) -> str | None:
    """Return ``a.b.c`` for a name or a chain of attributes, else None."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


# Other names of float dtypes, and those that the replacements are proved for.
FLOAT_NAMES = {"float": "float64", "double": "float64", "single": "float32", "half": "float16"}
FLOATS = frozenset({"float16", "float32", "float64"})


def named_float(node: ast.expr) -> str | None:
    """Return the float dtype that ``node`` names, as ``np.float32`` or ``"float32"`` do, else None."""
    name = (dotted(node) or "").rpartition(".")[2]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        name = node.value
    name = FLOAT_NAMES.get(name, name)
    return name if name in FLOATS else None


def is_everything(index: ast.expr) -> bool:
    """Tell whether a subscript is ``[:]`` or ``[...]``, in any number of dimensions."""
    match index:
        case ast.Slice(lower=None, upper=None, step=None):
            return True
        case ast.Constant(value=value):
            return value is ...
        case ast.Tuple(elts=elements) if elements:
            return all(is_everything(element) for element in elements)
    return False


def mentions(source: Source, node: ast.AST, x: str) -> bool:
    """Tell whether the values of ``x``, and not only its dtype or shape, are in ``node``."""
    if isinstance(node, ast.Attribute) and node.attr in METADATA:
        return False
    if source.key(node) == x:
        return True
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        if x.startswith(source.key(node.value) + "["):
            return False
    elif isinstance(node, ast.expr) and x.startswith(source.key(node) + "["):
        return True
    return any(mentions(source, child, x) for child in children(node))
