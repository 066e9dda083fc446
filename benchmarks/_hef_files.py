"""HEF containers around any message, and damage to them."""

from __future__ import annotations

import hashlib
import random
import struct
import zlib

import xxhash

from benchmarks._wire_tree import damage_field

__all__ = ["HEADER_BYTES", "mutate", "seal"]

HEADER_BYTES = {0: 32, 1: 28, 2: 44, 3: 56}
"""Length of the header by version."""

_MAGIC = b"\x01HEF"
_VARINTS = (
    b"\x00",
    b"\x7f",
    b"\x80\x01",
    b"\xff\xff\xff\xff\x0f",
    b"\xff" * 9 + b"\x01",
    b"\xff" * 10,
    b"\x80",
)
_NUMBERS = (
    struct.pack("<d", float("nan")),
    struct.pack("<d", float("inf")),
    struct.pack("<d", 5e-324),
    struct.pack("<d", -1.0),
    struct.pack("<f", float("nan")),
    struct.pack("<f", -0.0),
)


def seal(version: int, message: bytes, configuration: bytes = b"", additional: bytes = b"") -> bytes:
    """A container whose sizes and checksum hold.

    Args:
        version: 0 to 3.
        message: The protobuf message.
        configuration: What follows it; version 0 has none.
        additional: What follows that, in version 3 alone.
    """
    body = message + configuration + additional
    start = _MAGIC + struct.pack(">II", version, len(message))
    if version == 0:
        head = struct.pack(">I", 0) + hashlib.md5(body, usedforsecurity=False).digest()
    elif version == 1:
        head = struct.pack(">IQI", zlib.crc32(body), len(configuration), 0)
    elif version == 2:
        head = struct.pack(">QQQQ", xxhash.xxh3_64_intdigest(body), len(configuration), 0, 0)
    else:
        sizes = (len(configuration), 0, len(additional), 0, 0)
        head = struct.pack(">QQIQQQ", xxhash.xxh3_64_intdigest(body), *sizes)
    return start + head + body


def mutate(rng: random.Random, message: bytes) -> tuple[str, bytes]:
    """A damaged file and what was done to it. In three of four the sizes and the checksum hold again."""
    data = bytearray(message)
    if rng.random() < 0.5:  # its structure stays whole, so that the damage gets as far as it can
        times = rng.choice((1, 1, 2, 4))
        for _ in range(times):
            data[:] = damage_field(rng, bytes(data))
        names = ["field"] * times
    else:
        names = [_damage(rng, data) for _ in range(rng.choice((1, 1, 1, 2, 4, 16)))]
    version = rng.randrange(4)
    configuration = rng.randbytes(rng.choice((0, 64))) if version else b""
    whole = bytearray(seal(version, bytes(data), configuration))
    if rng.random() < 0.25:
        return "container", bytes(_break(rng, whole, HEADER_BYTES[version]))
    return names[0] if len(set(names)) == 1 else "several", bytes(whole)


def _damage(rng: random.Random, data: bytearray) -> str:
    """Change a message in place; most places are early, where its structure is, not its lists of numbers."""
    size = len(data)
    at = rng.randrange(min(size, 700) if rng.random() < 0.7 else size) if size else 0
    kind = rng.choice(("bit", "byte", "varint", "number", "cut", "remove", "repeat", "insert", "nest"))
    if kind == "bit" and size:
        data[at] ^= 1 << rng.randrange(8)
    elif kind == "byte" and size:
        data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    elif kind == "varint":
        data[at : at + 1] = rng.choice(_VARINTS)
    elif kind == "number":
        number = rng.choice(_NUMBERS)
        data[at : at + len(number)] = number
    elif kind == "cut":
        del data[at:]
    elif kind == "remove":
        del data[at : at + rng.randrange(1, 64)]
    elif kind == "repeat":
        data[at:at] = bytes(data[at : at + rng.randrange(1, 256)]) * rng.randrange(1, 64)
    elif kind == "insert":
        data[at:at] = rng.randbytes(rng.randrange(1, 64))
    else:  # the message inside of a field of itself
        data[:] = _nest(rng.choice((1, 2, 5, 15)), bytes(data))
    return kind


def _nest(number: int, data: bytes) -> bytes:
    length, rest = bytearray(), len(data)
    while rest >= 0x80:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes((number << 3 | 2,)) + bytes(length) + bytes((rest,)) + data


def _break(rng: random.Random, whole: bytearray, header: int) -> bytearray:
    kind = rng.randrange(4)
    if kind == 0:
        whole[rng.randrange(header)] ^= 1 << rng.randrange(8)
    elif kind == 1:
        whole[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
    elif kind == 2:
        del whole[rng.randrange(len(whole)) :]
    else:
        whole += rng.randbytes(rng.randrange(1, 64))
    return whole
