"""CPUs that this one is not, by qemu's user emulation: the level that is chosen, and values there."""

import shutil
import sys

import pytest
from subprocesses import run_python

# Where there is no qemu, .ci/qemu installs one and runs this file.
pytestmark = [
    pytest.mark.skipif(
        shutil.which("qemu-x86_64") is None or sys.platform != "linux", reason="qemu-user is not installed"
    ),
    pytest.mark.timeout(110),
]
# The OpenBLAS in NumPy's wheel takes an emulated Nehalem for more than it is, and dies before we are imported.
NUMPY_LIVES = {"OPENBLAS_CORETYPE": "NEHALEM"}
MACHINES = {"Nehalem": "sse4.2", "Haswell": "avx2"}

CODE = """
import sys
import numpy as np, fastlrelu as fl
import reference as ref
assert fl.config()["simd"] == LEVEL, fl.config()["simd"]
assert "avx512" not in fl.config()["simd_available"]
rng = np.random.default_rng(0)
for level in fl.config()["simd_available"]:
    fl.dispatch.loops.use_level(level)
    for dtype in ref.DTYPES:
        cases = [ref.random_values(rng, n, dtype) for n in (1, 7, 33, 1000)]
        cases += [ref.telling_values(dtype), ref.every_half(dtype)[::5]] if dtype.itemsize == 2 else []
        for x in cases:
            y = ref.random_values(rng, x.size, dtype)
            for slope in (0.3, -0.5):
                ref.assert_same_bits(fl.leaky_relu(x, slope), ref.leaky_relu(x, slope))
                ref.assert_same_bits(fl.LeakyReLU(slope)(x), ref.leaky_relu(x, slope))
                ref.assert_same_bits(fl.leaky_relu_grad(y, x, slope), ref.leaky_relu_grad(y, x, slope))
                ref.assert_same_bits(fl.add_leaky_relu(y, x, slope), ref.add_leaky_relu(y, x, slope))
            weight = np.full(x.size, 0.3, dtype)
            ref.assert_same_bits(fl.prelu(x[None], weight)[0], ref.leaky_relu(x, weight))
            ref.assert_same_bits(fl.prelu_grad(y[None], x[None], weight)[0][0], ref.leaky_relu_grad(y, x, weight))
print("right")
"""


@pytest.mark.parametrize("machine", MACHINES)
def test_level_and_values(machine):
    program = CODE.replace("LEVEL", repr(MACHINES[machine]), 1)
    out = run_python(program, timeout=100, prefix=("qemu-x86_64", "-cpu", machine), FASTLRELU_SIMD="", **NUMPY_LIVES)
    assert out.split() == ["right"]


def test_the_emulation_lacks_what_it_should_lack():
    """A level that the CPU has not is an illegal instruction there, so the proof above can fail."""
    with pytest.raises(AssertionError, match="avx512"):
        run_python(
            "import fastlrelu",
            timeout=100,
            prefix=("qemu-x86_64", "-cpu", "Nehalem"),
            FASTLRELU_SIMD="avx512",
            **NUMPY_LIVES,
        )
