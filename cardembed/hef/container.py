"""The HEF's container: header, sizes, checksum. Nothing of the message is looked at before they hold.

Big-endian: magic, u32 version, u32 size of the message, then by version. After the header come the message
and the configuration of the chip, and the checksum goes over all of that.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import xxhash

from cardembed._sizes import LARGEST_HEF
from cardembed.errors import ArtefactError

__all__ = ["LAYOUTS", "MAGIC", "MAX_BYTES", "Container", "Digest", "Layout", "read_container", "refuse"]

MAGIC = b"\x01HEF"
MAX_BYTES = LARGEST_HEF
"""Largest file that is read."""
_CHUNK = 2**20
_NAME_IT = "name the .hef file that Hailo's compiler wrote"
_AGAIN = "copy it again from where it was compiled, or compile it again"
_COMMON = struct.Struct(">4sII")


class Digest(Protocol):
    """A checksum that grows with what it is given, as hashlib's."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""

    def digest(self) -> bytes:
        """The checksum so far, as it stands in a header."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A version of the container."""

    fields: struct.Struct
    """What follows magic, version and size of the message."""
    checksum: slice
    """Where the checksum stands in the header."""
    sizes: tuple[int, ...]
    """Which of the fields are sizes of what follows the message."""
    checksum_kind: str
    """What the checksum is called."""
    digest: Callable[[], Digest]
    """Starts one."""
    minimum_hailort: str | None = None
    """The first HailoRT that opens it; None where all do."""
    padding: int | None = None
    """Which of the fields says how much of the first size is padding."""

    @property
    def header_bytes(self) -> int:
        """Length of the header with magic, version and size."""
        return _COMMON.size + self.fields.size


class _Crc32:
    """CRC-32 with the interface of hashlib."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _md5() -> Digest:
    return hashlib.md5(usedforsecurity=False)  # against accidents, as HailoRT uses it


LAYOUTS = {
    0: Layout(struct.Struct(">I16s"), slice(16, 32), (), "MD5", _md5),
    1: Layout(struct.Struct(">IQI"), slice(12, 16), (1,), "CRC-32", _Crc32),
    2: Layout(struct.Struct(">QQQQ"), slice(12, 20), (1,), "XXH3-64", xxhash.xxh3_64, "4.20"),
    3: Layout(struct.Struct(">QQIQQQ"), slice(12, 20), (1, 3), "XXH3-64", xxhash.xxh3_64, "4.21", padding=2),
}
"""The container's versions."""


@dataclass(frozen=True, slots=True)
class Container:
    """A container whose sizes and checksum hold."""

    version: int
    """A key of `LAYOUTS`."""
    size: int
    """Bytes of the file."""
    checksum: str
    """The checksum in hex."""
    message: bytes
    """The protobuf message."""


def refuse(path: Path, expected: str, found: str, action: str = _AGAIN) -> ArtefactError:
    """The error that `path` is no HEF that can be used."""
    return ArtefactError(path, expected=expected, found=found, action=action)


def read_container(path: Path) -> Container:
    """Read a HEF's header, check sizes and checksum, and return the message.

    Raises:
        ArtefactError: No regular file, larger than `MAX_BYTES`, no HEF, of an unknown version, cut off, with
            bytes left over, or with another checksum.
    """
    try:
        if not path.is_file():  # asked before it is opened: opening a pipe would wait for its writer
            found = "a folder or device" if path.exists() else "no such file"
            raise refuse(path, "a HEF", found, _NAME_IT)
        with path.open("rb") as file:
            return _read(path, file, os.fstat(file.fileno()).st_size)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise refuse(path, "a readable file", str(error)) from None


def _read(path: Path, file: BinaryIO, size: int) -> Container:
    if size > MAX_BYTES:
        raise refuse(path, f"a HEF of at most {MAX_BYTES // 2**20} MB", f"{size} bytes")
    start = file.read(_COMMON.size)
    if not start.startswith(MAGIC):
        raise refuse(
            path, f"a HEF, which starts with {MAGIC.hex()}", start[:4].hex() or "an empty file", _NAME_IT
        )
    if len(start) < _COMMON.size:
        raise refuse(path, "a whole header", f"{size} bytes")
    _, version, message_bytes = _COMMON.unpack(start)
    layout = LAYOUTS.get(version)
    if layout is None:
        raise refuse(path, f"a container of version {min(LAYOUTS)} to {max(LAYOUTS)}", f"version {version}")
    header = start + file.read(layout.fields.size)
    if len(header) < layout.header_bytes:
        raise refuse(path, f"a header of {layout.header_bytes} bytes", f"{size} bytes")
    fields = layout.fields.unpack_from(header, _COMMON.size)
    if layout.padding is not None and fields[layout.padding] > fields[layout.sizes[0]]:
        raise refuse(path, "less padding than what is padded", f"{fields[layout.padding]} bytes of padding")
    promised = layout.header_bytes + message_bytes + sum(fields[place] for place in layout.sizes)
    if promised != size:
        raise refuse(path, f"{promised} bytes, as its header says", f"{size}")
    digest = layout.digest()
    message = file.read(message_bytes)
    digest.update(message)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    expected, found = header[layout.checksum].hex(), digest.digest().hex()
    if expected != found:
        raise refuse(path, f"{layout.checksum_kind} {expected}, as its header says", found)
    if not message:
        raise refuse(path, "a description of the network", "none")
    return Container(version, size, found, message)
