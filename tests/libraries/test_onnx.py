"""ONNX: its own node tests through the adapter, and the places where its reference implementation is wrong."""

import ml_dtypes
import numpy as np
import onnx.inliner
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import fastlrelu as fl
import reference as ref
from fastlrelu.adapters.onnx import LeakyRelu, PRelu, ops

TYPES = {
    TensorProto.FLOAT16: np.float16,
    TensorProto.BFLOAT16: ml_dtypes.bfloat16,
    TensorProto.FLOAT: np.float32,
    TensorProto.DOUBLE: np.float64,
    TensorProto.INT32: np.int32,
    TensorProto.INT64: np.int64,
    TensorProto.UINT32: np.uint32,
    TensorProto.UINT64: np.uint64,
}
ALL = list(TYPES)
FLOATS = ALL[:4]
SLOPES = [0.0, 0.01, 0.3, 1.0, 1.5, -0.5]


def model(operator, element, opset, *inputs, **attributes):
    node = helper.make_node(operator, list(inputs), ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info(name, element, None) for name in inputs],
        [helper.make_tensor_value_info("y", element, None)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def leaky_relu(x, element, opset=18, new_ops=ops, **attributes):
    evaluator = ReferenceEvaluator(model("LeakyRelu", element, opset, "x", **attributes), new_ops=new_ops)
    with np.errstate(all="ignore" if new_ops is None else "warn"):
        return evaluator.run(None, {"x": x})[0]


def prelu(x, slope, element=TensorProto.FLOAT, opset=18, new_ops=ops):
    evaluator = ReferenceEvaluator(model("PRelu", element, opset, "x", "slope"), new_ops=new_ops)
    with np.errstate(all="ignore" if new_ops is None else "warn"):
        return evaluator.run(None, {"x": x, "slope": slope})[0]


def test_the_node_tests_of_onnx(onnx_node_tests):
    ran, through_the_adapter = set(), set()
    for case in onnx_node_tests("LeakyRelu", "PRelu"):
        evaluator = ReferenceEvaluator(case.model, new_ops=ops)
        if {type(node) for node in evaluator.rt_nodes_} <= {LeakyRelu, PRelu}:
            through_the_adapter.add(case.name)
        names = [value.name for value in case.model.graph.input]
        for inputs, outputs in case.data_sets:
            (y,) = evaluator.run(None, dict(zip(names, inputs, strict=True)))
            assert y.dtype == outputs[0].dtype
            np.testing.assert_allclose(y, outputs[0], rtol=case.rtol, atol=case.atol)
            ran.add(case.name)
    leaky = {"test_leakyrelu", "test_leakyrelu_default", "test_leakyrelu_example"}
    assert through_the_adapter == leaky | {"test_prelu_example", "test_prelu_broadcast"}
    # The rest are the same functions spelled out in other operators.
    assert all(name.endswith("_expanded") for name in ran - through_the_adapter)


@pytest.mark.parametrize("element", FLOATS, ids=TensorProto.DataType.Name)
@pytest.mark.parametrize("slope", SLOPES)
def test_leaky_relu_has_the_bits_of_np_where_and_of_the_reference(rng, element, slope):
    x = ref.random_values(rng, (3, 4, 5), TYPES[element])
    alpha = float(np.float32(slope))
    actual = leaky_relu(x, element, alpha=alpha)
    ref.assert_same_bits(actual, ref.leaky_relu(x, alpha))
    ref.assert_same_bits(actual, leaky_relu(x, element, new_ops=None, alpha=alpha))


@pytest.mark.parametrize("opset", [1, 6, 16, 22])
def test_the_default_alpha_at_every_opset(rng, opset):
    x = ref.random_values(rng, 50, np.float32)
    ref.assert_same_bits(leaky_relu(x, TensorProto.FLOAT, opset), ref.leaky_relu(x, float(np.float32(0.01))))


def test_opset_1_may_say_consumed_inputs():
    x = np.array([-2.0, 3.0], np.float32)
    ref.assert_same_bits(leaky_relu(x, TensorProto.FLOAT, 1, alpha=0.5, consumed_inputs=[0]), ref.leaky_relu(x, 0.5))


def test_a_scalar_tensor_stays_a_tensor():
    y = leaky_relu(np.array(-2.0, np.float32), TensorProto.FLOAT, alpha=0.5)
    assert isinstance(y, np.ndarray)
    assert y == -1


def test_slope_0_in_a_call_is_not_replaced_by_the_slope_of_the_node():
    from onnx.reference.ops.op_leaky_relu import LeakyRelu as Theirs

    x = np.array([-2.0, 3.0], np.float32)
    theirs = Theirs.create(alpha=0.5)._run(x, alpha=0.0)[0]
    assert theirs.tolist() == [-1, 3], "the reference is mended: say so in the adapter"
    assert LeakyRelu.create(alpha=0.5)._run(x, alpha=0.0)[0].tolist() == [-0.0, 3]


def test_an_infinite_slope_leaves_positive_values_as_they_are():
    x = np.array([-2.0, 3.0], np.float32)
    assert np.isnan(leaky_relu(x, TensorProto.FLOAT, new_ops=None, alpha=np.inf)[1])
    assert leaky_relu(x, TensorProto.FLOAT, alpha=np.inf).tolist() == [-np.inf, 3]


@pytest.mark.parametrize("slope", [0.0, 0.25])
def test_alpha_as_attribute_of_a_function(slope):
    node = helper.make_node("LeakyRelu", ["x"], ["y"])
    node.attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT))
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    function = helper.make_function("own", "Activation", ["x"], ["y"], [node], opsets, ["slope"])
    x = np.array([-2.0, 3.0], np.float32)
    alone = ReferenceEvaluator(function, new_ops=ops)
    assert alone.run(None, {"x": x}, attributes={"slope": slope})[0].tolist() == [-2 * slope, 3]

    call = helper.make_node("Activation", ["x"], ["y"], domain="own", slope=slope)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy"]
    graph = helper.make_graph([call], "graph", values[:1], values[1:])
    whole = helper.make_model(graph, opset_imports=opsets, functions=[function])
    evaluator = ReferenceEvaluator(onnx.inliner.inline_local_functions(whole), new_ops=ops)
    assert [type(node) for node in evaluator.rt_nodes_] == [LeakyRelu]
    assert evaluator.run(None, {"x": x})[0].tolist() == [-2 * slope, 3]


