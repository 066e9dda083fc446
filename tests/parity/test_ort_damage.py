"""Numbers of an ORT file are changed where they lie; nothing here needs PyTorch."""

import numpy as np
import pytest

from cardembed.embedders.sessions import open_session
from cardembed.errors import ArtefactError
from cardembed.export.ort_conversion import convert_to_ort
from cardembed.parity.mutations import MUTATIONS, NotApplicableError

ROWS = np.random.default_rng(3).normal(size=(2, 3, 8, 8)).astype(np.float32)
CHANGED = {
    "a bias is zero",
    "a block of weights is zero",
    "two channels are swapped",
    "a LayerNorm's eps is ten times",
    "BGR is read as RGB",
}
"""The others would need other nodes."""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Convolution, product, sum, LayerNorm and GELU, as ONNX Runtime rewrites and saves them."""
    from onnx import TensorProto, helper, numpy_helper, save

    random = np.random.default_rng(1)
    shapes = {
        "kernel": (16, 3, 2, 2), "kernel_bias": (16,), "matrix": (256, 32), "matrix_bias": (32,),
        "gamma": (32,), "beta": (32,),
    }  # fmt: skip
    numbers = [
        numpy_helper.from_array((0.1 * random.normal(size=shape)).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["input", "kernel", "kernel_bias"], ["a"], strides=[2, 2]),
        helper.make_node("Flatten", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "matrix"], ["c"]),
        helper.make_node("Add", ["c", "matrix_bias"], ["d"]),
        helper.make_node("LayerNormalization", ["d", "gamma", "beta"], ["embedding"], "norm", epsilon=1e-3),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("input", ["n", 3, 8, 8]), ("embedding", ["n", 32]))
    ]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], numbers)
    folder = tmp_path_factory.mktemp("ort")
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, str(folder / "small.onnx"))
    return convert_to_ort(folder / "small.onnx", folder / "ort")[0]


def embed(path, rows=ROWS):
    return open_session(path.read_bytes()).run(None, {"input": np.ascontiguousarray(rows)})[0]


def test_each_is_changed_or_says_why_not(file, tmp_path):
    before, sound = file.read_bytes(), embed(file)
    damaged = tmp_path / "damaged.ort"
    for mutation in MUTATIONS:
        if mutation.name not in CHANGED:
            with pytest.raises(NotApplicableError):
                mutation.write(file, damaged)
            continue
        assert mutation.write(file, damaged)
        assert np.abs(embed(damaged) - sound).max() > 1e-6, mutation.name
        # Numbers alone: the file is as long as it was, and most of its bytes are the same.
        assert len(damaged.read_bytes()) == len(before)
    assert file.read_bytes() == before


def test_swapped_colours_are_those_of_the_picture(file, tmp_path):
    (mutation,) = (one for one in MUTATIONS if one.name == "BGR is read as RGB")
    mutation.write(file, tmp_path / "damaged.ort")
    assert np.allclose(embed(tmp_path / "damaged.ort"), embed(file, ROWS[:, ::-1]), atol=1e-6)


def test_what_is_no_ort_file(tmp_path):
    (tmp_path / "x.ort").write_bytes(b"no flatbuffer at all")
    with pytest.raises(ArtefactError, match="ORT"):
        MUTATIONS[0].write(tmp_path / "x.ort", tmp_path / "damaged.ort")
