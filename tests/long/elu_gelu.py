"""ELU and GELU against exact values: every float32, 10**8 float64, 10**5 hard float64 by mpmath, every 16-bit number.

    python tests/long/elu_gelu.py [float32] [float64] [mpmath] [halves] [--processes 2] [--points 100000000]

float64 is compared with mpmath at the hard points and with the C library's longdouble at the others, float32 with
float64. Printed is the largest error in units in the last place; more than 1 fails.
"""

import argparse
import multiprocessing
import sys
import time
from pathlib import Path

import numpy as np

import fastlrelu as fl

sys.path.insert(0, str(Path(__file__).parent.parent))
import exact

CHUNK = 1 << 20
# Each operation with what x comes with: alpha and grad_output, plain ones and others that round.
CASES = [
    ("elu", (1.0,)),
    ("elu", (1.6732632,)),
    ("elu_grad", (1.0, 1.0)),
    ("elu_grad", (1.2345679, 1.6732632)),
    ("gelu", ()),
    ("gelu_grad", (1.0,)),
    ("gelu_grad", (1.2345679,)),
    ("gelu_tanh", ()),
    ("gelu_tanh_grad", (1.0,)),
    ("gelu_tanh_grad", (1.2345679,)),
]


def arguments(name, x, others):
    place = exact.OPERATIONS[name][1]
    others = [x.dtype.type(np.float32(v)) for v in others]
    return [*others[:place], x, *others[place:]]


def largest_error(results, wide, bits, smallest):
    """In units of the narrower results, and where; the wide ones are taken for exact."""
    units = np.ldexp(np.ones((), wide.dtype), np.maximum(np.frexp(wide)[1] - bits, smallest))
    found = np.abs(results.astype(wide.dtype) - wide) / units
    # Nothing is compared at infinity and nan but that both are there.
    special = ~np.isfinite(wide) | ~np.isfinite(results)
    same = (results == wide.astype(results.dtype)) | (np.isnan(results) & np.isnan(wide))
    found[special] = np.where(same[special], 0, np.inf)
    place = int(np.argmax(found))
    return float(found[place]), place


def every_float32(task):
    name, others, start = task
    worst = (0.0, 0.0)
    with np.errstate(all="ignore"):
        for chunk in range(start, start + (1 << 26), CHUNK):
            x = np.arange(chunk, chunk + CHUNK, dtype=np.uint64).astype(np.uint32).view(np.float32)
            function = getattr(fl, name)
            wide = function(*arguments(name, x.astype(np.float64), others))
            found, place = largest_error(function(*arguments(name, x, others)), wide, 24, -149)
            worst = max(worst, (found, float(x[place])))
    return name, others, worst


def many_float64(task):
    name, others, seed, n = task
    rng = np.random.default_rng(seed)
    low = exact.LOWEST[name][1]
    worst = (0.0, 0.0)
    with np.errstate(all="ignore"):
        for _ in range(max(1, n // CHUNK)):
            # By the density of the numbers themselves, evenly, and close to where GELU's gradients are 0.
            x = np.concatenate(
                [
                    -np.exp2(rng.uniform(-1074 if rng.random() < 0.1 else -40, np.log2(-low), CHUNK // 2)),
                    rng.uniform(low, 1, CHUNK // 4),
                    rng.uniform(-1.5, 0, CHUNK // 8),
                    np.exp2(rng.uniform(-40, 6, CHUNK // 8)),
                ]
            )
            function = getattr(fl, name)
            wide = function(*arguments(name, x.astype(np.longdouble), others))
            found, place = largest_error(function(*arguments(name, x, others)), wide, 53, -1074)
            worst = max(worst, (found, float(x[place])))
    return name, others, worst


def hard_float64(task):
    name, others, seed, n = task
    rng = np.random.default_rng(seed)
    x = exact.points(rng, name, np.dtype(np.float64), n)
    given = [np.broadcast_to(a, x.shape) for a in arguments(name, x, others)]
    found = exact.errors(name, np.float64, getattr(fl, name)(*given), *given)
    place = int(np.argmax(found))
    return name, others, (float(found[place]), float(x[place]))


def every_half(task):
    name, others, dtype = task
    x = np.arange(65536, dtype=np.uint16).view(dtype)
    others = [np.float32(v).astype(dtype) for v in others]
    place = exact.OPERATIONS[name][1]
    got = getattr(fl, name)(*others[:place], x, *others[place:])
    expected = exact.rounded_halves(name, x, dtype, getattr(fl, name), *others)
    nan = np.isnan(expected.astype(np.float32))
    wrong = np.where(nan, ~np.isnan(got.astype(np.float32)), got.view(np.uint16) != expected.view(np.uint16))
    # A rounding that is not the exact value's counts as more than a unit.
    return (
        name,
        (*map(float, others), np.dtype(dtype).name),
        (2.0 * np.count_nonzero(wrong), float(x[np.argmax(wrong)])),
    )


def proofs(points):
    import ml_dtypes

    return {
        "halves": (every_half, [(*case, t) for case in CASES for t in (np.float16, ml_dtypes.bfloat16)]),
        "mpmath": (hard_float64, [(*case, seed, 500) for case in CASES for seed in range(30)]),
        "float64": (many_float64, [(*case, seed, points // 16) for case in CASES for seed in range(16)]),
        "float32": (every_float32, [(*case, start) for case in CASES for start in range(0, 1 << 32, 1 << 26)]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("proofs", nargs="*", default=["halves", "mpmath", "float64", "float32"])
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--points", type=int, default=10**8)
    given = parser.parse_args()
    failed = False
    fl.set_num_threads(1)
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        for proof in given.proofs:
            prove, tasks = proofs(given.points)[proof]
            started = time.perf_counter()
            worst = {}
            for name, others, found in pool.imap_unordered(prove, tasks):
                worst[name, others] = max(worst.get((name, others), (0.0, 0.0)), found)
            for (name, others), (error, x) in sorted(worst.items(), key=str):
                print(f"{proof}: {name} {others}: {error:.4f} at x = {x!r}", flush=True)
                failed |= not error <= 1
            print(f"{proof}: {time.perf_counter() - started:.0f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
