"""Shapes that a file computes while it runs are computed before, and refused where they need too much."""

import time

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from cardembed.embedders.onnx_safety import CheckedGraph, parse_checked
from cardembed.errors import ArtefactError

BIG = 1 << 15


def node(operator, inputs, output, **attributes):
    return helper.make_node(operator, inputs, output.split(), **attributes)


def model(nodes, constants=None, *, opset=17, sides=("batch", 4)):
    """A graph from "input" by `nodes` to "last"."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, list(sides))],
        [helper.make_tensor_value_info("last", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def squared():
    """The batch, squared again and again, as a shape."""
    nodes = [node("Shape", ["input"], "s0")]
    nodes += [node("Mul", [f"s{n}", f"s{n}"], f"s{n + 1}") for n in range(4)]
    return model([*nodes, node("ConstantOfShape", ["s4"], "last")])


def gathered():
    nodes = [
        node("Shape", ["input"], "s"),
        node("Gather", ["s", "one"], "side"),
        node("Mul", ["side", "many"], "product"),
        node("Unsqueeze", ["product", "zero"], "wanted"),
        node("Concat", ["wanted", "wanted"], "both", axis=0),
        node("Expand", ["number", "both"], "last"),
    ]
    constants = {
        "one": np.int64(1), "zero": np.array([0]), "many": np.int64(BIG), "number": np.float32(1)
    }  # fmt: skip
    return model(nodes, constants)


def ranged():
    nodes = [
        node("Range", ["start", "end", "step"], "r"),
        node("Unsqueeze", ["r", "one"], "column"),
        node("Mul", ["r", "column"], "last"),
    ]
    ends = {"start": np.float32(0), "end": np.float32(BIG), "step": np.float32(1)}
    return model(nodes, {**ends, "one": np.array([1])})


def doubled():
    nodes = [node("Concat", ["input" if not n else f"c{n}"] * 2, f"c{n + 1}", axis=1) for n in range(40)]
    return model([*nodes, node("Identity", ["c40"], "last")])


def outer():
    nodes = [
        node("Expand", ["input", "tall"], "column"),
        node("Transpose", ["column"], "row"),
        node("MatMul", ["column", "row"], "last"),
    ]
    return model(nodes, {"tall": np.array([1 << 17, 4])})


def padded():
    return model([node("Pad", ["input", "pads"], "last")], {"pads": np.array([0, 0, 1 << 12, 1 << 12])})


def many_at_once():
    nodes = [node("Expand", ["input", "sides"], f"e{n}") for n in range(6)]
    return model(
        [*nodes, node("Sum", [f"e{n}" for n in range(6)], "last")], {"sides": np.array([1 << 23, 4])}
    )


def worked():
    nodes = [node("Expand", ["input", "sides"], "e"), node("Reshape", ["e", "square"], "m0")]
    nodes += [node("MatMul", [f"m{n}", f"m{n}"], f"m{n + 1}") for n in range(20)]
    constants = {"sides": np.array([1 << 22, 4]), "square": np.array([1 << 12, 1 << 12])}
    return model([*nodes, node("Identity", ["m20"], "last")], constants)


def repeated():
    nodes = [node("Expand", ["input", "sides"], "r0")]
    nodes += [node("Relu", [f"r{n}"], f"r{n + 1}") for n in range(600)]
    return model([*nodes, node("Identity", ["r600"], "last")], {"sides": np.array([1 << 22, 4])})


def folded():
    nodes = [node("ConstantOfShape", ["square"], "m0")]
    nodes += [node("MatMul", [f"m{n}", f"m{n}"], f"m{n + 1}") for n in range(3)]
    return model(
        [*nodes, node("Add", ["m3", "number"], "last")],
        {"square": np.array([2048, 2048]), "number": np.float32(1)},
    )


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (gathered, "Expand with a result of shape"),
        (ranged, "Mul with a result of shape"),
        (doubled, "Concat with a result of shape"),
        (outer, "MatMul with a result of shape"),
        (many_at_once, "numbers at a time"),
        (worked, "multiplications"),
        (repeated, "numbers to read and write"),
        (folded, "multiplications"),
        (squared, "ConstantOfShape with a result of shape"),
    ],
)
def test_what_needs_too_much_is_refused_before_it_is_run(made, match, tmp_path):
    data = made().SerializeToString()
    started = time.process_time()
    with pytest.raises(ArtefactError, match=match):
        parse_checked(tmp_path / "m.onnx", data)
    assert time.process_time() - started < 2


def test_a_batch_of_its_own_is_asked_about(tmp_path):
    """A file that is small for one image, and not for three."""
    nodes = [
        node("Shape", ["input"], "s"),
        node("Slice", ["s", "zero", "one"], "images"),
        node("Equal", ["images", "three"], "trap"),
        node("Where", ["trap", "much", "one"], "wanted"),
        node("ConstantOfShape", ["wanted"], "last"),
    ]
    constants = {"zero": [0], "one": [1], "three": [3], "much": [1 << 40]}
    made = model(nodes, {name: np.array(value) for name, value in constants.items()})
    graph = CheckedGraph(
        tmp_path / "m.onnx", parse_checked(tmp_path / "m.onnx", made.SerializeToString()).graph
    )
    graph.check(2)
    with pytest.raises(ArtefactError, match="in a batch of 3, ConstantOfShape"):
        graph.check(3)


def unknown_shape():
    nodes = [
        node("Cast", ["input"], "whole", to=TensorProto.INT64),
        node("ConstantOfShape", ["whole"], "last"),
    ]
    return model(nodes, sides=(4,))


def looped():
    body = helper.make_graph([node("Identity", ["a"], "b")], "body", [], [])
    return model([node("Loop", ["", "", "input"], "last", body=body)])


def function():
    made = model([helper.make_node("twice", ["input"], ["last"], domain="ai.onnx")])
    made.functions.append(
        helper.make_function(
            "ai.onnx", "twice", ["a"], ["b"], [node("Add", ["a", "a"], "b")], made.opset_import
        )
    )
    return made


def divided():
    nodes = [
        node("Shape", ["input"], "s"),
        node("Div", ["s", "zero"], "d"),
        node("Cast", ["d"], "last", to=1),
    ]
    return model(nodes, {"zero": np.int64(0)})


def strideless():
    convolution = node("Conv", ["input", "kernel"], "last", strides=[0, 0])
    return model([convolution], {"kernel": np.ones((1, 1, 1, 1), np.float32)}, sides=("batch", 1, 4, 4))


def circle():
    return model([node("Add", ["input", "last"], "a"), node("Relu", ["a"], "last")])


def twice():
    return model([node("Relu", ["input"], "last"), node("Relu", ["input"], "last")])


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (unknown_shape, "not known beforehand"),
        (looped, "graph of its own"),
        (function, "functions"),
        (divided, "divided by 0"),
        (strideless, "strides"),
        (circle, "wait for what nothing gives"),
        (twice, "named as others"),
        (lambda: model([node("NonZero", ["input"], "last")]), "NonZero, which no export has"),
        (lambda: model([node("Relu", ["input"], "last", scale=3)]), "the attribute scale"),
        (lambda: model([node("Relu", ["input"], "last")], opset=9), "opset"),
        (
            lambda: model([node("Relu", ["input"], "last")], sides=("batch", "side")),
            "the input input of shape",
        ),
    ],
)
def test_what_no_export_has_is_refused(made, match, tmp_path):
    with pytest.raises(ArtefactError, match=match) as error:
        parse_checked(tmp_path / "m.onnx", made().SerializeToString())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [b"Relu", b"batch", b"last", b"input"])
def test_a_name_that_is_no_text_is_refused(name, tmp_path):
    data = model([node("Relu", ["input"], "last")]).SerializeToString().replace(name, b"\xff" * len(name))
    with pytest.raises(ArtefactError, match="no text"):
        parse_checked(tmp_path / "m.onnx", data)


def test_a_modest_padding_is_taken(tmp_path):
    made = padded()
    assert parse_checked(tmp_path / "m.onnx", made.SerializeToString()).graph.node[0].op_type == "Pad"
