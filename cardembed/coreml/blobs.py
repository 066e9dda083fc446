"""Records of a `weight.bin`: a header with a sentinel, the kind of number, and where the data lies."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardembed.coreml.package import bad

__all__ = ["BlobFile"]

_SENTINEL = 0xDEADBEEF
_HEADER = struct.Struct("<IIQQQ")
# By the file's own numbering: the bits of a number and what it becomes.
_KINDS: dict[int, tuple[int, str]] = {
    1: (16, "<f2"), 2: (32, "<f4"), 3: (8, "u1"), 4: (8, "i1"), 6: (16, "<i2"), 7: (16, "<u2"),
    8: (4, "i1"), 9: (1, "u1"), 10: (2, "u1"), 11: (4, "u1"), 12: (3, "u1"), 13: (6, "u1"),
    14: (32, "<i4"), 15: (32, "<u4"),
}  # fmt: skip
_SIGNED_NIBBLE = 8


class BlobFile:
    """A weight file, mapped into memory.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        empty = path.stat().st_size == 0
        self._data: NDArray[np.uint8] = (
            np.zeros(0, np.uint8) if empty else np.memmap(path, dtype=np.uint8, mode="r")
        )

    def read(self, offset: int, count: int) -> NDArray[np.generic]:
        """The numbers of the record at `offset`.

        Args:
            offset: Of the record's header, in bytes.
            count: Numbers that are expected.

        Raises:
            ArtefactError: No header there, an unknown kind, or data beyond the file or of another length.
        """
        kind, start, size, padding = self._header(offset)
        end = len(self._data)
        bits, dtype = _KINDS[kind]
        if start + size > end or padding > 8 or size * 8 - padding != count * bits:
            raise bad(
                self._path,
                f"{count} numbers of {bits} bits within {end} bytes",
                f"{size} bytes at {start}, {padding} bits of them padding",
            )
        raw = self._data[start : start + size]
        if bits >= 8:
            return raw.view(dtype)
        numbers = _unpacked(raw, bits)[:count]
        if dtype == "i1":
            signed = numbers.astype(np.int8)
            return np.where(signed >= _SIGNED_NIBBLE, signed - 2 * _SIGNED_NIBBLE, signed).astype(np.int8)
        return numbers

    def place(self, offset: int) -> tuple[int, str]:
        """Byte at which the data of the record at `offset` begins, and NumPy's name of its numbers.

        Raises:
            ArtefactError: No header there, or an unknown kind.
        """
        kind, start, _, _ = self._header(offset)
        return start, _KINDS[kind][1]

    def _header(self, offset: int) -> tuple[int, int, int, int]:
        """Kind, start and size of the data, and bits of padding."""
        end = len(self._data)
        if offset < 0 or offset + _HEADER.size > end:
            raise bad(self._path, "a record within the file", f"one at byte {offset} of {end}")
        sentinel, kind, size, start, padding = _HEADER.unpack(
            self._data[offset : offset + _HEADER.size].tobytes()
        )
        if sentinel != _SENTINEL:
            raise bad(self._path, f"a record at byte {offset}", f"the sentinel {sentinel:#x}")
        if kind not in _KINDS:
            raise bad(self._path, "a known kind of number", f"kind {kind} at byte {offset}")
        return kind, start, size, padding


def _unpacked(raw: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Numbers of fewer than 8 bits, the least significant bit first."""
    stream = np.unpackbits(raw, bitorder="little")
    whole = stream[: len(stream) // bits * bits].reshape(-1, bits)
    return np.packbits(whole, axis=1, bitorder="little")[:, 0]
