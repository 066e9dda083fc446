"""How many messages a protobuf file has, counted before they are made.

A message without content has two bytes in a file and 150 in memory: a file of some megabytes could need
gigabytes as soon as it is parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["ProtobufError", "count_fields"]

_OTHER = object()
_TOO_MUCH = "more fields than any export has, or unknown ones"


class ProtobufError(ValueError):
    """Bytes that are no protobuf, or too much of it, with the reason."""


def count_fields(data: bytes, root: Mapping[int, Any], *, fields: int, other: int) -> None:
    """Refuse what would become too many objects; takes time by the fields, not by the bytes.

    Args:
        data: The outermost message.
        root: Its fields by number: a mapping like this one for a message, or None for text, bytes and packed
            numbers that need no more memory than bytes in the file. It may contain itself.
        fields: How many there may be in all messages.
        other: How many bytes there may be in fields that the mappings leave out.

    Raises:
        ProtobufError: No protobuf, or more than this.
    """
    stack: list[tuple[int, int, Mapping[int, Any]]] = [(0, len(data), root)]
    while stack:
        at, end, known = stack.pop()
        while at < end:
            fields -= 1
            if fields < 0:
                raise ProtobufError(_TOO_MUCH)
            key, at = _varint(data, at, end)
            kind = key & 7
            if kind == 0:
                _, at = _varint(data, at, end)
            elif kind in (1, 5):
                at += 8 if kind == 1 else 4
            elif kind == 2:
                length, at = _varint(data, at, end)
                inner = known.get(key >> 3, _OTHER)
                if inner is _OTHER:
                    other -= length
                    if other < 0:
                        raise ProtobufError(_TOO_MUCH)
                elif inner is not None and 0 < length <= end - at:
                    stack.append((at + length, end, known))  # what is left of this one waits
                    end, known = at + length, inner
                    continue
                at += length
            else:
                raise ProtobufError("a field of an unknown kind")
        if at != end:
            raise ProtobufError("it is cut off")


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    number = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7
    raise ProtobufError("it is cut off")
