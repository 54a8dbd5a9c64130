"""Which names are NumPy's: an alias counts only where its import says so and nothing rebinds it."""

from __future__ import annotations

import ast
import sys
from functools import cached_property

import libcst as cst
from libcst.metadata import (
    MetadataWrapper,
    PositionProvider,
    QualifiedNameSource,
    Scope,
    ScopeProvider,
)

from fastlrelu.rewrite.source import Source, dotted

# Libraries whose arrays answer to the same operators; a line without a NumPy call may be theirs.
RIVALS = frozenset(
    {"aesara", "autograd", "chainer", "cupy", "jax", "mindspore", "minpy", "mlx", "mxnet"}
    | {"paddle", "pytensor", "tensorflow", "theano", "tinygrad", "torch", "trax"}
)


class Names:
    """Resolves names of one file.

    Parameters
    ----------
    source : Source
        The file.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        # On the first, cheap look every import counts as NumPy; only hits are resolved for good.
        self.loose = False
        self.loosely_used: list[ast.AST] = []

    def function(self, node: ast.AST) -> str | None:
        """Return ``where`` for a node that is ``numpy.where``, ``erf`` for SciPy's, else None."""
        if isinstance(node, ast.Name) and node.id.startswith("numpy:"):
            return node.id.removeprefix("numpy:")
        if self.loose:
            return self._loose_function(node)
        full = self.qualified(node)
        if full in _OTHERS:
            return _OTHERS[full]
        if full is None or not full.startswith("numpy."):
            return None
        return full.removeprefix("numpy.")

    def scalar(self, node: ast.AST) -> str | None:
        """Return ``sqrt`` for ``math.sqrt``, and what ``function`` does."""
        full = None if self.loose else self.qualified(node)
        if full is not None and full.startswith("math."):
            return full.removeprefix("math.")
        return self.function(node)

    def looks_like_scipy(self, node: ast.AST) -> bool:
        """Tell whether a name that was taken loosely would be a function of SciPy."""
        return (dotted(node) or "").rpartition(".")[2] in {"erf"} or self._originals.get(dotted(node) or "") == "erf"

    def _loose_function(self, node: ast.AST) -> str | None:
        name = dotted(node)
        if name is None:
            return None
        root, _, rest = name.partition(".")
        if rest and (root in self._bound or root in _MODULE_LIKE):
            self.loosely_used.append(node)
            return rest.removeprefix("numpy.").removeprefix("special.")
        if not rest and root in self._originals:
            self.loosely_used.append(node)
            return self._originals[root]
        return "abs" if name == "abs" else None

    def qualified(self, node: ast.AST) -> str | None:
        """Return the one full name an expression can stand for, or None."""
        name = dotted(node)
        if name is None or not hasattr(node, "lineno"):
            return None
        assert isinstance(node, ast.Name | ast.Attribute)
        if not self._may_be_imported(name):
            return None
        root, dot, rest = name.partition(".")
        if root in self._settled:
            full = self._settled[root] + dot + rest
        else:
            scope = self._scopes.get((node.lineno, self._column(node)))
            if scope is None:
                return None
            found = {(q.name, q.source is QualifiedNameSource.LOCAL) for q in scope.get_qualified_names_for(name)}
            if len(found) != 1:
                return None
            full, local = found.pop()
            if local:
                return None
        return None if self._star_may_rebind(root) else full

    def foreign(self, node: ast.AST) -> str | None:
        """Return what a module alias may be when it is not NumPy for certain, for the report."""
        name = dotted(node)
        if name is None or not hasattr(node, "lineno"):
            return None
        assert isinstance(node, ast.Name | ast.Attribute)
        alias = name.partition(".")[0]
        scope = self._scopes.get((node.lineno, self._column(node)))
        if scope is None or self._star_may_rebind(alias):
            return "rebound by a star import"
        found = sorted({q.name for q in scope.get_qualified_names_for(alias)})
        return " or ".join(name.rpartition("<locals>.")[2] for name in found) or "not imported"

    def _column(self, node: ast.Name | ast.Attribute) -> int:
        head = self._source.lines[node.lineno - 1].encode()[: node.col_offset]
        return len(head.decode())

    @cached_property
    def _imports(self) -> list[ast.Import | ast.ImportFrom]:
        return [node for node in self._source.nodes if isinstance(node, ast.Import | ast.ImportFrom)]

    @cached_property
    def _bound(self) -> dict[str, int]:
        bound: dict[str, int] = {}
        for node in self._imports:
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                bound.setdefault(name, node.lineno)
        return bound

    @cached_property
    def _settled(self) -> dict[str, str]:
        """What names stand for that one import at the top of the file binds, and nothing else does.

        For those the scopes need not be looked at, which takes longer than all the rest.
        """
        found = {} if "abs" in self._source.bound else {"abs": "builtins.abs"}
        for statement in self._source.tree.body:
            if not isinstance(statement, ast.Import | ast.ImportFrom) or getattr(statement, "level", None):
                continue
            module = f"{statement.module}." if isinstance(statement, ast.ImportFrom) else ""
            for alias in statement.names:
                name = alias.asname or alias.name
                if "." not in name and len(self._source.bound[name]) == 1:
                    found[name] = module + alias.name
        for node in self._imports:
            for alias in node.names:
                if "." in alias.name and alias.asname is None:
                    found.pop(alias.name.partition(".")[0], None)
        return found

    @cached_property
    def _originals(self) -> dict[str, str]:
        return {
            alias.asname or alias.name: alias.name
            for node in self._imports
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }

    @cached_property
    def modules(self) -> set[str]:
        """The top-level packages that the file imports, wherever it does."""
        found: set[str] = set()
        for node in self._imports:
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif node.module and not node.level:
                found.add(node.module.partition(".")[0])
        return found

    def plain_arrays_reason(self) -> str | None:
        """Return why operators alone do not mean NumPy arrays in this file, or None."""
        if "numpy" not in self.modules:
            return "the file does not import numpy, so the array may be another library's"
        if rivals := sorted(self.modules & RIVALS):
            return f"the file also imports {rivals[0]}, so the array may be {rivals[0]}'s"
        return None

    def _may_be_imported(self, name: str) -> bool:
        return name == "abs" or name.partition(".")[0] in self._bound

    def _star_may_rebind(self, alias: str) -> bool:
        if alias == "abs":
            return False
        return any(
            alias_node.name == "*"
            and node.lineno >= self._bound.get(alias, 0)
            and (node.level or (node.module or "").partition(".")[0] not in _HARMLESS_STARS)
            for node in self._imports
            if isinstance(node, ast.ImportFrom)
            for alias_node in node.names
        )

    @cached_property
    def _scopes(self) -> dict[tuple[int, int], Scope]:
        try:
            module = cst.parse_module(self._source.text)
        except cst.ParserSyntaxError as error:
            raise SyntaxError(f"libcst cannot read it: {error.message}") from error
        wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        scopes = wrapper.resolve(ScopeProvider)
        found: dict[tuple[int, int], Scope] = {}
        for node, place in wrapper.resolve(PositionProvider).items():
            if isinstance(node, cst.Name) and (scope := scopes.get(node)) is not None:
                found.setdefault((place.start.line, place.start.column), scope)
        return found


# Names that modules go by when they are parameters or come from a star import.
_MODULE_LIKE = frozenset({"F", "K", "T", "cp", "jnp", "np", "numpy", "tf", "tnp", "torch", "xp"})
# What else the forms are made of.
_OTHERS = {"builtins.abs": "abs", "scipy.special.erf": "erf"}
_HARMLESS_STARS = frozenset({"numpy", *sys.stdlib_module_names})
