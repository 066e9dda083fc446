"""Operators in ONNX Runtime's own format, and which of them waits for which."""

from __future__ import annotations

import struct
from collections import defaultdict
from typing import Any

from cardembed.onnx_graph.flatbuffer import FlatbufferProblem, Table
from cardembed.onnx_graph.ort_tensors import read_tensor, text_of, there
from cardembed.onnx_graph.schemas import check_node
from cardembed.onnx_graph.values import ShapeProblem

__all__ = ["read_nodes"]

Message = Any
"""Of onnx, whose types are generated."""
Edge = tuple[int, int, int]
"""The other operator, the place among the giver's results, and the place among the taker's inputs."""
_PROVIDERS = (b"", b"CPUExecutionProvider")
_LARGEST_INDEX = 1 << 20  # ONNX Runtime keeps a pointer for each


def read_nodes(graph: Table, made: Message, opset: int) -> None:
    """Add the operators of a graph to an `onnx.GraphProto`.

    Raises:
        FlatbufferProblem: What they say about themselves and each other is not so.
        ShapeProblem: Operators or attributes that no export has.
    """
    indexes: list[int] = []
    for source in graph.tables(2):
        node = made.node.add()
        node.name, node.domain, node.op_type = (text_of(source.text(slot)) for slot in (0, 2, 5))
        node.input.extend(map(text_of, source.texts(8)))
        node.output.extend(map(text_of, source.texts(9)))
        if source.integer(6, "i") or source.vector(12, 4) or source.text(7) not in _PROVIDERS:
            raise FlatbufferProblem(f"{node.op_type} of another kind, or for another provider")
        counts = source.integers(11, "i")
        if sum(counts) != len(node.input) or min(counts, default=0) < 0:
            raise FlatbufferProblem(f"{node.op_type} with {len(node.input)} inputs, which says {counts[:8]}")
        for attribute in source.tables(10):
            _attribute(attribute, node.attribute.add())
        check_node(node, opset, since=source.integer(3, "i"))
        indexes.append(source.integer(4, "I"))
    largest = graph.integer(3, "I")
    if len(set(indexes)) != len(indexes) or not max(indexes, default=0) < largest <= _LARGEST_INDEX:
        raise FlatbufferProblem(f"{len(indexes)} operators, numbered up to {largest}")
    _check_edges(graph, made, indexes)


def _attribute(source: Table, made: Message) -> None:
    made.name, kind = text_of(source.text(0)), source.integer(2, "i")
    kinds = made.AttributeType
    if kind not in kinds.values():
        raise ShapeProblem(f"the attribute {made.name} of an unknown type {kind}")
    made.type = kind
    if kind == kinds.FLOAT:
        (made.f,) = struct.unpack("<f", source.four_bytes(3))
    elif kind == kinds.INT:
        made.i = source.integer(4, "q")
    elif kind == kinds.STRING:
        made.s = source.text(5)
    elif kind == kinds.TENSOR:
        read_tensor(there(source.table(6), "tensor"), made.t)
    elif kind == kinds.FLOATS:
        made.floats.extend(number for (number,) in struct.iter_unpack("<f", source.vector(8, 4)))
    elif kind == kinds.INTS:
        made.ints.extend(source.integers(9, "q"))
    elif kind == kinds.STRINGS:
        made.strings.extend(source.texts(10))
    else:
        raise ShapeProblem(f"the attribute {made.name} of a type that no export has")


def _check_edges(graph: Table, made: Message, indexes: list[int]) -> None:
    """Compare who waits for whom with the names: ONNX Runtime runs operators in the order of the edges."""
    givers = {
        name: (index, place)
        for index, node in zip(indexes, made.node, strict=True)
        for place, name in enumerate(node.output)
        if name
    }
    comes: dict[int, set[Edge]] = defaultdict(set)
    goes: dict[int, set[Edge]] = defaultdict(set)
    for index, node in zip(indexes, made.node, strict=True):
        for place, name in enumerate(node.input):
            if name in givers:
                giver, output = givers[name]
                comes[index].add((giver, output, place))
                goes[giver].add((index, output, place))
    seen: set[int] = set()
    for entry in graph.tables(4):
        index = entry.integer(0, "I")
        stated = [_edges(entry, slot) for slot in (1, 2)]
        if index in seen or stated != [sorted(comes[index]), sorted(goes[index])]:
            raise FlatbufferProblem(
                f"operator {index}, which waits for others than those that give its inputs"
            )
        seen.add(index)
    if seen != set(indexes):
        raise FlatbufferProblem("operators of which it is not said what they wait for")


def _edges(entry: Table, slot: int) -> list[Edge]:
    return sorted(
        (other, source, to) for other, source, to in struct.iter_unpack("<Iii", entry.vector(slot, 12))
    )
