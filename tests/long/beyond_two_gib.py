"""More elements than 2**31, float16, in place and out: 9 GiB of memory, under a minute.

    python tests/long/beyond_two_gib.py [--elements 2147483655]

An index kept in 32 bits anywhere would leave the end as it was, write it twice, or crash.
"""

import argparse
import time

import numpy as np

import fastlrelu as fl
from fastlrelu.threads import choice

STARTED = time.perf_counter()
SLOPE = 0.3


def repeated(part, out):
    for start in range(0, out.size, part.size):
        out[start : start + part.size] = part[: out.size - start]


def check(what, result, expected):
    """Compare with `expected`, which repeats, and spoil the end for the next."""
    for start in range(0, result.size, expected.size):
        found = result[start : start + expected.size].view(np.uint16)
        if not np.array_equal(found, expected[: found.size].view(np.uint16)):
            raise SystemExit(f"{what}: wrong between {start} and {start + found.size}")
    result[-100:] = 7
    print(f"{what}: right, {time.perf_counter() - STARTED:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elements", type=int, default=(1 << 31) + 7)
    n = parser.parse_args().elements
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    # 63487 finite values, which is no multiple of any block.
    part = np.resize(halves[np.isfinite(halves)], 63487 * 256)
    with np.errstate(all="ignore"):
        forward = np.where(part > 0, part, np.float16(SLOPE) * part)
    x, out = np.empty(n, np.float16), np.zeros(n, np.float16)
    repeated(part, x)
    weight = np.array([SLOPE], np.float16)
    for threads in (1, 2):
        choice.set_parallel_bytes(1 << 20 if threads > 1 else 1 << 60)
        fl.set_num_threads(threads)
        fl.LeakyReLU(SLOPE)(x, out)
        check(f"direct, {threads} threads", out, forward)
        fl.leaky_relu(x, SLOPE, out=out)
        check(f"ufunc, {threads} threads", out, forward)
        fl.prelu(x[None], weight, 0, out=out[None])
        check(f"prelu, {threads} threads", out, forward)
        out[:] = x
        fl.leaky_relu_(out, SLOPE)
        check(f"in place, {threads} threads", out, forward)
        out[:] = x
        fl.leaky_relu(out[::-1], SLOPE, out=out[::-1])
        check(f"in place, backwards, {threads} threads", out, forward)
        out[:] = x
        fl.leaky_relu_grad_(out, x, SLOPE)
        check(f"gradient in place, {threads} threads", out, forward)


if __name__ == "__main__":
    main()
