"""A protobuf message as a tree without its schema: to damage what it says and leave its structure whole."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Node", "damage_field", "grow", "write"]

_DEPTH = 16
_HIGHEST = 20
_MOST_BYTES = 2**18
_NUMBERS = (float("nan"), float("inf"), 5e-324, -1.0, -0.0, 0.0, 1e300, 1e30)
_SIZES = (0, 1, 2, 3, 127, 128, 2**20, 2**20 + 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1)
_COUNTS = (2, 3, 100, 1100)


@dataclass
class Node:
    """A field."""

    number: int
    """Its number."""
    wire: int
    """Its wire type: 0 varint, 1 eight bytes, 2 bytes of any length, 5 four bytes."""
    value: bytes
    """What it holds, as it is written; empty where it has children."""
    children: list[Node] = field(default_factory=list)
    """The fields inside of it, where it reads as a message."""


def grow(data: bytes, depth: int = _DEPTH) -> list[Node] | None:
    """The fields of a message; None where it is none."""
    at, nodes = 0, []
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        start = at
        if wire == 0:
            _, at = _varint(data, at)
        elif wire == 2:
            length, start = _varint(data, at)
            at = start + length
        else:
            at += {1: 8, 5: 4}.get(wire, len(data) + 1)
        if number < 1 or at > len(data):
            return None
        value = data[start:at]
        inner = grow(value, depth - 1) if wire == 2 and value and depth else None
        # A name or a list of numbers can read as a message too, but hardly as one with low field numbers.
        if inner and max(node.number for node in inner) <= _HIGHEST:
            nodes.append(Node(number, wire, b"", inner))
        else:
            nodes.append(Node(number, wire, value))
    return nodes


def write(nodes: list[Node]) -> bytes:
    """The message of a tree."""
    out = bytearray()
    for node in nodes:
        value = write(node.children) if node.children else node.value
        out += _encode(node.number << 3 | node.wire)
        if node.wire == 2:
            out += _encode(len(value))
        out += value
    return bytes(out)


def damage_field(rng: random.Random, data: bytes) -> bytes:
    """The message with one of its fields changed, dropped or repeated; itself where it is none."""
    tree = grow(data)
    if not tree:
        return data
    siblings, place = rng.choice(list(_places(tree)))
    siblings[place : place + 1] = _changed(rng, siblings[place])
    return write(tree)


def _places(nodes: list[Node]) -> Iterator[tuple[list[Node], int]]:
    for place, node in enumerate(nodes):
        yield nodes, place
        yield from _places(node.children)


def _changed(rng: random.Random, node: Node) -> list[Node]:
    kind = rng.randrange(8)
    if kind == 0:
        return []
    if kind == 1:
        return [node] * min(rng.choice(_COUNTS), 2 + _MOST_BYTES // (1 + len(write([node]))))
    if kind == 2:
        return [Node(rng.randrange(1, 16), node.wire, node.value, node.children)]
    return [Node(node.number, node.wire, _value(rng, node.wire))]


def _value(rng: random.Random, wire: int) -> bytes:
    if wire == 0:
        return _encode(rng.choice(_SIZES))
    if wire == 1:
        return struct.pack("<d", rng.choice(_NUMBERS))
    if wire == 5:
        return struct.pack("<f", min(rng.choice(_NUMBERS), 1e30))
    texts = (b"", b"\x1b[2J", "\u202e".encode(), b"\xff", b"n" * rng.randrange(2000), rng.randbytes(64))
    return rng.choice(texts)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    return 0, len(data) + 1


def _encode(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))
