"""More elements than 2**31, float16, in place and out: 13 GiB of memory, about a minute.

    python tests/long/beyond_two_gib.py [--elements 2147483655]

An index kept in 32 bits anywhere would leave the end as it was, write it twice, or crash.
"""

import argparse
import sys
import time

import numpy as np

import fastlrelu as fl
from fastlrelu import _threads

CHUNK = 1 << 24


def check(what, result, source, slope, dtype=np.float16):
    for start in range(0, source.size, CHUNK):
        x = source[start : start + CHUNK]
        expected = np.where(x > 0, x, dtype(slope) * x)
        if not np.array_equal(result[start : start + CHUNK].view(np.uint16), expected.view(np.uint16)):
            raise SystemExit(f"{what}: wrong between {start} and {start + CHUNK}")
    print(f"{what}: right, {time.perf_counter() - STARTED:.0f} s", flush=True)


STARTED = time.perf_counter()
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--elements", type=int, default=(1 << 31) + 7)
n = parser.parse_args().elements
# Every finite half, many times over; 65521 is prime, so that blocks do not repeat in step.
halves = np.arange(65536, dtype=np.uint16).view(np.float16)
pattern = np.resize(halves[np.isfinite(halves)], 65521)
x = np.empty(n, np.float16)
for start in range(0, n, pattern.size * 256):
    part = x[start : start + pattern.size * 256]
    part[:] = np.resize(pattern, part.size)
out = np.empty_like(x)
weight = np.array([0.3], np.float16)
np.seterr(all="ignore")
for threads in (1, 2):
    _threads.set_parallel_bytes(1 << 20 if threads > 1 else 1 << 60)
    fl.set_num_threads(threads)
    fl.LeakyReLU(0.3)(x, out)
    check(f"direct, {threads} threads", out, x, 0.3)
    out[-100:] = 0
    fl.leaky_relu(x, 0.3, out=out)
    check(f"ufunc, {threads} threads", out, x, 0.3)
    out[-100:] = 0
    fl.prelu(x[None], weight, 0, out=out[None])
    check(f"prelu, {threads} threads", out, x, 0.3)
    out[:] = x
    fl.leaky_relu_(out, 0.3)
    check(f"in place, {threads} threads", out, x, 0.3)
    out[:] = x
    fl.leaky_relu(out[::-1], 0.3, out=out[::-1])
    check(f"in place, backwards, {threads} threads", out, x, 0.3)
    out[:] = x
    fl.leaky_relu_grad_(out, x, 0.3)
    check(f"gradient in place, {threads} threads", out, x, 0.3)
sys.exit(0)
