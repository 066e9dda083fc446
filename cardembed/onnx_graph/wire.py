"""How many messages an ONNX file has, counted before they are made."""

from __future__ import annotations

from cardembed._protobuf import ProtobufError, count_fields
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
    try:
        count_fields(data, _MODEL, fields=_FIELDS, other=_UNKNOWN)
    except ProtobufError as problem:
        raise ShapeProblem(f"no ONNX model ({problem})") from problem
