"""Reading a flatbuffer that nobody vouches for: each offset is looked at before it is followed.

Offsets may lead to the same place many times, so that a small file can stand for a huge tree. What is read
is counted, and ends.
"""

from __future__ import annotations

import struct

__all__ = ["Buffer", "FlatbufferProblem", "Table"]

_VISITS = 400_000
"""Tables and texts of a file; a ViT-Large has 60,000."""
_TOO_OFTEN = "offsets that lead to the same bytes again and again"


class FlatbufferProblem(Exception):  # noqa: N818 - what becomes an ArtefactError where the file is known
    """Why bytes are no flatbuffer, or one that reads more than there is."""


class Buffer:
    """A file's bytes, and how much of them was read."""

    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)
        self._visits = _VISITS
        self._bytes = 4 * len(data) + (1 << 20)  # texts are shared: names, kinds of operators

    def number(self, form: str, at: int) -> int:
        """A whole number, by struct's letter."""
        try:
            return int(struct.unpack_from(f"<{form}", self.data, at)[0]) if at >= 0 else self._beyond(at)
        except struct.error:
            return self._beyond(at)

    def take(self, at: int, size: int) -> memoryview:
        """Some bytes."""
        if at < 0 or size < 0 or at + size > len(self.data):
            self._beyond(at)
        self._visits -= 1
        self._bytes -= size
        if min(self._visits, self._bytes) < 0:
            raise FlatbufferProblem(_TOO_OFTEN)
        return self.data[at : at + size]

    def expect(self, count: int) -> None:
        """Refuse more tables or texts than may still be taken, before a list of them is made."""
        if count > self._visits:
            raise FlatbufferProblem(_TOO_OFTEN)

    def root(self) -> Table:
        """The table that the first number points to."""
        return Table(self, self.number("I", 0))

    def _beyond(self, at: int) -> int:
        raise FlatbufferProblem(f"an offset {at} out of {len(self.data)} bytes")


class Table:
    """A table; its fields are numbered as in the schema, from 0."""

    def __init__(self, buffer: Buffer, at: int) -> None:
        self._buffer, self._at = buffer, at
        self._fields = at - buffer.number("i", at)
        self._length = buffer.number("H", self._fields)
        buffer.take(self._fields, max(4, self._length))
        buffer.take(at, buffer.number("H", self._fields + 2))

    def _field(self, slot: int) -> int | None:
        place = 4 + 2 * slot
        offset = self._buffer.number("H", self._fields + place) if place + 2 <= self._length else 0
        return self._at + offset if offset else None

    def _follow(self, slot: int) -> int | None:
        at = self._field(slot)
        return None if at is None else at + self._buffer.number("I", at)

    def integer(self, slot: int, form: str, default: int = 0) -> int:
        """A whole number, by struct's letter."""
        at = self._field(slot)
        return default if at is None else self._buffer.number(form, at)

    def four_bytes(self, slot: int) -> bytes:
        """Four bytes of a number of another kind; as many zeros where it is missing."""
        at = self._field(slot)
        return bytes(4) if at is None else bytes(self._buffer.take(at, 4))

    def table(self, slot: int) -> Table | None:
        """Another table."""
        at = self._follow(slot)
        return None if at is None else Table(self._buffer, at)

    def text(self, slot: int) -> bytes:
        """A text; empty where it is missing."""
        return bytes(self.vector(slot, 1))

    def vector(self, slot: int, size: int) -> memoryview:
        """The bytes of a vector whose elements have `size` bytes; empty where it is missing."""
        at = self._follow(slot)
        return memoryview(b"") if at is None else self._vector(at, size)

    def _vector(self, at: int, size: int) -> memoryview:
        return self._buffer.take(at + 4, self._buffer.number("I", at) * size)

    def integers(self, slot: int, form: str) -> list[int]:
        """Whole numbers, by struct's letter."""
        return [
            int(number)
            for (number,) in struct.iter_unpack(f"<{form}", self.vector(slot, struct.calcsize(form)))
        ]

    def _places(self, slot: int) -> list[int]:
        at = self._follow(slot)
        if at is None:
            return []
        self._buffer.expect(self._buffer.number("I", at))
        return [at + 4 + 4 * n + offset for n, offset in enumerate(self.integers(slot, "I"))]

    def tables(self, slot: int) -> list[Table]:
        """Tables of a vector."""
        return [Table(self._buffer, at) for at in self._places(slot)]

    def texts(self, slot: int) -> list[bytes]:
        """Texts of a vector."""
        return [bytes(self._vector(at, 1)) for at in self._places(slot)]
