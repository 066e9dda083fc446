"""A small network in ONNX Runtime's own format."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from cardembed.export.ort_conversion import convert_to_ort


@pytest.fixture(scope="session")
def small_ort(tmp_path_factory):
    """(batch, 3, 16, 16) to (batch, 768): a convolution, a reshape of computed sides, a product."""
    random = np.random.default_rng(1)
    shapes = {"kernel": (4, 3, 8, 8), "bias": (4,), "matrix": (16, 768)}
    constants = [
        numpy_helper.from_array((0.1 * random.normal(size=shape)).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    constants += [
        numpy_helper.from_array(np.array([value]), name)
        for name, value in (("zero", 0), ("one", 1), ("rest", -1))
    ]
    nodes = [
        helper.make_node("Conv", ["input", "kernel", "bias"], ["a"], strides=[8, 8]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Shape", ["input"], ["s"]),
        helper.make_node("Slice", ["s", "zero", "one"], ["front"]),
        helper.make_node("Concat", ["front", "rest"], ["sides"], axis=0),
        helper.make_node("Reshape", ["b", "sides"], ["c"]),
        helper.make_node("MatMul", ["c", "matrix"], ["embedding"]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("input", ["n", 3, 16, 16]), ("embedding", ["n", 768]))
    ]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], constants)
    folder = tmp_path_factory.mktemp("ort")
    save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
        str(folder / "small.onnx"),
    )
    return convert_to_ort(folder / "small.onnx", folder / "ort")[0]
