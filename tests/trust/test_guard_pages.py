"""No byte before or after an operand is read or written: guard pages at both ends of every operand."""

import sys
import textwrap

import pytest
from subprocesses import ALWAYS_PARALLEL, run_python

import reference as ref

pytestmark = [
    pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="needs mmap and mprotect"),
    pytest.mark.timeout(120),
]

# A fault ends the process: faulthandler names the call.
PRELUDE = """
import faulthandler, itertools, math, sys
faulthandler.enable()
import numpy as np, fastlrelu as fl
from fastlrelu.dispatch import loops
import reference as ref
from guarded import Pages, filled

dtype = {dtype}
rng = np.random.default_rng(1)

def numbers(n):
    values = rng.standard_normal(n).astype(dtype)
    values[rng.random(n) < 0.1] = -0.0
    return values

def same(result, expected):
    assert result.dtype == expected.dtype and result.shape == expected.shape
    assert ((result == expected) & (np.signbit(result) == np.signbit(expected))).all(), (result, expected)

for level in loops.levels():
    print(level, flush=True)
    loops.use_level(level)
"""

EVERY_LENGTH = """
LONGEST = 300
slope = dtype.type(0.3)
act = fl.LeakyReLU(float(slope))
pages = [Pages(2 * LONGEST * dtype.itemsize) for _ in range(5)]
values = [numbers(LONGEST) for _ in range(3)]
forward, backward = ref.leaky_relu(values[0], slope), ref.leaky_relu_grad(*values[:2], slope)
summed = ref.add_leaky_relu(*values[:2], slope)
by_array = ref.leaky_relu(values[0], values[2])

def check(n, at_end, step):
    a, b, slopes = (filled(p, v[:n], at_end ^ flip, step) for p, v, flip in zip(pages, values, (0, 0, 1)))
    out = pages[3].array(n, dtype, not at_end, step)
    one = filled(pages[4], np.array([slope], dtype), at_end)
    same(fl.leaky_relu(a, one, out=out), forward[:n])
    same(fl.leaky_relu(a, one.reshape(()), out=out), forward[:n])
    same(fl.leaky_relu(a, slopes, out=out), by_array[:n])
    same(fl.leaky_relu_grad(a, b, one, out=out), backward[:n])
    same(fl.add_leaky_relu(a, b, one, out=out), summed[:n])
    same(act(a, out), forward[:n])
    same(act.grad(a, b, out), backward[:n])
    same(act.add(a, b, out), summed[:n])
    same(fl.leaky_relu(a, one, out=a), forward[:n])
    a[:] = values[0][:n]
    same(fl.leaky_relu_grad_(a, b, float(slope)), backward[:n])
    a[:] = values[0][:n]
    same(fl.leaky_relu_(a, float(slope)), forward[:n])

for n in range(LONGEST + 1):
    for at_end in (False, True):
        check(n, at_end, 1)
        if n % 7 == 0 or n < 40:
            for step in (-1, 2):
                check(n, at_end, step)
"""

ELU_GELU = """
LONGEST = 300
alpha = dtype.type(0.3)
pages = [Pages(2 * LONGEST * dtype.itemsize) for _ in range(4)]
x, grad, alphas = (numbers(LONGEST) for _ in range(3))
cases = [
    (f, operands, f(*operands))
    for f, *operands in (
        (fl.elu, x, alpha), (fl.elu, x, alphas), (fl.elu_grad, grad, x, alpha), (fl.elu_grad, grad, x, alphas),
        (fl.gelu, x), (fl.gelu_grad, grad, x), (fl.gelu_tanh, x), (fl.gelu_tanh_grad, grad, x),
    )
]

def check(n, at_end, step):
    for function, operands, expected in cases:
        arrays = [
            filled(p, values[:n] if values.ndim else values.reshape(1), at_end ^ flip, step)
            for p, values, flip in zip(pages, operands, (0, 0, 1))
        ]
        out = pages[3].array(n, dtype, not at_end, step)
        same(function(*arrays, out=out), expected[:n])
        same(function(*arrays, out=arrays[0]), expected[:n])
    for act, in_place, forward in (
        (fl.ELU(float(alpha)), lambda a: fl.elu_(a, float(alpha)), cases[0]),
        (fl.GELU(), fl.gelu_, cases[4]), (fl.GELU("tanh"), fl.gelu_tanh_, cases[6]),
    ):
        a = filled(pages[0], x[:n], at_end, step)
        same(act(a, out), forward[2][:n])
        same(in_place(a), forward[2][:n])

# Blocks of factors are 256 elements.
for n in [*range(70), *range(120, 136), *range(250, 264), LONGEST]:
    for at_end, step in ((False, 1), (True, 1), (n % 2 == 0, -1), (n % 2 == 1, 2)):
        check(n, at_end, step)
"""

