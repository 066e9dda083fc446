"""How many messages a protobuf file has, counted before they are made.

A message without content has two bytes in a file and 150 in memory: a file of some megabytes could need
gigabytes as soon as it is parsed.
"""

from __future__ import annotations

from cardembed.onnx_graph.values import ShapeProblem

__all__ = ["check_messages"]

_FIELDS = 200_000
"""Of all messages; a ViT-Large has 60,000."""
_UNKNOWN = 1 << 20
"""Bytes of messages that no export has, and of which nobody knows what is in them."""

_ENTRY = {1: None, 2: None}
_TENSOR = {
    4: None, 5: None, 7: None, 8: None, 9: None, 10: None, 11: None, 12: None, 1: None, 13: _ENTRY, 16: _ENTRY
}  # fmt: skip
_SIDE = {2: None, 3: None}
_TYPE = {1: {2: {1: _SIDE}}}
_PORT = {1: None, 2: _TYPE, 3: None, 4: _ENTRY}
_ATTRIBUTE = {1: None, 4: None, 5: _TENSOR, 7: None, 8: None, 9: None, 10: _TENSOR, 13: None, 21: None}
_NODE = {1: None, 2: None, 3: None, 4: None, 5: _ATTRIBUTE, 6: None, 7: None, 8: None, 9: _ENTRY}
_GRAPH = {1: _NODE, 2: None, 5: _TENSOR, 10: None, 11: _PORT, 12: _PORT, 13: _PORT, 16: _ENTRY}
_MODEL = {2: None, 3: None, 4: None, 6: None, 7: _GRAPH, 8: {1: None}, 14: _ENTRY}
"""By a field's number in onnx.proto: a message's own fields, or None for text, bytes and packed numbers.
Graphs within operators, functions, sparse tensors and training are left out: they count as unknown."""


def check_messages(data: bytes) -> None:
    """Refuse what would become too many objects.

    Raises:
        ShapeProblem: No protobuf, or too many fields.
    """
    fields, unknown = _FIELDS, _UNKNOWN
    stack: list[tuple[int, int, dict[int, object]]] = [(0, len(data), dict(_MODEL))]
    while stack:
        at, end, known = stack.pop()
        while at < end:
            fields -= 1
            key, at = _varint(data, at, end)
            number, kind = key >> 3, key & 7
            if kind == 0:
                _, at = _varint(data, at, end)
            elif kind in (1, 5):
                at += 8 if kind == 1 else 4
            elif kind == 2:
                length, at = _varint(data, at, end)
                inner = known.get(number, _UNKNOWN)
                if isinstance(inner, dict) and at + length <= end:
                    stack.append((at, at + length, inner))
                elif inner is not None:
                    unknown -= length
                at += length
            else:
                raise ShapeProblem("no ONNX model (a field of an unknown kind)")
            if fields < 0 or unknown < 0:
                raise ShapeProblem("more fields than any export has, or unknown ones")
        if at != end:
            raise ShapeProblem("no ONNX model (it is cut off)")


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    number = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7
    raise ShapeProblem("no ONNX model (it is cut off)")
