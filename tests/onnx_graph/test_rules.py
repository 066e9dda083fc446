"""What the rules say of an operator is what ONNX Runtime computes, or an error before it is asked."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from cardembed.embedders.sessions import open_session
from cardembed.onnx_graph.bounds import OPERATORS, GraphBounds
from cardembed.onnx_graph.values import ShapeProblem

F = np.float32
IMAGE, MATRIX = (2, 4, 7, 9), (6, 8)


def whole(*numbers):
    return np.array(numbers, np.int64)


def build(operator, sides, constants, attributes, *more):
    """A model of one operator; `more` may be how many results it has, and the opset."""
    outputs, opset = (*more, *(1, 17)[len(more) :])
    domain, name = operator if isinstance(operator, tuple) else ("", operator)
    names = [f"c{place}" if value is not None else "" for place, value in enumerate(constants)]
    node = helper.make_node(
        name, ["x", *names], [f"y{n}" for n in range(outputs)], domain=domain, **attributes
    )
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info(f"y{n}", TensorProto.UNDEFINED, None) for n in range(outputs)],
        [numpy_helper.from_array(np.asarray(c), f"c{n}") for n, c in enumerate(constants) if c is not None],
    )
    for port in graph.output:
        port.ClearField("type")
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


CASES = [
    ("Slice", IMAGE, [whole(-2, 8), whole(-99, 0), whole(2, 3), whole(-1, -3)], {}),
    ("Slice", IMAGE, [whole(1), whole(1 << 62), whole(-1), whole(4)], {}),
    ("Slice", IMAGE, [whole(-1), whole(2)], {}),
    ("Split", IMAGE, [], {"axis": 1}, 2),
    ("Split", IMAGE, [whole(3, 6)], {"axis": -1}, 2),
    ("Split", IMAGE, [], {"axis": 2, "num_outputs": 3}, 3, 18),
    ("Squeeze", (3, 1, 2, 1), [], {}),
    ("Squeeze", (3, 1, 2, 1), [whole(-1)], {}),
    ("Unsqueeze", MATRIX, [whole(0, -1)], {}),
    ("Flatten", IMAGE, [], {"axis": -1}),
    ("Flatten", IMAGE, [], {"axis": 4}),
    ("Flatten", IMAGE, [], {"axis": 0}),
    ("Reshape", IMAGE, [whole(0, -1, 3)], {}),
    ("Transpose", IMAGE, [], {}),
    ("Gather", IMAGE, [np.array([[0, -1], [1, 2]])], {"axis": -2}),
    ("Gather", IMAGE, [np.int64(1)], {"axis": 1}),
    ("Concat", MATRIX, [np.ones((6, 3), F)], {"axis": -1}),
    ("Expand", (2, 1, 9), [whole(5, 1, 4, 1)], {}),
    ("Tile", MATRIX, [whole(2, 3)], {}),
    ("Pad", IMAGE, [whole(0, 0, 1, 2, 0, 0, 3, 4)], {}),
    ("Pad", IMAGE, [whole(1, 2), F(0), whole(-1)], {}, 1, 18),
    ("MatMul", IMAGE, [np.ones((9, 5), F)], {}),
    ("MatMul", IMAGE, [np.ones(9, F)], {}),
    ("MatMul", (8,), [np.ones((3, 8, 2), F)], {}),
    ("Gemm", MATRIX, [np.ones((5, 6), F), np.ones(5, F)], {"transA": 1, "transB": 1}),
    ("Conv", IMAGE, [np.ones((8, 2, 3, 2), F)], {"group": 2, "strides": [2, 3], "pads": [1, 0, 2, 1]}),
    ("Conv", IMAGE, [np.ones((4, 4, 2, 2), F)], {"dilations": [3, 2], "auto_pad": "VALID"}),
    ("Conv", (2, 4, 9), [np.ones((3, 4, 4), F)], {}),
    ("MaxPool", IMAGE, [], {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]}),
    ("MaxPool", IMAGE, [], {"kernel_shape": [2, 2], "dilations": [3, 3]}),
    ("AveragePool", IMAGE, [], {"kernel_shape": [3, 3], "strides": [3, 3]}),
    ("GlobalAveragePool", IMAGE, [], {}),
    ("GlobalMaxPool", IMAGE, [], {}),
    ("ReduceMean", IMAGE, [], {"axes": [-1, 1], "keepdims": 0}),
    ("ReduceMean", IMAGE, [whole(2)], {}, 1, 18),
    ("ReduceSum", IMAGE, [], {}),
    ("ReduceL2", IMAGE, [], {"keepdims": 0}),
    ("PRelu", IMAGE, [np.ones((4, 1, 1), F)], {}),
    ("Pow", IMAGE, [whole(2)], {}),
    ("Min", IMAGE, [np.ones((3, 1, 1, 1, 1), F)], {}),
    ("Equal", IMAGE, [np.ones((9,), F)], {}),
    ("LayerNormalization", IMAGE, [np.ones(9, F), np.ones(9, F)], {}),
    ("BatchNormalization", IMAGE, [np.ones(4, F)] * 4, {}),
    ("InstanceNormalization", IMAGE, [np.ones(4, F)] * 2, {}),
    ("LogSoftmax", IMAGE, [], {"axis": 1}),
    ("QuantizeLinear", IMAGE, [np.full(4, 0.1, F), np.zeros(4, np.int8)], {"axis": 1}),
    ("Cast", IMAGE, [], {"to": TensorProto.DOUBLE}),
    ("Shape", IMAGE, [], {"start": -3, "end": -1}),
    ("Dropout", IMAGE, [], {}),
    (("com.microsoft", "FusedMatMul"), MATRIX, [np.ones((5, 6), F)], {"transA": 1, "transB": 1}),
    (("com.microsoft", "BiasGelu"), IMAGE, [np.ones(9, F)], {}),
    (("com.microsoft", "QuickGelu"), IMAGE, [], {}),
    (("com.microsoft", "SkipLayerNormalization"), (2, 3, 8), [np.ones((2, 3, 8), F), np.ones(8, F)], {}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case[0]))
def test_shapes_and_types_are_the_runtimes(case):
    operator, sides, *_ = case
    model = build(*case)
    names = list(model.graph.node[0].output)
    reasoned = GraphBounds(model.graph).shapes(1)
    session = open_session(model.SerializeToString(), threads=1, as_written=True)
    found = session.run(names, {"x": np.ones(sides, F)})
    for name, value in zip(names, found, strict=True):
        assert (reasoned[name].shape, reasoned[name].dtype) == (value.shape, value.dtype), operator


@pytest.mark.parametrize(
    "case",
    [
        ("Slice", IMAGE, [whole(0), whole(1), whole(9)], {}),
        ("Slice", IMAGE, [whole(0), whole(1), whole(0), whole(0)], {}),
        ("Split", IMAGE, [whole(3, 5)], {"axis": -1}, 2),
        ("Squeeze", MATRIX, [whole(0)], {}),
        ("Reshape", IMAGE, [whole(-1, -1)], {}),
        ("Reshape", IMAGE, [whole(5, -1)], {}),
        ("Reshape", IMAGE, [whole(0, 0, 0, 0, 0)], {}),
        ("Transpose", IMAGE, [], {"perm": [0, 1, 1, 2]}),
        ("Gather", IMAGE, [whole(4)], {"axis": 1}),
        ("Gather", IMAGE, [whole(0)], {"axis": 4}),
        ("Concat", MATRIX, [np.ones((5, 3), F)], {"axis": 1}),
        ("Expand", MATRIX, [whole(-1)], {}),
        ("Tile", MATRIX, [whole(2)], {}),
        ("Tile", MATRIX, [whole(2, -3)], {}),
        ("Pad", MATRIX, [whole(0, -1, 0, 0)], {}),
        ("Pad", MATRIX, [whole(9, 9, 9, 9)], {"mode": "reflect"}),
        ("MatMul", MATRIX, [np.ones((6, 8), F)], {}),
        ("Gemm", MATRIX, [np.ones((8, 5), F), np.ones(4, F)], {}),
        ("Conv", IMAGE, [np.ones((8, 2, 3, 2), F)], {"group": 0}),
        ("Conv", IMAGE, [np.ones((8, 4, 3, 2), F)], {"dilations": [0, 0]}),
        ("Conv", IMAGE, [np.ones((8, 4, 3, 2), F)], {"pads": [1 << 40] * 4}),
        ("Conv", IMAGE, [np.ones((8, 4, 30, 2), F)], {}),
        ("Conv", IMAGE, [np.ones((8, 4, 3, 2), F)], {"kernel_shape": [2, 2]}),
        ("MaxPool", IMAGE, [], {"kernel_shape": [2, 2], "pads": [2, 2, 2, 2]}),
        ("MaxPool", IMAGE, [], {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"}),
        ("AveragePool", IMAGE, [], {}),
        ("ReduceMean", IMAGE, [], {"axes": [7]}),
        ("LayerNormalization", IMAGE, [np.ones(9, F)], {}, 2),
        ("QuantizeLinear", IMAGE, [np.full(3, 0.1, F)], {"axis": 1}),
        ("Cast", IMAGE, [], {"to": TensorProto.STRING}),
        ("Cast", IMAGE, [], {"to": 99}),
        (("com.microsoft", "FusedMatMul"), MATRIX, [np.ones((8, 5), F)], {"transBatchA": 1}),
        (("com.microsoft", "BiasGelu"), IMAGE, [np.ones(4, F)], {}),
    ],
    ids=lambda case: str(case[0]),
)
def test_what_does_not_fit_is_a_problem(case):
    with pytest.raises(ShapeProblem):
        GraphBounds(build(*case).graph).shapes(1)


def test_nothing_that_runs_a_graph_of_its_own_is_known():
    assert not {"Loop", "Scan", "If", "SequenceMap"} & {name for _, name in OPERATORS}