PRELU = """
LONGEST = 300
pages = [Pages(LONGEST * dtype.itemsize) for _ in range(4)]
values, upstream, slopes = (numbers(LONGEST) for _ in range(3))
shapes = [(1, n, 1) for n in range(0, LONGEST + 1, 3)] + [(1, 1, n) for n in range(LONGEST + 1)]
shapes += [(n, 1, 1) for n in range(0, LONGEST + 1, 5)] + [(n, 2, 3) for n in range(1, 50)]
shapes += [(3, 5, n) for n in range(1, 20)] + [(2, n, 17) for n in range(1, 9)] + [(1, 2, n) for n in range(60, 140)]
shapes += [(2, n, 3) for n in range(1, 50)]

for (outer, channels, inner), at_end in itertools.product(shapes, (False, True)):
    shape, n = (outer, channels, inner), outer * channels * inner
    x = filled(pages[0], values[:n], at_end).reshape(shape)
    weight = filled(pages[1], slopes[:channels], at_end)
    grad = filled(pages[2], upstream[:n], at_end).reshape(shape)
    out = pages[3].array(n, dtype, at_end).reshape(shape)
    expected = ref.leaky_relu(x, weight[:, None])
    same(fl.prelu(x, weight, out=out), expected)
    same(fl.prelu_grad(grad, x, weight)[0], ref.leaky_relu_grad(grad, x, weight[:, None]))
    same(fl.prelu(x, weight, out=x), expected)

shapes = [(1, 1, 257), (3, 5, 20), (4, 7, 3), (2, 130, 1), (7, 1, 13), (5, 6, 10)]
orders = itertools.permutations(range(3))
for shape, order, which, at_end in itertools.product(shapes, orders, range(5), (False, True)):
    n = math.prod(shape)
    weight_shape = [(1,), shape[1:], shape, (shape[0], 1, shape[2]), (shape[1], 1)][which]
    view = lambda flat: flat.reshape([shape[i] for i in order]).transpose([order.index(i) for i in range(3)])
    x, grad = view(filled(pages[0], values[:n], at_end)), view(filled(pages[2], upstream[:n], at_end))
    weight = filled(pages[1], slopes[: math.prod(weight_shape)], at_end).reshape(weight_shape)
    out = view(pages[3].array(n, dtype, at_end))
    expected, expected_grad = ref.leaky_relu(x, weight), ref.leaky_relu_grad(grad, x, weight)
    same(fl.prelu(x, weight, out=out), expected)
    same(fl.prelu_grad(grad, x, weight, out=out)[0], expected_grad)
    same(fl.prelu_grad(grad, x[::-1], weight, out=out)[0], ref.leaky_relu_grad(grad, x[::-1], weight))
    same(fl.prelu_(x, weight), expected)
"""

LARGE = """
act = fl.LeakyReLU(0.25)
pages = [Pages(1 << 20) for _ in range(3)]
lengths = (262144 // dtype.itemsize + 1, 393216 // dtype.itemsize, (1 << 20) // dtype.itemsize - 1)
for k, (n, threads) in enumerate(itertools.product(lengths, (1, 2, 3))):
    # Each pair of values meets.
    at_end = k // 2 % 2 == 1
    loops.set_stream_threshold((1, 1 << 60)[k % 2])
    fl.set_num_threads(threads)
    values, upstream = numbers(n), numbers(n)
    x, grad = filled(pages[0], values, at_end), filled(pages[1], upstream, at_end)
    out = pages[2].array(n, dtype, at_end)
    same(act(x, out), ref.leaky_relu(values, 0.25))
    same(fl.leaky_relu(x, 0.25, out=out), ref.leaky_relu(values, 0.25))
    same(act.grad(grad, x, out), ref.leaky_relu_grad(upstream, values, 0.25))
    same(fl.gelu_grad(grad, x, out=out), fl.gelu_grad(upstream, values))
    same(fl.elu(x, 0.25, out=out), fl.elu(values, 0.25))
    weight = np.full(1, 0.25, dtype)
    same(fl.prelu(x[None], weight, 0, out=out[None])[0], ref.leaky_relu(values, 0.25))
    same(fl.leaky_relu_(x, 0.25), ref.leaky_relu(values, 0.25))
    strided = filled(pages[0], values[: n // 2], at_end, 2)
    out = pages[2].array(n // 2, dtype, at_end, -2)
    same(fl.leaky_relu(strided, 0.25, out=out), ref.leaky_relu(values[: n // 2], 0.25))
"""

DTYPES = {str(dtype): "ref.BFLOAT16" if dtype == ref.BFLOAT16 else f"np.dtype('{dtype}')" for dtype in ref.DTYPES}


PROGRAMS = {"every_length": EVERY_LENGTH, "elu_gelu": ELU_GELU, "prelu": PRELU, "large": LARGE}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_outside_the_operands(dtype, name):
    program = textwrap.indent(PROGRAMS[name], "    ")
    run_python(PRELUDE.format(dtype=DTYPES[dtype]) + program, timeout=100, **ALWAYS_PARALLEL)


def test_a_guard_page_is_deadly():
    """The proof above proves nothing if the pages do not guard."""
    code = (
        "from guarded import Pages\n"
        "import ctypes\n"
        "last = Pages(100).array(4, 'f4', True)\n"
        "ctypes.string_at(last.ctypes.data, 16)\n"
        "ctypes.string_at(last.ctypes.data, 17)\n"
    )
    with pytest.raises(AssertionError, match="exit status -"):
        run_python(code)
