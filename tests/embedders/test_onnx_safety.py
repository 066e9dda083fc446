"""Hostile files cost one line, before ONNX Runtime sees them."""

import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cardembed.embedders.onnx_safety import check_onnx
from cardembed.errors import ArtefactError


def model():
    graph = helper.make_graph(
        [helper.make_node("Mul", ["input", "w"], ["embedding"])],
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(np.ones(4, np.float32), "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def external(folder, **entries):
    made = model()
    (tensor,) = made.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "w.bin", "offset": "0", "length": "16", **entries}.items():
        tensor.external_data.add(key=key, value=value)
    inside = folder / "inside"
    inside.mkdir()
    (folder / "w.bin").write_bytes(b"\0" * 16)
    (inside / "w.bin").write_bytes(b"\0" * 16)
    (inside / "link.bin").symlink_to("/etc/passwd")
    (inside / "m.onnx").write_bytes(made.SerializeToString())
    return inside / "m.onnx"


def refused(path, match, **options):
    started = time.process_time()
    with pytest.raises(ArtefactError, match=match) as error:
        check_onnx(path, **options)
    assert time.process_time() - started < 2
    assert "\n" not in str(error.value)


def test_data_in_the_same_folder_is_taken(tmp_path):
    assert check_onnx(external(tmp_path), external_data=True).graph.node


@pytest.mark.parametrize(
    ("entries", "match"),
    [
        ({"location": "../w.bin"}, "same folder"),
        ({"location": "/etc/passwd"}, "same folder"),
        ({"location": "..\\w.bin"}, "same folder"),
        ({"location": "C:w.bin"}, "same folder"),
        ({"location": ""}, "same folder"),
        ({"location": ".."}, "same folder"),
        ({"location": "w\0.bin"}, "same folder"),
        ({"location": "link.bin"}, "a link"),
        ({"location": "absent.bin"}, "missing"),
        ({"offset": "8"}, "in a file of 16"),
        ({"offset": "-1"}, "in a file of 16"),
        ({"offset": "99999999999999999999"}, "in a file of 16"),
        ({"length": "8"}, "in a file of 16"),
        ({"length": "-16"}, "in a file of 16"),
        ({"offset": "many"}, "many"),
    ],
)
def test_data_elsewhere_is_refused(tmp_path, entries, match):
    refused(external(tmp_path, **entries), match, external_data=True)


def negative(made):
    made.graph.initializer[0].dims[0] = -4


def absurd(made):
    made.graph.initializer[0].dims[:] = [1 << 40, 1 << 40]


def short(made):
    made.graph.initializer[0].dims[0] = 5


def unknown(made):
    made.graph.initializer[0].data_type = 99


def foreign(made):
    made.graph.node[0].domain = "evil"


def wide(made):
    made.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1 << 50


def fill(made):
    made.graph.node.append(helper.make_node("ConstantOfShape", ["s"], ["big"]))
    made.graph.initializer.append(numpy_helper.from_array(np.array([1 << 20, 1 << 20]), "s"))


def fill_by_node(made):
    shape = numpy_helper.from_array(np.array([1 << 20, 1 << 20]), "")
    made.graph.node.append(helper.make_node("Constant", [], ["s"], value=shape))
    made.graph.node.append(helper.make_node("ConstantOfShape", ["s"], ["big"]))


def fill_by_numbers(made):
    made.graph.node.append(helper.make_node("Constant", [], ["s"], value_ints=[1 << 20, 1 << 20]))
    made.graph.node.append(helper.make_node("Tile", ["input", "s"], ["big"]))


def texts(made):
    made.graph.node.append(helper.make_node("Tile", ["input", "s"], ["big"]))
    made.graph.initializer.append(helper.make_tensor("s", TensorProto.STRING, [2], [b"many", b"times"]))


def nested(made):
    inner = helper.make_graph([], "inner", [], [])
    for _ in range(12):
        node = helper.make_node("If", ["c"], ["o"], then_branch=inner)
        inner = helper.make_graph([node], "inner", [], [])
    made.graph.node.extend(inner.node)


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (negative, "shape"),
        (absurd, "shape"),
        (short, "16 bytes"),
        (unknown, "unknown type"),
        (foreign, "unknown domain"),
        (wide, "shape"),
        (fill, "ConstantOfShape"),
        (fill_by_node, "ConstantOfShape with a result of shape"),
        (fill_by_numbers, "Tile with a result of shape"),
        (texts, "which no export has"),
        (nested, "graph of its own"),
    ],
)
def test_absurd_content_is_refused(tmp_path, edit, match):
    made = model()
    edit(made)
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    refused(tmp_path / "m.onnx", match)


def test_truncated_at_any_byte_is_refused_or_whole(tmp_path):
    data = model().SerializeToString()
    for end in range(len(data)):
        (tmp_path / "m.onnx").write_bytes(data[:end])
        try:
            check_onnx(tmp_path / "m.onnx")
        except ArtefactError:
            continue


def test_an_oversized_file_is_not_read(tmp_path):
    with (tmp_path / "m.onnx").open("wb") as file:
        file.truncate(3 << 30)  # sparse
    refused(tmp_path / "m.onnx", "bytes")


def test_a_plain_file_is_taken(tmp_path):
    onnx.save(model(), tmp_path / "m.onnx")
    assert check_onnx(tmp_path / "m.onnx").graph.node[0].op_type == "Mul"


def test_messages_without_content_are_counted_before_they_are_made(tmp_path):
    graph = b"\n\0" * 5_000_000  # operators of two bytes each, and of 150 in memory
    length = bytes(
        [len(graph) & 127 | 128, len(graph) >> 7 & 127 | 128, len(graph) >> 14 & 127 | 128, len(graph) >> 21]
    )
    (tmp_path / "m.onnx").write_bytes(b"\x08\x08\x3a" + length + graph)
    refused(tmp_path / "m.onnx", "more fields")
