"""What a report says about given times, what a plan measures, and when results count as equal."""

from functools import partial

import ml_dtypes
import numpy as np
import pytest

import fastlrelu as fl
from fastlrelu.bench import inputs, plans
from fastlrelu.bench.cells import DTYPES, ELU_GELU, LIBRARIES, OPERATIONS, REUSED, Cell, shape_of, size_text
from fastlrelu.bench.report import findings, pages, tables
from fastlrelu.bench.results import Omission, Result, Run
from fastlrelu.bench.turns import OUT_OF_TIME
from fastlrelu.bench.worker import Worker


def run_of(times):
    """A run from {(operation, size, threads): {candidate: seconds}}."""
    run = Run()
    for (operation, size, threads), column in times.items():
        cell = Cell(operation, "float32", size, threads)
        run.cells[cell] = {n: Result(cell, n, s, 0.95 * s, 1.05 * s, 9, True) for n, s in column.items()}
    return run


def test_speedup():
    run = run_of(
        {
            ("new", 1, 1): {"fastlrelu": 1e-7, "where": 2e-6, "numba": 5e-7},
            ("new", 4096, 1): {"fastlrelu": 1e-6, "where": 1e-5, "numba": 8e-7},
        }
    )
    figure = findings.speedup(run)
    assert [series.candidate for series in figure.series] == ["fastlrelu", "where", "numba"]
    assert figure.series[0].points == [(1, pytest.approx(20)), (4096, pytest.approx(10))]
    assert figure.sentence == (
        "fastlrelu is 10 to 20 times as fast as np.where from 1 to 2^12 elements; the closest of the others, numba, "
        "takes 2.9 times as long in the median and is faster at 1 of 2 sizes."
    )


def test_speedup_in_memory_that_is_reused():
    column = {"fastlrelu": 1e-3, "reused": 4e-4, "where": 6e-3, "where_reused": 5e-3}
    figure = findings.speedup(run_of({("new", 1 << 20, 1): column}))
    assert figure.sentence == (
        "fastlrelu is 6 times as fast as np.where at 2^20 elements. "
        "In memory that is reused it is up to 2.5 times as fast, np.where 1.2 times."
    )


def test_the_line_of_an_operation_has_its_own_name():
    run = run_of({("gelu", 4096, 1): {"fastlrelu": 2e-6, "where": 1e-6, "torch": 3e-6}})
    assert tables.losses_table(tables.losses(run)).rows[0][5] == "SciPy's erf"
    assert tables.times(run)[0].head == ["elements", "fastlrelu", "SciPy's erf", "PyTorch"]
    assert tables.summary(run).rows == [["GELU", "float32", "1", "0.5x", "0.5x", "0.5x", "1.5x", "1.5x"]]
    without_scipy = run_of({("gelu", 4096, 1): {"fastlrelu": 2e-6, "torch": 3e-6}})
    assert tables.summary(without_scipy).rows == [["GELU", "float32", "1", "-", "-", "-", "1.5x", "1.5x"]]


def test_layer():
    run = run_of({("layer", 65536, 2): {"limit": 1e-4, "fastlrelu": 1.02e-4, "where": 2e-4, "torch": 0.9e-4}})
    assert findings.layer(run).sentence == (
        "On top of NumPy's product alone, the activation adds: fastlrelu 2 %, np.where 100 %; with products of their "
        "own, faster than NumPy's alone: PyTorch."
    )


def test_scaling():
    times = {
        ("out", 1 << 20, 1): {"fastlrelu": 2e-4, "limit": 1e-4},
        ("out", 1 << 20, 2): {"fastlrelu": 1e-4, "limit": 1e-4},
    }
    assert findings.scaling(run_of(times)).sentence == (
        "With 2 threads fastlrelu is 2 times as fast as with 1 (np.copyto 1), at 2^20 elements."
    )


def test_one_number_of_threads():
    times = {("out", 1 << 20, 2): {"fastlrelu": 2e-4, "limit": 1e-4}}
    sentence = "Only one number of threads, 2, was measured: there is nothing to compare."
    assert findings.scaling(run_of(times)).sentence == sentence


def test_a_report_says_first_what_is_wrong_with_its_run():
    run = run_of({("new", 4096, 1): {"fastlrelu": 1e-6, "where": 1e-5}})
    assert "**" not in pages.markdown(run)
    run.interrupted, run.other_load = True, 1.5
    run.omissions.append(Omission(Cell("new", "float32", 8), "fastlrelu", OUT_OF_TIME, False))
    start, _, _ = pages.markdown(run).partition("| CPU")
    assert "**This run was interrupted" in start
    assert "**The time for the run was over before 1 of its cells" in start
    assert "**Other programs kept 1.50 processors busy" in start


def test_empty_run_has_no_plots_but_sentences():
    for figure in findings.figures(Run()):
        assert figure.series == []
        assert figure.sentence.endswith(".")


def test_losses_are_all_there_and_the_largest_comes_first():
    run = run_of(
        {
            ("new", 1, 1): {"fastlrelu": 1.0, "where": 2.0, "limit": 0.1},
            ("new", 2, 1): {"fastlrelu": 1.0, "where": 2.0, "torch": 0.97},
            ("new", 4, 1): {"fastlrelu": 1.0, "torch": 0.5, "numba": 0.8},
        }
    )
    found = tables.losses(run)
    assert [(loss.cell.size, loss.factor, loss.within_spread) for loss in found] == [
        (4, 2.0, False),
        (2, pytest.approx(1 / 0.97), True),
    ]
    assert tables.losses_table(found).rows[0][5:] == ["PyTorch", "500 ms", "2.00x", "apart", "numba 1.25x"]
    assert tables.losses_sentence(run, found).startswith("Somebody is faster in 2 of 3 cells, in 1 of them")
    assert tables.losses_sentence(run, []).startswith("None: in none of the 3 cells")


