"""ELU and GELU through ONNX's own node tests and HIPS autograd's gradients."""

import numpy as np
import pytest
from autograd.test_util import check_grads
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import fastlrelu as fl
import reference as ref
from fastlrelu.adapters import autograd as traced
from fastlrelu.adapters.onnx import Elu, Gelu, ops


def test_the_node_tests_of_onnx(onnx_node_tests):
    ran = set()
    for case in onnx_node_tests("Elu", "Gelu"):
        evaluator = ReferenceEvaluator(case.model, new_ops=ops)
        if {type(node) for node in evaluator.rt_nodes_} <= {Elu, Gelu}:
            ran.add(case.name)
        names = [value.name for value in case.model.graph.input]
        for inputs, outputs in case.data_sets:
            (y,) = evaluator.run(None, dict(zip(names, inputs, strict=True)))
            assert y.dtype == outputs[0].dtype
            np.testing.assert_allclose(y, outputs[0], rtol=case.rtol, atol=case.atol)
    elu = {"test_elu", "test_elu_default", "test_elu_example"}
    assert ran == elu | {f"test_gelu_{form}_{number}" for form in ("default", "tanh") for number in (1, 2)}


@pytest.mark.parametrize("element", ["FLOAT16", "FLOAT", "DOUBLE"])
def test_onnx_gives_what_the_ufuncs_give(element, rng):
    number = getattr(TensorProto, element)
    x = ref.random_values(rng, (3, 40), {"FLOAT16": np.float16, "FLOAT": np.float32, "DOUBLE": np.float64}[element])
    for operator, opset, attributes, expected in [
        ("Elu", 6, {}, fl.elu(x, 1.0)),
        ("Elu", 22, {"alpha": 0.5}, fl.elu(x, 0.5)),
        ("Gelu", 20, {}, fl.gelu(x)),
        ("Gelu", 20, {"approximate": "tanh"}, fl.gelu_tanh(x)),
    ]:
        values = [helper.make_tensor_value_info(name, number, None) for name in "xy"]
        graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"], **attributes)], "graph", *zip(values))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        ref.assert_same_bits(ReferenceEvaluator(model, new_ops=ops).run(None, {"x": x})[0], expected)


def test_onnx_refuses_what_the_standard_does_not_have():
    for operator in (Elu, Gelu):
        node = helper.make_node(operator.__name__, ["x"], ["y"])
        values = [helper.make_tensor_value_info(name, TensorProto.INT32, None) for name in "xy"]
        graph = helper.make_graph([node], "graph", values[:1], values[1:])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
        with pytest.raises(TypeError, match=operator.__name__):
            ReferenceEvaluator(model, new_ops=ops).run(None, {"x": np.arange(3, dtype=np.int32)})


def away_from_zero(rng, shape):
    return rng.uniform(0.1, 2, shape) * rng.choice([-1, 1], shape)


@pytest.mark.parametrize(("shape", "alpha_shape"), [((3, 4), ()), ((3, 4), (4,)), ((4,), (3, 4)), ((3, 1), (1, 4))])
def test_gradients_of_elu(rng, shape, alpha_shape):
    x, alpha = away_from_zero(rng, shape), away_from_zero(rng, alpha_shape)
    check_grads(traced.elu, modes=["fwd", "rev"], order=2)(x, alpha)
    grad = away_from_zero(rng, np.broadcast_shapes(shape, alpha_shape))
    check_grads(traced.elu_grad, modes=["fwd", "rev"], order=2)(grad, x, alpha)


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh"])
def test_gradients_of_gelu(rng, name):
    x = rng.standard_normal((3, 4))
    check_grads(getattr(traced, name), modes=["fwd", "rev"], order=2)(x)
    check_grads(getattr(traced, f"{name}_grad"), modes=["fwd", "rev"], order=2)(rng.standard_normal((3, 4)), x)
    ref.assert_same_bits(getattr(traced, name)(x), getattr(fl, name)(x))
