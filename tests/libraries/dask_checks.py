"""Dask: lazy arrays, its threads, and a cluster of processes; run by test_dask.py in a process of its own."""

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster

import fastlrelu as fl
import reference as ref

SECONDS = 30


def cluster_of_processes(workers):
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        memory_limit="512MiB",
    )


@pytest.fixture(scope="module")
def client():
    with cluster_of_processes(2) as cluster, Client(cluster, timeout=SECONDS, set_as_default=False) as client:
        yield client


@pytest.fixture(params=["synchronous", "threads", "cluster"])
def compute(request):
    """One process and thread, the threads of Dask, and processes of a cluster in turn."""
    if request.param == "cluster":
        client = request.getfixturevalue("client")
        return lambda array: client.compute(array).result(timeout=SECONDS)
    return lambda array: array.compute(scheduler=request.param, num_workers=2)


@pytest.fixture(params=[np.float16, np.float32, np.float64])
def x(request, rng):
    return ref.random_values(rng, (60, 40), request.param)


def test_every_ufunc_is_lazy_and_has_the_bits_of_one_process(compute, x):
    lazy = da.from_array(x, chunks=(16, 40))
    for y, expected in [
        (fl.leaky_relu(lazy, 0.1), ref.leaky_relu(x, 0.1)),
        (fl.LeakyReLU(0.1)(lazy), ref.leaky_relu(x, 0.1)),
        (fl.leaky_relu(lazy, x[0]), ref.leaky_relu(x, x[0])),
        (fl.leaky_relu_grad(lazy[::-1], lazy, 0.1), ref.leaky_relu_grad(x[::-1], x, 0.1)),
        (fl.add_leaky_relu(lazy, x[:, :1], 0.1), ref.add_leaky_relu(x, x[:, :1], 0.1)),
        (fl.prelu(lazy, x[0]), ref.leaky_relu(x, x[0])),
        (lazy.map_blocks(fl.LeakyReLU(0.1), dtype=x.dtype), ref.leaky_relu(x, 0.1)),
        (lazy.map_blocks(fl.prelu, x[0], dtype=x.dtype), ref.leaky_relu(x, x[0])),
        (fl.elu(lazy, 0.5), fl.elu(x, 0.5)),
        (fl.ELU(0.5)(lazy), fl.elu(x, 0.5)),
        (fl.elu_grad(lazy[::-1], lazy, x[0]), fl.elu_grad(x[::-1], x, x[0])),
        (fl.gelu(lazy), fl.gelu(x)),
        (fl.gelu_grad(lazy[::-1], lazy), fl.gelu_grad(x[::-1], x)),
        (fl.GELU("tanh")(lazy), fl.gelu_tanh(x)),
        (fl.gelu_tanh_grad(lazy[::-1], lazy), fl.gelu_tanh_grad(x[::-1], x)),
        (lazy.map_blocks(fl.GELU(), dtype=x.dtype), fl.gelu(x)),
    ]:
        assert isinstance(y, da.Array)
        assert y.dtype == x.dtype
        ref.assert_same_bits(compute(y), expected)


def test_blocks_above_the_threshold_of_threads(compute, rng):
    x = rng.standard_normal((8, 300_000)).astype(np.float32)
    lazy = da.from_array(x, chunks=(1, -1))
    ref.assert_same_bits(compute(fl.leaky_relu(lazy, 0.1)), ref.leaky_relu(x, 0.1))
    ref.assert_same_bits(compute(fl.gelu(lazy)), fl.gelu(x))


def test_what_dask_cannot_do_is_refused():
    lazy = da.zeros(5)
    for in_place in (fl.leaky_relu_, fl.elu_, fl.gelu_, fl.gelu_tanh_):
        with pytest.raises(TypeError, match="NumPy array"):
            in_place(lazy)
    for method in (fl.leaky_relu.outer, lambda x, s: fl.leaky_relu.at(x, [0], s)):
        with pytest.raises(TypeError, match="NotImplemented"):
            method(lazy, 0.1)


def test_dask_gives_its_workers_one_thread_each(client):
    assert set(client.run(fl.get_num_threads).values()) == {1}


def test_threads_are_set_on_running_workers(client):
    client.run(fl.set_num_threads, 2)
    try:
        assert set(client.run(fl.get_num_threads).values()) == {2}
    finally:
        client.run(fl.set_num_threads, 1)


@pytest.mark.parametrize("place", ["environment", "configuration"])
def test_threads_are_set_for_workers_to_come(monkeypatch, place):
    # A cluster leaves the variable behind in the process that started it, where it goes before the configuration.
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if place == "environment":
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
    threads = {"distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS": 3} if place == "configuration" else {}
    with dask.config.set(threads), cluster_of_processes(1) as cluster, Client(cluster, timeout=SECONDS) as client:
        assert set(client.run(fl.get_num_threads).values()) == {3}
