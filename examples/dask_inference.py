"""Run a network over an array that does not fit the memory of the cluster it runs on.

The array lies in blocks on disk and is larger than the memory limits of all workers together, which Dask's nanny
enforces: a worker past its limit is killed. Every worker is a process; matrix products and activations are chunked
arrays, and nothing else in the network knows of Dask. The result has to be that of one process with plain NumPy, which
reads block after block, bit for bit; the program exits with 1 if it is not.

Needs Dask and threadpoolctl: pip install 'fastlrelu[dask]' threadpoolctl
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster, wait
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import fastlrelu as fl

SLOPE = 0.1
LAYERS = (256, 128, 64, 10)
ROWS_OF_A_BLOCK = 4096
SECONDS = 100
# Mebibytes of the array that the workers together would have no room for.
ROOM_MISSED = 32

Layers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


def network(seed: int) -> Layers:
    """Weights and biases; for a real network they come from training."""
    rng = np.random.default_rng(seed)
    pairs = list(pairwise(LAYERS))
    return [(rng.standard_normal(pair, np.float32) / 16, rng.standard_normal(pair[1], np.float32)) for pair in pairs]


def predict(x: Any, layers: Layers) -> Any:
    """The same line for an ndarray and for a Dask array."""
    for weight, bias in layers:
        x = fl.add_leaky_relu(x @ weight, bias, SLOPE)
    return x


def random_block(block_info: Any = None) -> NDArray[np.float32]:
    place = block_info[None]
    rng = np.random.default_rng(place["chunk-location"][0])
    return rng.random(place["chunk-shape"], np.float32) - np.float32(0.5)


def peak_mebibytes() -> float:
    # Kilobytes on Linux, bytes on macOS.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def local_cluster(workers: int, memory_limit: int) -> LocalCluster:
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        memory_limit=memory_limit,
    )


def block_mebibytes(layers: Layers) -> float:
    """Peak memory of a worker that has computed one block: mostly what the libraries of this environment take."""
    block = np.ones((ROWS_OF_A_BLOCK, LAYERS[0]), np.float32)
    with local_cluster(1, 0) as cluster, Client(cluster, timeout=30) as client:
        client.submit(predict, block, layers).result(SECONDS)
        return max(client.run(peak_mebibytes).values())


def write(client: Client, x: da.Array, folder: Path, name: str) -> None:
    """Compute an array on the cluster, where each block goes to a file of its own and nowhere else."""
    blocks = x.to_delayed().reshape(-1)
    futures = client.compute([dask.delayed(np.save)(folder / f"{name}{i}.npy", y) for i, y in enumerate(blocks)])
    wait(futures, timeout=SECONDS)
    client.gather(futures)


def on_disk(folder: Path, name: str, like: da.Array) -> da.Array:
    """The array that `write` has written."""

    def load(block_info: Any = None) -> NDArray[np.float32]:
        block: NDArray[np.float32] = np.load(folder / f"{name}{block_info[None]['chunk-location'][0]}.npy")
        return block

    return da.map_blocks(load, chunks=like.chunks, dtype=like.dtype)


def blocks_that_differ(folder: Path, layers: Layers, blocks: int) -> int:
    """Compute every block again in this process, and compare bits."""
    # One thread for the matrix products, as on the workers: their sums may be split otherwise.
    with threadpool_limits(1):
        return sum(
            predict(np.load(folder / f"x{i}.npy"), layers).tobytes() != np.load(folder / f"y{i}.npy").tobytes()
            for i in range(blocks)
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mebibytes", type=int, help="size on disk; by default more than fits the workers")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--worker-mebibytes", type=int, help="memory limit of each; by default a little over its need")
    parser.add_argument("--folder", type=Path, help="where the array is written for the time of the run")
    options = parser.parse_args()
    layers = network(seed=1)
    # Dask pauses a worker at 80 % of its limit.
    limit = options.worker_mebibytes or int(1.25 * block_mebibytes(layers)) + 100
    memory = options.workers * limit
    mebibytes = options.mebibytes or memory + ROOM_MISSED
    rows = (mebibytes << 20) // (4 * LAYERS[0])
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as name,
        local_cluster(options.workers, limit << 20) as cluster,
        Client(cluster, timeout=30) as client,
    ):
        folder = Path(name)
        chunks = da.core.normalize_chunks((ROWS_OF_A_BLOCK, LAYERS[0]), (rows, LAYERS[0]))
        x = da.map_blocks(random_block, chunks=chunks, dtype=np.float32)
        blocks = x.numblocks[0]
        start = time.perf_counter()
        write(client, x, folder, "x")
        print(f"array: {x.nbytes >> 20} MiB in {blocks} files, written in {time.perf_counter() - start:.1f} s")
        print(f"cluster: {options.workers} processes of {limit} MiB, {memory} MiB in all")
        start = time.perf_counter()
        write(client, predict(on_disk(folder, "x", x), layers), folder, "y")
        print(f"network on the cluster: {time.perf_counter() - start:.1f} s")
        peaks, threads = client.run(peak_mebibytes), client.run(fl.get_num_threads)
        print(f"memory of the workers at most: {', '.join(f'{peak:.0f} MiB' for peak in peaks.values())}")
        print(f"fastlrelu's threads in each worker: {', '.join(str(n) for n in threads.values())}")
        start = time.perf_counter()
        different = blocks_that_differ(folder, layers, blocks)
        print(f"network in one process, block after block: {time.perf_counter() - start:.1f} s")
    if mebibytes <= memory:
        print("the array fits the memory of the workers: give more --mebibytes")
    print(f"results: {f'{different} blocks DIFFERENT' if different else 'equal bit for bit'}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
