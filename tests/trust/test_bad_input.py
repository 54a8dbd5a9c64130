"""Wrong calls of every public function: the exception that a NumPy user expects, naming the value; nothing written."""

import os
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from subprocesses import run_python

import fastlrelu as fl
import reference as ref

ACT = fl.LeakyReLU(0.5)


def grid():
    return np.array([[-1.0, 2.0, -3.0], [4.0, -5.0, 6.0]], np.float32)


def read_only(a):
    a.flags.writeable = False
    return a


WEIGHT = read_only(np.full(3, 0.5, np.float32))
# What may be wrong, the error, and a part of its message.
OPERANDS = [
    (lambda: grid().astype(complex), TypeError, "not supported|complex"),
    (lambda: np.array([["a", "b", "c"]] * 2), TypeError, "not supported|_UFuncNoLoopError|dtype|str"),
    (lambda: np.array([[object()] * 3] * 2), TypeError, "not supported|object"),
    (lambda: np.zeros((2, 3), "M8[s]"), TypeError, "not supported|datetime|dtype"),
    (lambda: np.zeros((2, 3), "V4"), TypeError, "not supported|void|dtype"),
]
MISFITS = [
    (lambda: np.ones((2, 4), np.float32), ValueError, r"\(2, ?4\)|4"),
    (lambda: np.ones((3, 4), np.float32), ValueError, r"\(3, ?4\)|4"),
]
OUTS = [
    (lambda: np.zeros((2, 4), np.float32), ValueError, r"\(2, ?4\)"),
    (lambda: np.zeros(3, np.float32), ValueError, r"\(3,\)"),
    (lambda: np.zeros((2, 3), np.int32), TypeError, "int32"),
    (lambda: np.zeros((2, 3), bool), TypeError, "bool"),
    (lambda: read_only(np.zeros((2, 3), np.float32)), ValueError, "read-only"),
    (lambda: np.broadcast_to(np.float32(0), (2, 3)), ValueError, "read-only"),
    (lambda: [[0.0] * 3] * 2, TypeError, "array"),
    (lambda: "out", TypeError, "array"),
    (lambda: 0.0, TypeError, "array"),
]
INPUT_CALLS = {
    "leaky_relu": lambda v: fl.leaky_relu(v, 0.5),
    "leaky_relu, slope": lambda v: fl.leaky_relu(grid(), v),
    "leaky_relu_grad": lambda v: fl.leaky_relu_grad(grid(), v, 0.5),
    "add_leaky_relu": lambda v: fl.add_leaky_relu(v, grid(), 0.5),
    "leaky_relu_, slope": lambda v: fl.leaky_relu_(grid(), v),
    "leaky_relu_grad_": lambda v: fl.leaky_relu_grad_(grid(), v),
    "act": ACT,
    "act.grad": lambda v: ACT.grad(grid(), v),
    "act.add": lambda v: ACT.add(v, grid()),
    "prelu": lambda v: fl.prelu(v, WEIGHT),
    "prelu_grad": lambda v: fl.prelu_grad(v, grid(), WEIGHT),
    "prelu_grad, x": lambda v: fl.prelu_grad(grid(), v, WEIGHT),
    "prelu, weight": lambda v: fl.prelu(grid(), v[0]),
    "prelu_grad, one slope": lambda v: fl.prelu_grad(v, grid(), 0.5),
}
OUT_CALLS = {
    "leaky_relu": lambda x, out: fl.leaky_relu(x, 0.5, out=out),
    "leaky_relu_grad": lambda x, out: fl.leaky_relu_grad(x, x, 0.5, out=out),
    "add_leaky_relu": lambda x, out: fl.add_leaky_relu(x, x, 0.5, out=out),
    "act": lambda x, out: ACT(x, out),
    "act.grad": lambda x, out: ACT.grad(x, x, out),
    "act.add": lambda x, out: ACT.add(x, x, out),
    "act.add, bias": lambda x, out: ACT.add(x, WEIGHT.astype(x.dtype), out),
    "prelu": lambda x, out: fl.prelu(x, WEIGHT, out=out),
    "prelu, one slope": lambda x, out: fl.prelu(x, 0.5, out=out),
    "prelu_grad": lambda x, out: fl.prelu_grad(x, x, WEIGHT, out=out),
}


