"""Every float32 there is, as x, at every SIMD level, for four slopes; nan for nan, all else bit for bit.

    python tests/long/every_float32.py [--levels avx2,baseline] [--slopes 0.01,1.3]

About 13 seconds for a slope and level on one core: four minutes for four of each.
"""

import argparse
import sys
import time

import numpy as np

import fastlrelu as fl
from fastlrelu.dispatch import loops

CHUNK = 1 << 22


def definition(x, slope, product, positive):
    """``np.where(x > 0, x, slope * x)`` into buffers that are used again."""
    np.multiply(x, slope, out=product)
    np.greater(x, 0, out=positive)
    np.copyto(product, x, where=positive)
    return product


def wrong_values(act, ufunc_slope, levels):
    """How many of the 2**32 inputs have a wrong result, by level; NumPy computes each chunk once for all levels."""
    bits = np.arange(CHUNK, dtype=np.uint32)
    product, direct, through_ufunc = (np.empty(CHUNK, np.float32) for _ in range(3))
    positive = np.empty(CHUNK, bool)
    wrong = dict.fromkeys(levels, 0)
    seconds = dict.fromkeys(levels, 0.0)
    for _ in range((1 << 32) // CHUNK):
        x = bits.view(np.float32)
        expected = definition(x, ufunc_slope, product, positive)
        plain = None
        for level in levels:
            loops.use_level(level)
            started = time.perf_counter()
            act(x, direct)
            fl.leaky_relu(x, ufunc_slope, out=through_ufunc)
            seconds[level] += time.perf_counter() - started
            for result in (direct, through_ufunc):
                if not np.array_equal(result.view(np.uint32), expected.view(np.uint32)):
                    plain = np.isnan(expected) if plain is None else plain
                    same = np.where(plain, np.isnan(result), result.view(np.uint32) == expected.view(np.uint32))
                    wrong[level] += np.count_nonzero(~same)
        bits += np.uint32(CHUNK)
    return wrong, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--levels", default=",".join(loops.levels()))
    parser.add_argument("--slopes", default="0.01,0.2,1.3,-0.5")
    given = parser.parse_args()
    failed = False
    np.seterr(all="ignore")
    for slope in map(float, given.slopes.split(",")):
        started = time.perf_counter()
        wrong, seconds = wrong_values(fl.LeakyReLU(slope), np.float32(slope), given.levels.split(","))
        for level, count in wrong.items():
            print(f"slope {slope}, {level}: {count} of 2**32 wrong, twice computed in {seconds[level]:.1f} s")
            failed |= count > 0
        print(f"slope {slope}: {time.perf_counter() - started:.0f} s in all", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