def test_full_plan_covers_everything():
    plan = plans.report_plan(False, 4)
    assert {cell.operation for cell in plan.cells} == set(OPERATIONS)
    for operation in plans.ACTIVATIONS:
        assert {cell.dtype for cell in plan.cells if cell.operation == operation} == set(DTYPES)
        assert {1, 4} <= {cell.threads for cell in plan.cells if cell.operation == operation}
    for operation in ELU_GELU:
        assert {cell.dtype for cell in plan.cells if cell.operation == operation} == {"float32", "float64"}
        assert {cell.threads for cell in plan.cells if cell.operation == operation} == {1, 4}
    sizes = {cell.size for cell in plan.cells if cell.operation == "new"}
    assert min(sizes) == 1
    assert max(sizes) == 1 << 26
    assert {cell.threads for cell in plan.cells} == {1, 2, 4}
    assert len(set(plan.cells)) == len(plan.cells)


def test_choices_replace_the_cells_of_a_plan():
    plan = plans.report_plan(False, 4, sizes=[5, 1000], dtypes=["float16"], threads=[3], against=["torch"])
    activations = [cell for cell in plan.cells if cell.operation in plans.ACTIVATIONS]
    assert {(cell.size, cell.dtype, cell.threads) for cell in activations} == {(5, "float16", 3), (1000, "float16", 3)}
    assert {candidate for _, candidate in plan} <= {
        "torch",
        "where",
        "limit",
        "fastlrelu",
        "ufunc",
        "out",
        "in_place",
        "multiply",
    }


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 4096, 65536, 1_000_003])
@pytest.mark.parametrize("operation", plans.ACTIVATIONS)
def test_shapes_have_the_size(operation, size):
    assert np.prod(shape_of(Cell(operation, "float32", size))) == size


def test_sizes_in_words():
    assert [size_text(n) for n in (1, 1000, 1024, 4096, 5000, 1 << 26)] == [
        "1",
        "1,000",
        "1,024",
        "2^12",
        "5,000",
        "2^26",
    ]


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "layer"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("library", ["fastlrelu", "numpy"])
def test_what_is_timed_computes_the_same(library, dtype, operation):
    worker = Worker(library, 1)
    cell = Cell(operation, dtype, 2048)
    for candidate in cell.candidates():
        if LIBRARIES[candidate] == library:
            reply = worker.prepare([operation, dtype, 2048, 1], candidate)
            if operation == "gelu" and library == "numpy" and dtype.endswith("16"):
                assert reply["unsupported"]
                continue
            assert operation in ELU_GELU or reply["same_bits"], reply
            assert worker.round(candidate, 2)["seconds"] > 0


@pytest.mark.parametrize("library", ["fastlrelu", "numpy"])
def test_new_arrays_use_memory_again(library):
    worker = Worker(library, 1)
    cell = Cell("new", "float32", 1 << 20)
    (candidate,) = (name for name in REUSED if LIBRARIES[name] == library)
    assert set(REUSED) <= set(cell.candidates())
    assert not set(REUSED) & set(Cell("new", "float32", 1 << 18).candidates())
    before = fl.config()["memory_reused"]
    assert worker.prepare([cell.operation, cell.dtype, cell.size, 1], candidate)["same_bits"]
    worker.round(candidate, 3)
    assert fl.config()["memory_reused"] >= before + 3
    assert fl.config()["memory_held"] >= 1 << 22
    worker.release()
    assert fl.config()["memory_held"] == 0


@pytest.mark.parametrize("operation", ELU_GELU)
@pytest.mark.parametrize("library", ["torch", "jax", "onnxruntime"])
def test_elu_and_gelu_of_others(library, operation, request):
    module = pytest.importorskip(library, reason=f"without {library}, which no extra of the tests has but JAX")
    if library == "torch":
        # OpenMP's number is ours too.
        request.addfinalizer(partial(module.set_num_threads, module.get_num_threads()))
    reply = Worker(library, 1).prepare([operation, "float32", 4096, 1], library)
    assert reply["seconds"] > 0, reply


def test_difference():
    x = np.linspace(-1, 1, 101, dtype=np.float32)
    assert inputs.difference(x.copy(), x, "new") == ""
    assert inputs.difference(np.nextafter(x, np.float32(9)), x, "new") is None
    assert inputs.difference(x * np.float32(1.001), x, "new").startswith("100 of 101 elements, by up to 0.001")
    assert inputs.difference(x * np.float32(1.0001), x, "layer") is None
    assert inputs.difference(x + np.float32(2**-21), x, "gelu") is None
    assert inputs.difference(x + np.float32(2**-18), x, "gelu").startswith("101 of 101")
    assert "float64" in inputs.difference(x.astype(float), x, "new")
    assert "(101, 1)" in inputs.difference(x[:, None], x, "new")
    half = x.astype(np.float16)
    assert inputs.difference(np.nextafter(half, np.float16(9)), half, "new") is None
    brain = x.astype(ml_dtypes.bfloat16)
    assert inputs.difference(brain * brain.dtype.type(1.5), brain, "new").startswith("100 of 101")