@pytest.mark.parametrize("name", INPUT_CALLS)
@pytest.mark.parametrize(("make", "error", "message"), OPERANDS)
def test_operands_of_other_dtypes(name, make, error, message):
    operand = make()
    before = operand.copy()
    with pytest.raises(error, match=message):
        INPUT_CALLS[name](operand)
    assert operand.tobytes() == before.tobytes()


@pytest.mark.parametrize("name", [n for n in INPUT_CALLS if n not in ("leaky_relu", "act", "prelu, weight")])
@pytest.mark.parametrize(("make", "error", "message"), MISFITS)
def test_operands_of_other_shapes(name, make, error, message):
    operand = make()
    before = operand.copy()
    with pytest.raises(error, match=message):
        INPUT_CALLS[name](operand)
    assert operand.tobytes() == before.tobytes()


@pytest.mark.parametrize("name", OUT_CALLS)
@pytest.mark.parametrize(("make", "error", "message"), OUTS)
def test_outputs_that_do_not_fit(name, make, error, message):
    x, out = grid(), make()
    with pytest.raises(error, match=message):
        OUT_CALLS[name](x, out)
    np.testing.assert_array_equal(x, grid())
    np.testing.assert_array_equal(out, make())


@pytest.mark.parametrize(
    "call",
    [
        lambda: fl.leaky_relu(),
        lambda: fl.leaky_relu(grid()),
        lambda: fl.leaky_relu(grid(), 0.1, None, None),
        lambda: fl.leaky_relu(grid(), 0.1, slope=1),
        lambda: fl.leaky_relu_(),
        lambda: fl.leaky_relu_(grid(), 0.1, 0.1),
        lambda: fl.leaky_relu_grad_(grid()),
        lambda: fl.LeakyReLU(0.1, 0.2),
        lambda: fl.LeakyReLU(slope=0.1),
        lambda: ACT(),
        lambda: ACT.grad(grid()),
        lambda: ACT(grid(), where=True),
        lambda: fl.prelu(grid()),
        lambda: fl.prelu_grad(grid(), grid()),
        lambda: fl.set_num_threads(),
        lambda: fl.num_threads(),
        lambda: fl.config(1),
    ],
)
def test_wrong_numbers_of_arguments(call):
    with pytest.raises(TypeError):
        call()


@pytest.mark.parametrize("axis", [2, -3, 10**6, 2**31, 2**63, 2**100, -(2**100)])
def test_axes_out_of_range(axis):
    # numpy.sum raises the same: AxisError is an IndexError and a ValueError, and C's integers end somewhere.
    for call in (lambda: fl.prelu(grid(), WEIGHT, axis), lambda: fl.prelu_grad(grid(), grid(), WEIGHT, axis)):
        with pytest.raises((np.exceptions.AxisError, OverflowError)):
            call()


@pytest.mark.parametrize("axis", ["1", 1.0, None, [1], (0, 1)])
def test_axes_of_other_types(axis):
    for call in (lambda: fl.prelu(grid(), WEIGHT, axis), lambda: fl.prelu_grad(grid(), grid(), WEIGHT, axis)):
        with pytest.raises(TypeError):
            call()


