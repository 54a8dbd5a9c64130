"""The example programs: each checks itself, and its check notices a difference."""

import re
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

import fastlrelu as fl

EXAMPLES = Path(__file__).parents[2] / "examples"
NEEDS_KERAS = pytest.mark.skipif(
    find_spec("keras") is None or find_spec("jax") is None,
    reason="without keras or jax, which the extra test-libraries has",
)


@pytest.fixture
def example(monkeypatch):
    """An example program as a module."""

    def load(name):
        spec = spec_from_file_location(name, EXAMPLES / f"{name}.py")
        module = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setattr(sys, "argv", [name])
        spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.timeout(100)
@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("labelled_arrays", "numbers: equal bit for bit"),
        ("onnx_model", "output: equal bit for bit"),
        pytest.param("keras_model", "predictions: equal", marks=NEEDS_KERAS),
        ("autograd_training", "slopes"),
        ("scikit_learn_pipeline", "predictions after pickling: equal"),
        ("generator_block", "output: equal bit for bit"),
    ],
)
def test_a_program(child, name, answer):
    assert answer in child("-W", "error", EXAMPLES / f"{name}.py", limit=90)


def test_weights_of_a_state_dict_give_the_outputs_of_pytorch(child, example, monkeypatch, capsys):
    ways = ["--stored"] if find_spec("torch") is None else ["--stored", None]
    for way in ways:
        answer = child(EXAMPLES / "load_weights.py", *([way] if way else []))
        assert ("load_weights.npz" in answer) == (way == "--stored")
        assert answer.count("agrees") == 3
    program = example("load_weights")
    monkeypatch.setattr(sys, "argv", ["load_weights", "--stored"])
    monkeypatch.setattr(program.fl, "prelu", lambda x, weight: fl.leaky_relu(x, 0.3))
    assert program.main() == 1
    assert "DIFFERENT" in capsys.readouterr().out


@pytest.mark.timeout(150)
def test_the_array_is_larger_than_the_memory_of_the_cluster(child):
    answer = child(EXAMPLES / "dask_inference.py", "--workers", 1, limit=140)
    assert "results: equal bit for bit" in answer
    array = int(re.search(r"^array: (\d+) MiB", answer, re.MULTILINE)[1])
    limit, memory = map(int, re.search(r"of (\d+) MiB, (\d+) MiB in all", answer).groups())
    assert array > memory
    peaks = [int(peak) for peak in re.findall(r"(\d+) MiB", re.search(r"^memory of .*", answer, re.MULTILINE)[0])]
    assert len(peaks) == 1
    assert peaks[0] < limit


def test_the_generator_is_rewritten_and_both_times_are_printed(child):
    answer = child(EXAMPLES / "generator_block.py", "--images", 1, "--size", 16, "--rounds", 1)
    assert "+    return fastlrelu.leaky_relu(x, SLOPE)" in answer
    assert re.search(r"whole block: [\d.]+ ms with np.where, [\d.]+ ms rewritten", answer)


def test_a_generator_that_differs_is_noticed(example, monkeypatch, capsys):
    generator = example("generator_block")

    def wrong(source, folder):
        path = folder / "wrong.py"
        text = source.read_text().replace("np.where(x > 0, x, SLOPE * x)", "fastlrelu.leaky_relu(x, 0.21)")
        path.write_text("import fastlrelu\n" + text)
        return path

    monkeypatch.setattr(generator, "rewrite", wrong)
    monkeypatch.setattr(sys, "argv", ["generator_block", "--images", "1", "--size", "8", "--rounds", "1"])
    assert generator.main() == 1
    assert "DIFFERENT" in capsys.readouterr().out


def test_a_generator_that_was_not_rewritten_is_noticed(example, monkeypatch, capsys):
    generator = example("generator_block")
    monkeypatch.setattr(generator, "rewrite", lambda source, folder: source)
    monkeypatch.setattr(sys, "argv", ["generator_block", "--images", "1", "--size", "8", "--rounds", "1"])
    assert generator.main() == 1
    assert "nothing was rewritten" in capsys.readouterr().out


def test_the_convolution_is_one(example, rng):
    layers = example("generator_layers")
    x = rng.standard_normal((2, 5, 6, 3))
    weight, bias = rng.standard_normal((27, 4)), rng.standard_normal(4)
    actual = layers.convolve(x, weight, bias)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    kernel = weight.reshape(3, 3, 3, 4)
    for row, column in [(0, 0), (2, 3), (4, 5)]:
        window = padded[:, row : row + 3, column : column + 3]
        np.testing.assert_allclose(actual[:, row, column], np.einsum("nijc,ijco->no", window, kernel) + bias)


def test_a_network_that_differs_on_the_cluster_is_noticed(example, tmp_path, rng):
    inference = example("dask_inference")
    layers = inference.network(seed=1)
    x = rng.standard_normal((8, inference.LAYERS[0])).astype(np.float32)
    np.save(tmp_path / "x0.npy", x)
    y = inference.predict(x, layers)
    np.save(tmp_path / "y0.npy", y)
    assert inference.blocks_that_differ(tmp_path, layers, 1) == 0
    np.save(tmp_path / "y0.npy", np.nextafter(y, np.float32(9)))
    assert inference.blocks_that_differ(tmp_path, layers, 1) == 1
