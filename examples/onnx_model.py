"""Evaluate an ONNX model with LeakyRelu and PRelu on fastlrelu's kernels, and time it against ONNX's own reference.

The model is made here, with a convolution between the two; a file works the same: ReferenceEvaluator("model.onnx",
new_ops=ops). The program exits with 1 if a bit differs.

Needs ONNX: pip install 'fastlrelu[onnx]'
"""

from __future__ import annotations

import sys
import time

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from fastlrelu.adapters.onnx import ops

SHAPE = (8, 16, 64, 64)


def model() -> ModelProto:
    rng = np.random.default_rng(0)
    weights = {
        "slopes": rng.random((16, 1, 1), np.float32),
        "kernel": rng.standard_normal((4, 16, 1, 1), np.float32),
    }
    nodes = [
        helper.make_node("PRelu", ["x", "slopes"], ["a"]),
        helper.make_node("Conv", ["a", "kernel"], ["b"]),
        helper.make_node("LeakyRelu", ["b"], ["y"], alpha=0.1),
    ]
    values = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, (SHAPE[0], 4, *SHAPE[2:])),
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "example", values[:1], values[1:], tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)])
    checker.check_model(made)
    return made


def timed(evaluator: ReferenceEvaluator, x: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    start = time.perf_counter()
    (y,) = evaluator.run(None, {"x": x})
    return y, time.perf_counter() - start


def main() -> int:
    x = np.random.default_rng(1).standard_normal(SHAPE, np.float32)
    made = model()
    theirs, before = timed(ReferenceEvaluator(made), x)
    ours, after = timed(ReferenceEvaluator(made, new_ops=ops), x)
    print(f"whole model: {before * 1e3:.1f} ms with ONNX's reference, {after * 1e3:.1f} ms with new_ops=ops")
    equal = ours.tobytes() == theirs.tobytes()
    print(f"output: {'equal bit for bit' if equal else 'DIFFERENT'}")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
