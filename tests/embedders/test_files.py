"""Artefact files opened on their own, on a network written by hand."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from cardembed._io import sha256_file
from cardembed.embedders.files import open_artefact
from cardembed.errors import InputError, UsageError


def write(file, sides):
    weights = np.random.default_rng(0).standard_normal((3 * sides[0] * sides[1], 768)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["input"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["embedding"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, *sides])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 768])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.write_bytes(model.SerializeToString())
    onnx.checker.check_model(model)
    return file


def test_an_onnx_file_tells_its_size(tmp_path):
    file = write(tmp_path / "model.onnx", (16, 16))
    with open_artefact(file) as embedder:
        assert embedder.preprocessing.size == 16
        assert embedder.artefact_digest == sha256_file(file)
        assert embedder.embed([Image.new("RGB", (180, 252), "red")]).shape == (1, 768)


def test_what_is_no_artefact(tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"no onnx")
    for file in (write(tmp_path / "oblong.onnx", (16, 8)), tmp_path / "broken.onnx"):
        with pytest.raises(InputError):
            open_artefact(file)
    for name in ("nowhere.onnx", "."):
        with pytest.raises(UsageError):
            open_artefact(tmp_path / name)
