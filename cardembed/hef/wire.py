"""The part of protobuf's wire format that a HEF's description needs, in bounded time and memory.

A general parser makes an object of every message: two bytes of a hostile file become some hundred bytes of
memory. This one keeps the numbers of fields that its caller asks for, opens a message only when it is asked
to, and counts what it looks at and what it keeps.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from enum import IntEnum
from functools import cache

__all__ = [
    "MAX_ALL_NAMES_BYTES",
    "MAX_FIELDS",
    "MAX_KEPT",
    "MAX_NAME_BYTES",
    "MAX_NUMBERS",
    "Document",
    "Message",
    "WireError",
]

MAX_FIELDS = 100_000
"""Fields that are looked at in a file. A HEF of several contexts has some thousands: the commands for the
chip are inside of fields that are passed over."""
MAX_KEPT = 50_000
"""Fields that are kept, some 150 bytes each."""
MAX_NUMBERS = 65_536
"""Numbers in lists: scales and zero-points by channel, 32 bytes each."""
MAX_NAME_BYTES = 1024
"""Length of a name in UTF-8."""
MAX_ALL_NAMES_BYTES = 2**18
"""Length of all names together. In memory a name may take twice as much, and in a text with a character from
beyond U+FFFF four times, as often as it is copied on its way to a terminal."""

_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5
_WIDTHS = {_I64: 8, _I32: 4}
_SHORT = 5  # bytes of a tag or a length; any other number has up to ten
_LAST_NUMBER = 2**29 - 1


class WireError(ValueError):
    """Bytes that are no such message, with the reason."""


class Document:
    """A file's message, and how much of it may still be looked at."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.fields = MAX_FIELDS
        self.kept = MAX_KEPT
        self.numbers = MAX_NUMBERS
        self.name_bytes = MAX_ALL_NAMES_BYTES

    def open(self, fields: type[IntEnum]) -> Message:
        """The outermost message."""
        return Message(self, 0, len(self.data), fields)

    def varint(self, at: int, end: int, most: int = 10) -> tuple[int, int]:
        """The number at `at`, in at most so many bytes, and where the next byte is."""
        data = self.data
        value = shift = 0
        while at < end:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, at
            shift += 7
            if shift == 7 * most:
                raise WireError(f"a number of more than {most} bytes")
        raise WireError("a number that ends outside of its message")


class Message:
    """One message of a document; of a field that may occur once, the last counts.

    Args:
        document: Whose message it is.
        start: Its first byte.
        end: The byte after its last.
        fields: The numbers of the fields that are kept; all others are passed over.
    """

    __slots__ = ("_document", "_found")

    def __init__(self, document: Document, start: int, end: int, fields: type[IntEnum]) -> None:
        self._document = document
        # number: (wire type, value or first byte, byte after the last)
        self._found: dict[int, list[tuple[int, int, int]]] = {}
        numbers = _numbers(fields)
        at = start
        while at < end:
            at = self._field(at, end, numbers)

    def _field(self, at: int, end: int, numbers: frozenset[int]) -> int:
        document = self._document
        document.fields -= 1
        if document.fields < 0:
            raise WireError(f"more than {MAX_FIELDS} fields")
        tag, at = document.varint(at, end, most=_SHORT)
        number, wire = tag >> 3, tag & 7
        if not 1 <= number <= _LAST_NUMBER:
            raise WireError(f"a field of number {number}")
        if wire == _VARINT:
            first, at = document.varint(at, end)
            last = at
        else:
            if wire == _LEN:
                length, at = document.varint(at, end, most=_SHORT)
            elif wire in _WIDTHS:
                length = _WIDTHS[wire]
            else:  # 3 and 4 are groups, which this description never had
                raise WireError(f"wire type {wire}")
            if length > end - at:
                raise WireError("a field that ends outside of its message")
            first, last = at, at + length
            at = last
        if number in numbers:
            document.kept -= 1
            if document.kept < 0:
                raise WireError(f"more than {MAX_KEPT} fields that matter")
            self._found.setdefault(number, []).append((wire, first, last))
        return at

    def _of(self, field: IntEnum, wire: int) -> list[tuple[int, int, int]]:
        # A field of another wire type is an unknown field to protobuf.
        return [entry for entry in self._found.get(field, ()) if entry[0] == wire]

    def uint(self, field: IntEnum) -> int:
        """An unsigned integer; 0 without."""
        found = self._of(field, _VARINT)
        return found[-1][1] if found else 0

    def float32(self, field: IntEnum) -> float:
        """A finite float; 0 without."""
        return self._number(field, _I32, "<f")

    def float64(self, field: IntEnum) -> float:
        """A finite double; 0 without."""
        return self._number(field, _I64, "<d")

    def _number(self, field: IntEnum, wire: int, code: str) -> float:
        found = self._of(field, wire)
        return _finite(struct.unpack_from(code, self._document.data, found[-1][1])[0]) if found else 0.0

    def doubles(self, field: IntEnum) -> tuple[float, ...]:
        """A list of finite doubles, packed or one by one."""
        values: list[float] = []
        for wire, first, last in self._found.get(field, ()):
            if wire not in (_LEN, _I64):
                continue
            count, rest = divmod(last - first, 8)
            if rest:
                raise WireError(f"a list of doubles in {last - first} bytes")
            self._document.numbers -= count
            if self._document.numbers < 0:
                raise WireError(f"more than {MAX_NUMBERS} numbers in lists")
            values += struct.unpack_from(f"<{count}d", self._document.data, first)
        return tuple(_finite(value) for value in values)

    def names(self, field: IntEnum) -> tuple[str, ...]:
        """Printable names."""
        return tuple(self._name(first, last) for _, first, last in self._of(field, _LEN))

    def name(self, field: IntEnum) -> str:
        """A printable name; empty without."""
        found = self.names(field)
        return found[-1] if found else ""

    def _name(self, first: int, last: int) -> str:
        if last - first > MAX_NAME_BYTES:
            raise WireError(f"a name of {last - first} bytes")
        self._document.name_bytes -= last - first
        if self._document.name_bytes < 0:
            raise WireError(f"more than {MAX_ALL_NAMES_BYTES} bytes of names")
        try:
            text = self._document.data[first:last].decode()
        except UnicodeDecodeError:
            raise WireError("a name that is not UTF-8") from None
        if not text.isprintable():  # it is going to a terminal
            raise WireError(f"a name that cannot be printed: {ascii(text)[:80]}")
        return text

    def messages(self, field: IntEnum, fields: type[IntEnum]) -> Iterator[Message]:
        """The messages in a field that may occur any number of times, each opened when its turn comes."""
        for _, first, last in self._of(field, _LEN):
            yield Message(self._document, first, last, fields)

    def message(self, field: IntEnum, fields: type[IntEnum]) -> Message | None:
        """The message in a field that may occur once; None without.

        Twice would mean to merge them. No writer does that, and HailoRT's reading and another's could differ.
        """
        found = self._of(field, _LEN)
        if len(found) > 1:
            raise WireError(f"{len(found)} messages in field {int(field)}, which holds one")
        return Message(self._document, found[0][1], found[0][2], fields) if found else None

    def count(self, field: IntEnum) -> int:
        """How many messages are in a field, without opening them."""
        return len(self._of(field, _LEN))


@cache
def _numbers(fields: type[IntEnum]) -> frozenset[int]:
    return frozenset(int(field) for field in fields)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise WireError("a number that is not finite")
    return value