@pytest.mark.parametrize("element", ALL, ids=TensorProto.DataType.Name)
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 1, 1), (1, 3, 1, 1), (5,), (1,), (), (4, 1), (3, 1, 5), (4, 5)])
def test_prelu_has_the_bits_of_the_reference(rng, element, shape):
    dtype = np.dtype(TYPES[element])
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        x = rng.integers(limits.min, limits.max, (2, 3, 4, 5), dtype, endpoint=True)
        slope = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        slope = np.asarray(slope, dtype)
    else:
        x = ref.random_values(rng, (2, 3, 4, 5), dtype)
        slope = np.asarray(rng.standard_normal(shape)).astype(dtype)
    actual = prelu(x, slope, element)
    expected = prelu(x, slope, element, new_ops=None)
    if dtype.kind in "iu":
        assert actual.dtype == dtype
        np.testing.assert_array_equal(actual, expected)
    else:
        ref.assert_same_bits(actual, expected)


@pytest.mark.parametrize("shape", [(2,), (3,), (2, 1, 3, 4, 5), (1, 2, 3, 4, 5), (6, 5)])
def test_a_slope_that_does_not_broadcast_to_x_is_refused(shape):
    with pytest.raises(ValueError, match="does not broadcast"):
        prelu(np.zeros((2, 3, 4, 5), np.float32), np.zeros(shape, np.float32))


def test_before_opset_7_a_slope_counts_channels(rng):
    x = rng.standard_normal((2, 3, 4, 3)).astype(np.float32)
    slope = np.array([0.1, 0.2, 0.3], np.float32)
    by_channel, last = slope[:, np.newaxis, np.newaxis], slope
    ref.assert_same_bits(prelu(x, slope, opset=6), ref.leaky_relu(x, by_channel))
    ref.assert_same_bits(prelu(x, slope, opset=7), ref.leaky_relu(x, last))
    ref.assert_same_bits(prelu(x, slope[:1], opset=6), ref.leaky_relu(x, slope[0]))


def test_other_types_are_refused():
    with pytest.raises(TypeError) as error:
        prelu(np.zeros(3, np.float32), np.zeros(3))
    assert "one type for both" in str(error.value.__cause__)
    with pytest.raises(TypeError) as error:
        leaky_relu(np.zeros(3, np.int32), TensorProto.INT32)
    assert "does not take int32" in str(error.value.__cause__)


@pytest.mark.parametrize("shape", [(3, 1, 1), (1, 3, 1, 1), (1,), (), (5,), (3, 4, 5), (2, 3, 4, 5)])
def test_prelu_has_the_bits_of_onnx_runtime(rng, shape):
    runtime = pytest.importorskip("onnxruntime", reason="without onnxruntime, which no extra has")
    x = rng.standard_normal((2, 3, 4, 5)).astype(np.float32)
    slope = np.asarray(rng.standard_normal(shape), np.float32)
    whole = model("PRelu", TensorProto.FLOAT, 16, "x", "slope")
    whole.ir_version = 10
    session = runtime.InferenceSession(whole.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, {"x": x, "slope": slope})[0]
    ref.assert_same_bits(prelu(x, slope), expected)
    ref.assert_same_bits(fl.prelu(x, slope, axis=-1), expected)
