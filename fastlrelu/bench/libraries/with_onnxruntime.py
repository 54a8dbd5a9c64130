"""ONNX Runtime: a model of one or two nodes on its CPU provider."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime

from ..inputs import Array, Inputs
from . import Call, UnsupportedError

VERSION: str = onnxruntime.__version__
_threads = 1


def set_threads(threads: int) -> None:
    """Limit the pool of each session."""
    global _threads
    _threads = threads
    onnxruntime.set_default_logger_severity(4)


def _session(i: Inputs, nodes: list[Any], constants: dict[str, Array]) -> Any:
    if i.dtype.name == "bfloat16":
        raise UnsupportedError("ONNX Runtime takes no bfloat16 arrays from Python")
    kind = onnx.helper.np_dtype_to_tensor_dtype(i.dtype)
    graph = onnx.helper.make_graph(
        nodes,
        "activation",
        [onnx.helper.make_tensor_value_info("x", kind, list(i.x.shape))],
        [onnx.helper.make_tensor_value_info("y", kind, None)],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in constants.items()],
    )
    # The versions of 2022, which any ONNX Runtime in use reads; those of 2023 have Gelu.
    ir_version, opset = (9, 20) if nodes[-1].op_type == "Gelu" else (8, 17)
    model = onnx.helper.make_model(graph, ir_version=ir_version, opset_imports=[onnx.helper.make_opsetid("", opset)])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        if "NOT_IMPLEMENTED" in str(error):
            raise UnsupportedError(f"ONNX Runtime has no {nodes[-1].op_type} of {i.dtype.name} on the CPU") from None
        raise


def build(i: Inputs, candidate: str) -> Call:
    """The call to time."""
    node = onnx.helper.make_node
    if i.operation.startswith("prelu"):
        session = _session(i, [node("PRelu", ["x", "slopes"], ["y"])], {"slopes": i.channel_slopes})
    elif i.operation in ("add", "layer"):
        first = node("Add" if i.operation == "add" else "MatMul", ["x", "second"], ["t"])
        session = _session(i, [first, node("LeakyRelu", ["t"], ["y"], alpha=i.slope)], {"second": i.second})
    elif i.operation == "elu":
        session = _session(i, [node("Elu", ["x"], ["y"])], {})
    elif i.operation in ("gelu", "gelu_tanh"):
        approximate = "tanh" if i.operation == "gelu_tanh" else "none"
        session = _session(i, [node("Gelu", ["x"], ["y"], approximate=approximate)], {})
    elif i.operation == "grad":
        raise UnsupportedError("ONNX has no gradient of LeakyRelu")
    else:
        session = _session(i, [node("LeakyRelu", ["x"], ["y"], alpha=i.slope)], {})
    if i.operation in ("out", "in_place"):
        return _into(i, session)
    feed = {"x": i.x}
    return lambda: session.run(None, feed)[0]


def _into(i: Inputs, session: Any) -> Call:
    value = onnxruntime.OrtValue.ortvalue_from_numpy(i.x)
    out = value if i.operation == "in_place" else onnxruntime.OrtValue.ortvalue_from_numpy(np.empty_like(i.x))
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", value)
    binding.bind_ortvalue_output("y", out)

    def into() -> Any:
        session.run_with_iobinding(binding)
        return out

    return into


def to_numpy(result: Any) -> Array:
    """The array, or a copy of ONNX Runtime's own value."""
    return np.asarray(result if isinstance(result, np.ndarray) else result.numpy())
