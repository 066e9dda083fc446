"""Damage to ONNX and ORT files, mostly where they do not hold weights."""

from __future__ import annotations

import importlib
import random
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cardembed.coreml.fuzzing import mutate, mutate_message
from cardembed.onnx_graph.bounds import OPERATORS

__all__ = ["damage"]

_EXTREMES = (0, 1, 2, 3, 7, 8, 255, 65_536, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
_LONG = (0, 1, -1, 2, 3, 17, 1 << 12, 1 << 20, 1 << 31, 1 << 40, (1 << 63) - 1, -(1 << 63))
_WORDS = (*sorted(name for _, name in OPERATORS), "Loop", "If", "Resize", "com.microsoft", "../w", "0", "16")


def damage(path: Path, others: Sequence[Path], dice: random.Random) -> tuple[str, bytes]:
    """What was done to a sample, and the bytes that came of it."""
    data = path.read_bytes()
    kind = dice.random()
    if kind < 0.35:
        return "bytes", mutate(data, dice, dice.choice(others).read_bytes())
    if path.suffix == ".ort":
        return "words", _words(data, dice)
    model = importlib.import_module("onnx").load_model_from_string(data)
    if kind < 0.7:
        for _ in range(dice.randint(1, 3)):
            mutate_message(model, dice, _WORDS)
        return "fields", bytes(model.SerializeToString())
    for _ in range(dice.randint(1, 2)):
        dice.choice((_numbers, _names, _attributes))(model, dice)
    return "graph", bytes(model.SerializeToString())


def _words(data: bytes, dice: random.Random) -> bytes:
    """Numbers of a flatbuffer that are aligned, as offsets, lengths and most of the rest are."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 3)):
        place = 4 * dice.randrange(len(data) // 4 - 1)
        while dice.random() < 0.9 and len(set(changed[place : place + 64])) > 40:  # most likely weights
            place = 4 * dice.randrange(len(data) // 4 - 1)
        (old,) = struct.unpack_from("<I", changed, place)
        kind = dice.randrange(5)
        if kind == 0:
            new = dice.choice(_EXTREMES)
        elif kind == 1:
            new = old + dice.choice((-4, -1, 1, 4))
        elif kind == 2:  # an offset to what another one leads to
            other = 4 * dice.randrange(len(data) // 4 - 1)
            new = other + struct.unpack_from("<I", changed, other)[0] - place
        elif kind == 3:
            new = struct.unpack_from("<I", changed, 4 * dice.randrange(len(data) // 4 - 1))[0]
        else:
            new = old ^ (1 << dice.randrange(32))
        struct.pack_into("<I", changed, place, new % (1 << 32))
    return bytes(changed)


def _numbers(model: Any, dice: random.Random) -> None:  # noqa: ANN401 - onnx.ModelProto
    """Other numbers in a constant by which shapes are computed; as many as before."""
    wholes = [tensor for tensor in model.graph.initializer if tensor.data_type == 7 and tensor.raw_data]
    if wholes:
        tensor = dice.choice(wholes)
        numbers = [number for (number,) in struct.iter_unpack("<q", tensor.raw_data)]
        numbers[dice.randrange(len(numbers))] = dice.choice(_LONG)
        tensor.raw_data = struct.pack(f"<{len(numbers)}q", *numbers)


def _names(model: Any, dice: random.Random) -> None:  # noqa: ANN401 - onnx.ModelProto
    """Another input or result for an operator, or another kind of operator."""
    node, other = dice.choice(model.graph.node), dice.choice(model.graph.node)
    names = [*other.input, *other.output]
    if dice.random() < 0.4:
        node.op_type = dice.choice(_WORDS)
    elif node.input and names:
        node.input[dice.randrange(len(node.input))] = dice.choice(names)


def _attributes(model: Any, dice: random.Random) -> None:  # noqa: ANN401 - onnx.ModelProto
    """Another number in an attribute, or the attributes of another operator."""
    given = [node for node in model.graph.node if node.attribute]
    node = dice.choice(given)
    attribute = dice.choice(node.attribute)
    if dice.random() < 0.2:
        node.attribute.append(dice.choice(dice.choice(given).attribute))
    elif attribute.ints:
        attribute.ints[dice.randrange(len(attribute.ints))] = dice.choice(_LONG)
    else:
        attribute.i = dice.choice(_LONG)