@pytest.mark.parametrize(
    "n", [0, -1, 10**9, 2**64, -(2**64), True, "2", b"2", 2.0, None, [2], np.array([2]), 2j, np.nan]
)
def test_absurd_thread_counts(n):
    before = fl.get_num_threads()
    error = ValueError if type(n) is int else TypeError
    for call in (fl.set_num_threads, fl.num_threads):
        with pytest.raises(error, match=re.escape(repr(n))):
            call(n)
    assert fl.get_num_threads() == before


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.lists(st.floats() | st.integers() | st.text(max_size=2), max_size=3),
    st.dictionaries(st.text(max_size=1), st.integers(), max_size=2),
    st.sampled_from([object(), np.ndarray, np.float32, Ellipsis, slice(3), np.array(None)]),
    hnp.arrays(
        hnp.scalar_dtypes() | hnp.floating_dtypes() | hnp.byte_string_dtypes() | hnp.array_dtypes(),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    ),
)
CALLS_WITH_ANYTHING = [
    lambda a, b, c: fl.leaky_relu(a, b),
    lambda a, b, c: fl.leaky_relu(a, 0.1, out=c),
    lambda a, b, c: fl.leaky_relu_grad(a, b, c),
    lambda a, b, c: fl.add_leaky_relu(a, b, c),
    lambda a, b, c: fl.leaky_relu_(a, b),
    lambda a, b, c: fl.leaky_relu_grad_(a, b, c),
    lambda a, b, c: fl.LeakyReLU(a),
    lambda a, b, c: ACT(a, c),
    lambda a, b, c: ACT.grad(a, b, c),
    lambda a, b, c: ACT.add(a, b, c),
    lambda a, b, c: a == ACT,
    lambda a, b, c: fl.prelu(a, b, out=c),
    lambda a, b, c: fl.prelu(a, b, c),
    lambda a, b, c: fl.prelu_grad(a, b, c),
    lambda a, b, c: fl.prelu_grad(a, a, b, c),
    lambda a, b, c: fl.prelu_grad(grid(), grid(), a),
    lambda a, b, c: fl.prelu(grid(), WEIGHT, 1, a),
    lambda a, b, c: fl.prelu_(a, b, c),
    lambda a, b, c: fl.prelu_grad(grid(), grid(), a, b, c),
]


def bytes_of(value):
    return value.tobytes() if type(value) is np.ndarray and value.dtype != object else None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("call", range(len(CALLS_WITH_ANYTHING)))
def test_anything_at_all(call):
    @settings(max_examples=120, deadline=None, database=None)
    @given(st.tuples(anything, anything, anything))
    def check(operands):
        before = [bytes_of(v) for v in operands]
        with np.errstate(all="ignore"):
            try:
                CALLS_WITH_ANYTHING[call](*operands)
            except (TypeError, ValueError, OverflowError, IndexError):
                # Whatever failed, failed before it wrote.
                assert [bytes_of(v) for v in operands] == before

    check()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FASTLRELU_SIMD", "avx3"),
        ("FASTLRELU_SIMD", "avx2,avx512"),
        ("FASTLRELU_SIMD", " "),
        ("FASTLRELU_PARALLEL_BYTES", "-1"),
        ("FASTLRELU_PARALLEL_BYTES", "1e6"),
        ("FASTLRELU_PARALLEL_BYTES", "9" * 30),
        ("FASTLRELU_STREAM_BYTES", "many"),
        ("FASTLRELU_STREAM_BYTES", "0"),
        ("FASTLRELU_STREAM_BYTES", "9" * 30),
    ],
)
def test_bad_environment_is_an_import_error_that_names_it(name, value):
    run_python(
        f"""
try:
    import fastlrelu
except ImportError as error:
    assert {name!r} in str(error) and {value!r} in str(error), error
else:
    raise SystemExit("imported")
""",
        **{name: value},
    )


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_SCHEDULE", "OMP_PROC_BIND", "OMP_DYNAMIC"])
def test_bad_settings_of_openmp_are_openmps_to_report(name):
    """And must not hang or crash the import; empty variables of ours are as good as none."""
    run_python(
        "import numpy as np, fastlrelu as fl; x = np.ones(10**6, 'f'); assert (fl.leaky_relu(x, .1) == x).all()",
        **{name: "garbage", "FASTLRELU_SIMD": "", "FASTLRELU_PARALLEL_BYTES": "", "FASTLRELU_STREAM_BYTES": ""},
    )


def test_nothing_here_changed_the_settings():
    assert fl.config()["simd"] == (os.environ.get("FASTLRELU_SIMD", "").lower() or fl.config()["simd_available"][0])
    ref.assert_same_bits(fl.leaky_relu(grid(), 0.5), ref.leaky_relu(grid(), 0.5))
