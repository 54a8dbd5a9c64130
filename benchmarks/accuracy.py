"""Errors of ELU and GELU in units in the last place (ulp): ours and those of every library that is installed here.

    python benchmarks/accuracy.py [--points 20000]

Prints a table for each dtype: the largest error for x around 0, in the negative tail, and where the result is
subnormal, against mpmath. PyTorch, TensorFlow, JAX, Keras, ONNX Runtime, ONNX's reference and SciPy count where they
are installed.
"""

import argparse
import contextlib
import importlib
import os
import sys
from pathlib import Path

import numpy as np

import fastlrelu as fl

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import exact

os.environ.setdefault("KERAS_BACKEND", "numpy")
FUNCTIONS = {"elu": "ELU, alpha 1", "gelu": "GELU", "gelu_tanh": "GELU by tanh"}
# The x of each column, by the smallest result that is a normal number.
COLUMNS = ["-1 to 1", "-5 to -1", "below -5", "subnormal results"]


def ours():
    yield "fastlrelu", {"elu": lambda x: fl.elu(x, 1.0), "gelu": fl.gelu, "gelu_tanh": fl.gelu_tanh}


def numpy_forms():
    def by_tanh(x):
        kind = x.dtype.type
        return kind(0.5) * x * (kind(1) + np.tanh(kind(np.sqrt(2 / np.pi)) * (x + kind(0.044715) * x * x * x)))

    yield "NumPy", {"elu": lambda x: np.where(x > 0, x, np.expm1(x)), "gelu_tanh": by_tanh}


def scipy():
    special = importlib.import_module("scipy.special")

    def by_erf(x):
        kind = x.dtype.type
        return kind(0.5) * x * (kind(1) + special.erf(x / kind(np.sqrt(2))))

    yield "SciPy, 0.5 * x * (1 + erf(...))", {"gelu": by_erf}
    yield "SciPy, x * ndtr(x)", {"gelu": lambda x: x * special.ndtr(x)}


def pytorch():
    torch = importlib.import_module("torch")
    functional = torch.nn.functional

    def through(function):
        return lambda x: function(torch.from_numpy(x)).numpy()

    yield (
        "PyTorch",
        {
            "elu": through(functional.elu),
            "gelu": through(functional.gelu),
            "gelu_tanh": through(lambda x: functional.gelu(x, approximate="tanh")),
        },
    )


def jax():
    module = importlib.import_module("jax")
    module.config.update("jax_enable_x64", True)

    def through(function):
        return lambda x: np.asarray(function(x))

    yield (
        "JAX",
        {
            "elu": through(module.nn.elu),
            "gelu": through(lambda x: module.nn.gelu(x, approximate=False)),
            "gelu_tanh": through(lambda x: module.nn.gelu(x, approximate=True)),
        },
    )


def tensorflow():
    nn = importlib.import_module("tensorflow").nn
    yield (
        "TensorFlow",
        {
            "elu": lambda x: nn.elu(x).numpy(),
            "gelu": lambda x: nn.gelu(x, approximate=False).numpy(),
            "gelu_tanh": lambda x: nn.gelu(x, approximate=True).numpy(),
        },
    )


def keras():
    ops = importlib.import_module("keras").ops
    yield (
        "Keras, NumPy backend",
        {
            "elu": lambda x: np.asarray(ops.elu(x)),
            "gelu": lambda x: np.asarray(ops.gelu(x, approximate=False)),
            "gelu_tanh": lambda x: np.asarray(ops.gelu(x, approximate=True)),
        },
    )


def onnx_model(operator, dtype, **attributes):
    helper = importlib.import_module("onnx.helper")
    number = importlib.import_module("onnx").TensorProto.DataType.Value({4: "FLOAT", 8: "DOUBLE"}[dtype.itemsize])
    values = [helper.make_tensor_value_info(name, number, None) for name in "xy"]
    graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"], **attributes)], "graph", values[:1], values[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def onnx_functions(run):
    return {
        "elu": lambda x: run(onnx_model("Elu", x.dtype), x),
        "gelu": lambda x: run(onnx_model("Gelu", x.dtype), x),
        "gelu_tanh": lambda x: run(onnx_model("Gelu", x.dtype, approximate="tanh"), x),
    }


def onnx():
    evaluator = importlib.import_module("onnx.reference").ReferenceEvaluator
    yield "ONNX, reference", onnx_functions(lambda model, x: evaluator(model).run(None, {"x": x})[0])


def onnx_runtime():
    session = importlib.import_module("onnxruntime").InferenceSession

    def run(model, x):
        return session(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]

    yield "ONNX Runtime", onnx_functions(run)


def columns(name, dtype, n, rng):
    info = np.finfo(dtype)
    low = exact.LOWEST[name][dtype.itemsize == 8]
    # Where the result becomes subnormal, x itself for ELU and for GELU around 0, else the far end of the tail.
    subnormal = -np.exp2(rng.uniform(info.minexp - info.nmant, info.minexp, n))
    return [
        np.concatenate(
            [rng.uniform(-1, 1, n // 2), rng.choice([-1, 1], n // 2) * np.exp2(rng.uniform(-60, 0, n // 2))]
        ),
        rng.uniform(-5, -1, n),
        rng.uniform(low * 0.96, -5, n),
        np.concatenate([subnormal[::2], rng.uniform(low, low * 0.97, n // 2)]) if name != "elu" else subnormal,
    ]


def text(error):
    return f"{error:.2f}" if error < 100 else f"{error:.1e}".replace("e+0", "e").replace("e+", "e")


def largest(function, name, x, others, expected):
    with np.errstate(all="ignore"):
        results = np.asarray(function(x))
    if results.dtype != x.dtype:
        return f"gives {results.dtype}"
    return text(max(exact.error(r, e, x.dtype) for r, e in zip(results, expected, strict=True)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=20_000, help="in each column")
    given = parser.parse_args()
    libraries = []
    for source in (ours, numpy_forms, scipy, pytorch, tensorflow, jax, keras, onnx, onnx_runtime):
        with contextlib.suppress(ImportError):
            libraries += source()
    for dtype in map(np.dtype, (np.float32, np.float64)):
        for name, title in FUNCTIONS.items():
            rng = np.random.default_rng(0)
            inputs = [x.astype(dtype) for x in columns(name, dtype, given.points, rng)]
            others = (1.0,) if name == "elu" else ()
            expected = [[exact.exactly(name, value, *others) for value in x] for x in inputs]
            print(
                f"\n{title}, {dtype}: largest error in ulp\n\n| | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}"
            )
            for library, functions in libraries:
                if name in functions:
                    try:
                        cells = [
                            largest(functions[name], name, x, others, e) for x, e in zip(inputs, expected, strict=True)
                        ]
                    except Exception as error:
                        cells = [f"refuses it: {type(error).__name__}"] + [""] * (len(COLUMNS) - 1)
                    print(f"| {library} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
