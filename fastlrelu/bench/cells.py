"""What is measured: operations, candidates, and the cells in which candidates are timed in turn."""

from __future__ import annotations

import math
from dataclasses import dataclass

DTYPES = ("float32", "float64", "float16", "bfloat16")
ITEM_BYTES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}


@dataclass(frozen=True)
class Operation:
    """One thing to measure: its title, the arrays it moves per element, and what takes the place of a plain copy.

    ``line`` is what people write in NumPy for it; the peers of ``without`` have no such operation. Unless it is
    ``exact``, the libraries give other bits each.
    """

    title: str
    arrays: int
    limit: str
    line: str = "np.where"
    without: tuple[str, ...] = ()
    exact: bool = True


_LOOPS = ("maximum", "numexpr", "numba")


OPERATIONS: dict[str, Operation] = {
    "call": Operation("one element", 2, "x.copy()"),
    "new": Operation("new array", 2, "x.copy()"),
    "out": Operation("out=", 2, "np.copyto"),
    "in_place": Operation("in place", 2, "np.copyto"),
    "grad": Operation("gradient", 3, "x.copy()", without=("maximum", "onnxruntime")),
    "add": Operation("add bias", 2, "x.copy()"),
    "prelu_first": Operation("prelu, channels first", 2, "x.copy()"),
    "prelu_last": Operation("prelu, channels last", 2, "x.copy()"),
    "prelu_shared": Operation("prelu, one slope", 2, "x.copy()"),
    "prelu_elements": Operation("prelu, a slope for each element of a sample", 2, "x.copy()"),
    "elu": Operation("ELU", 2, "x.copy()", "np.where and np.expm1", _LOOPS, exact=False),
    "gelu": Operation("GELU", 2, "x.copy()", "SciPy's erf", _LOOPS, exact=False),
    "gelu_tanh": Operation("GELU by tanh", 2, "x.copy()", "np.tanh", _LOOPS, exact=False),
    "layer": Operation("matmul, then activation", 2, "np.matmul alone", exact=False),
}

ELU_GELU = ("elu", "gelu", "gelu_tanh")

# Candidate to the library whose process runs it.
LIBRARIES: dict[str, str] = {
    "fastlrelu": "fastlrelu",
    "ufunc": "fastlrelu",
    "out": "fastlrelu",
    "in_place": "fastlrelu",
    "reused": "fastlrelu",
    "limit": "fastlrelu",
    "multiply": "numpy",
    "where": "numpy",
    "where_reused": "numpy",
    "maximum": "numpy",
    "numexpr": "numexpr",
    "numba": "numba",
    "torch": "torch",
    "onnxruntime": "onnxruntime",
    "jax": "jax",
}
PEERS = ("maximum", "numexpr", "numba", "torch", "onnxruntime", "jax")
LABELS: dict[str, str] = {
    "fastlrelu": "fastlrelu",
    "ufunc": "fastlrelu, the ufunc",
    "out": "fastlrelu, out=",
    "in_place": "fastlrelu, in place",
    "reused": "fastlrelu, memory reused",
    "limit": "plain copy",
    "multiply": "np.multiply(x, 0.01)",
    "where": "np.where",
    "where_reused": "np.where, memory reused",
    "maximum": "np.maximum",
    "numexpr": "numexpr",
    "numba": "numba",
    "torch": "PyTorch",
    "onnxruntime": "ONNX Runtime",
    "jax": "JAX",
}
OURS = ("fastlrelu", "ufunc", "out", "in_place", "reused")
# Neither a peer nor ours.
YARDSTICKS = ("limit", "multiply", "where_reused")
CALL_ONLY = ("ufunc", "out", "in_place", "multiply")
# New arrays of so many bytes are also timed inside `fl.reuse_memory`: smaller ones the C library keeps by itself.
REUSED, REUSED_BYTES = ("reused", "where_reused"), 1 << 22

# (rows, inputs) x outputs, by the elements of the activation.
LAYERS = {
    64 * 1024: (64, 256, 1024),
    256 * 1024: (256, 512, 1024),
    1 << 20: (1024, 512, 1024),
    4 << 20: (4096, 256, 1024),
}


@dataclass(frozen=True)
class Cell:
    """One operation on one dtype, number of elements and number of threads."""

    operation: str
    dtype: str
    size: int
    threads: int = 1

    def __str__(self) -> str:
        return f"{self.operation}-{self.dtype}-{self.size}-{self.threads}t"

    @property
    def title(self) -> str:
        """The cell in words."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{OPERATIONS[self.operation].title}, {self.dtype}, {size_text(self.size)}, {threads}"

    @property
    def nbytes(self) -> int:
        """Bytes that the operation has to move at least."""
        return OPERATIONS[self.operation].arrays * self.size * ITEM_BYTES[self.dtype]

    def candidates(self, against: tuple[str, ...] = PEERS) -> tuple[str, ...]:
        """Who is timed in this cell: fastlrelu, the limit, ``np.where`` and the peers that do the operation at all."""
        large = self.size * ITEM_BYTES[self.dtype] >= REUSED_BYTES
        added = {"call": CALL_ONLY, "new": REUSED if large else ()}.get(self.operation, ())
        without = OPERATIONS[self.operation].without
        return ("fastlrelu", *added, "limit", "where", *(peer for peer in against if peer not in without))

    def label(self, candidate: str) -> str:
        """The candidate's name; the limit and the line in NumPy are others for each operation."""
        operation = OPERATIONS[self.operation]
        return {"limit": operation.limit, "where": operation.line}.get(candidate, LABELS[candidate])


def size_text(size: int) -> str:
    """A number of elements, as a power of two where it is one."""
    if size >= 4096 and size & (size - 1) == 0:
        return f"2^{size.bit_length() - 1}"
    return f"{size:,}"


def shape_of(cell: Cell) -> tuple[int, ...]:
    """The shape of the input: of `cell.size` elements where that number divides as the operation needs it.

    Channels first is (batch, channels, inner), channels last (batch, inner, channels); a bias has one row's length.
    """
    if cell.operation == "add":
        columns = math.gcd(cell.size, 1024)
        return (cell.size // columns, columns)
    if cell.operation.startswith("prelu"):
        channels = math.gcd(cell.size, 64)
        inner = math.gcd(cell.size // channels, 4096)
        batch = cell.size // channels // inner
        last = cell.operation in ("prelu_last", "prelu_elements")
        return (batch, inner, channels) if last else (batch, channels, inner)
    if cell.operation == "layer":
        rows, _, columns = LAYERS[cell.size]
        return (rows, columns)
    return (cell.size,)


def weight(cell: Cell) -> float:
    """The share of the time that a cell is given: the same for all small ones, more where one call takes long."""
    # NumPy computes 16-bit floats, exp, erf and tanh one at a time.
    slow = 4.0 if ITEM_BYTES[cell.dtype] == 2 or cell.operation in ELU_GELU else 1.0
    return 1.0 + slow * cell.size / (1 << 21)
