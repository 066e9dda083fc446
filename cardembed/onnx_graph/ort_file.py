"""A file in ONNX Runtime's own format as an ONNX graph without its weights, or why it is none.

ONNX Runtime verifies such a file's offsets. Whether it believes the rest (types and shapes of values, which
operator waits for which, how many there are) differs between its versions and builds, so that whatever can be
computed from other parts of the file is compared here.
"""

from __future__ import annotations

from typing import Any

from cardembed.onnx_graph.conversions import dtype_of
from cardembed.onnx_graph.flatbuffer import Buffer, FlatbufferProblem, Table
from cardembed.onnx_graph.ort_nodes import read_nodes
from cardembed.onnx_graph.ort_tensors import read_tensor, text_of, there
from cardembed.onnx_graph.schemas import opset_of

__all__ = ["read_ort"]

Message = Any
"""Of onnx, whose types are generated."""
_TENSOR_TYPE, _SIDE = 1, 1  # TypeInfoValue.tensor_type, DimensionValueType.VALUE


def read_ort(data: bytes) -> Message:
    """An `onnx.ModelProto` of a file's bytes; of tensors with many numbers it has the shapes alone.

    Raises:
        FlatbufferProblem, ShapeProblem: It is none, or none that ONNX Runtime should see.
    """
    import onnx

    root = Buffer(data).root()
    source = there(root.table(1), "model")
    model = onnx.ModelProto(ir_version=max(0, min(source.integer(0, "q"), 1 << 31)))
    for entry in source.tables(1):
        model.opset_import.add(domain=text_of(entry.text(0)), version=entry.integer(1, "q"))
    for entry in source.tables(9):
        model.metadata_props.add(key=text_of(entry.text(0)), value=text_of(entry.text(1)))
    graph = there(source.table(7), "graph")
    if graph.vector(7, 4) or graph.table(8) is not None:
        raise FlatbufferProblem("sparse tensors or postponed rewriting, which no export has")
    stored = 0
    for tensor in graph.tables(0):
        stored += read_tensor(tensor, model.graph.initializer.add())
    if stored > len(data):
        raise FlatbufferProblem("tensors that share their bytes")
    ports = {}
    for argument in graph.tables(1):
        port = _port(argument)
        if port is not None:
            ports[port.name] = port
    for slot, kept in ((5, model.graph.input), (6, model.graph.output)):
        for name in map(text_of, graph.texts(slot)):
            if name not in ports:
                raise FlatbufferProblem(f"the port {name} without a type")
            kept.append(ports[name])
    model.graph.value_info.extend(ports.values())
    read_nodes(graph, model.graph, opset_of(model))
    return model


def _port(source: Table) -> Message | None:
    """Name, type and shape of a value; None for the missing one, whose name is empty."""
    import onnx

    name = text_of(source.text(0))
    if not name:
        return None
    kind = source.table(2)
    if kind is None or kind.integer(1, "B") != _TENSOR_TYPE:
        raise FlatbufferProblem(f"the value {name}, which is no tensor")
    tensor = there(kind.table(2), "type")
    shape = tensor.table(1)
    sides: list[int | str | None] | None = None
    if shape is not None:
        sides = []
        for side in shape.tables(0):
            value = side.table(0)
            chosen = 0 if value is None else value.integer(0, "b")
            number = 0 if value is None else value.integer(1, "q")
            text_of(b"" if value is None else value.text(2))
            if chosen == _SIDE and number < 0:
                raise FlatbufferProblem(f"the value {name} with a side of {number}")
            sides.append(number if chosen == _SIDE else None)
    number = tensor.integer(0, "i")
    dtype_of(number)
    return onnx.helper.make_tensor_value_info(name, number, sides)
