"""Messages of a protobuf file are counted without making them."""

import pytest
from onnx import TensorProto, helper

from cardembed.onnx_graph.values import ShapeProblem
from cardembed.onnx_graph.wire import check_messages


def sound():
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0])
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3]) for name in ("x", "y")]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["y"])], "g", ports[:1], ports[1:], [tensor]
    )
    made = helper.make_model(graph, producer_name="somebody", doc_string="text " * 1_000_000)
    helper.set_model_props(made, {"key": "value"})
    return made.SerializeToString()


def test_a_sound_file_passes_whatever_its_texts():
    check_messages(sound())


def test_cut_off_in_a_number_or_in_a_message_is_a_problem():
    data = sound()
    for end in (len(data) - 1, 1, 3):
        with pytest.raises(ShapeProblem, match="cut off"):
            check_messages(data[:end])


@pytest.mark.parametrize(
    "field", [b"\xa2\x01", b"\xca\x01", b"\xfa\x3f"], ids=["training", "function", "unknown"]
)
def test_what_is_in_messages_that_no_export_has_is_counted_by_bytes(field):
    inner = b"\x0a\x00" * (1 << 20)
    length = bytes(
        [len(inner) & 127 | 128, len(inner) >> 7 & 127 | 128, len(inner) >> 14 & 127 | 128, len(inner) >> 21]
    )
    with pytest.raises(ShapeProblem, match="unknown ones"):
        check_messages(field + length + inner)


@pytest.mark.parametrize(
    "data", [b"\x0b", b"\x0f\x00", b"\xff" * 20], ids=["group", "kind 7", "endless number"]
)
def test_what_is_no_protobuf_is_a_problem(data):
    with pytest.raises(ShapeProblem, match="no ONNX model"):
        check_messages(data)
