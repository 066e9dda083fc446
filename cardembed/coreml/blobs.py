"""Weights outside of the protobuf: Core ML's blob storage, version 2.

A file starts with 64 bytes (number of records, version); a blob reference is the offset of a record's header
of 64 bytes: sentinel 0xDEADBEEF, type, size in bytes, offset of the data, unused bits of the last byte. Data
follow their header, and headers stand at multiples of 64.
Source: MILBlob/Blob/StorageFormat.hpp in coremltools.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardembed.coreml.dtypes import byte_count, decode
from cardembed.coreml.package import open_regular
from cardembed.coreml.problems import artefact_error
from cardembed.errors import ArtefactError

__all__ = ["check_storage", "locate_blob", "read_blob"]

_SENTINEL = 0xDEADBEEF
_VERSION = 2
_STORAGE = struct.Struct("<II")
_HEADER = struct.Struct("<IIQQQ")
_HEADER_BYTES = 64
_TYPES = {
    1: "FLOAT16", 2: "FLOAT32", 3: "UINT8", 4: "INT8", 6: "INT16", 7: "UINT16", 8: "INT4", 9: "UINT1",
    10: "UINT2", 11: "UINT4", 12: "UINT3", 13: "UINT6", 14: "INT32", 15: "UINT32",
}  # fmt: skip
_SAME = {"BOOL": "UINT8"}


def check_storage(path: Path, most: int) -> None:
    """Compare a file's first 64 bytes with what follows: Core ML refuses another version.

    Args:
        path: The file.
        most: Records that it may have.

    Raises:
        ArtefactError: Another version, or another number of records than follow one another.
    """
    try:
        with open_regular(path) as file:
            end = os.fstat(file.fileno()).st_size
            start = file.read(_STORAGE.size)
            if len(start) < _STORAGE.size:
                raise artefact_error(path, expected="a storage's header", found=f"{end} bytes")
            count, version = _STORAGE.unpack(start)
            if version != _VERSION:
                raise artefact_error(path, expected=f"blob storage, version {_VERSION}", found=version)
            if count > most:
                raise artefact_error(path, expected=f"at most {most} records", found=count)
            records, place = 0, _HEADER_BYTES
            while records <= count and place <= end - _HEADER_BYTES:
                file.seek(place)
                sentinel, _, size, data, _ = _HEADER.unpack(file.read(_HEADER.size))
                if sentinel != _SENTINEL or data < place + _HEADER_BYTES:
                    break
                records += 1
                place = -(-(data + size) // _HEADER_BYTES) * _HEADER_BYTES
            if records != count:
                more = " or more" if records > count else ""
                raise artefact_error(path, expected=f"{count} records, as it says", found=f"{records}{more}")
    except OSError as error:
        raise _unreadable(path, error) from error


def read_blob(path: Path, offset: int, dtype: str, shape: tuple[int, ...]) -> NDArray[np.generic]:
    """The array whose record header stands at `offset`.

    Raises:
        ArtefactError: Offsets outside of the file, another sentinel, another type or another length than
            `dtype` and `shape` need. Nothing is allocated before these are checked.
    """
    start, size = locate_blob(path, offset, dtype, shape)
    try:
        with open_regular(path) as file:
            file.seek(start)
            data = file.read(size)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) != size:
        raise artefact_error(f"{path} at {offset}", expected=f"{size} bytes", found=len(data))
    return decode(data, dtype, shape)


def locate_blob(path: Path, offset: int, dtype: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """Where the data of the record at `offset` lie: first byte and length; errors as of `read_blob`."""
    thing = f"{path} at {offset}"
    needed = byte_count(dtype, shape)
    try:
        with open_regular(path) as file:
            end = os.fstat(file.fileno()).st_size
            if not _HEADER_BYTES <= offset <= end - _HEADER_BYTES:
                raise artefact_error(
                    thing, expected=f"a record inside of the file's {end} bytes", found="none"
                )
            file.seek(offset)
            sentinel, kind, size, start, _ = _HEADER.unpack(file.read(_HEADER.size))
            if sentinel != _SENTINEL:
                raise artefact_error(thing, expected=f"the sentinel {_SENTINEL:#x}", found=f"{sentinel:#x}")
            if _TYPES.get(kind) not in {dtype, _SAME.get(dtype, dtype)}:
                raise artefact_error(thing, expected=f"data of type {dtype}", found=_TYPES.get(kind, kind))
            if size != needed:
                raise artefact_error(thing, expected=f"{needed} bytes for {dtype} {shape}", found=size)
            if not offset + _HEADER_BYTES <= start <= end - size:
                raise artefact_error(thing, expected=f"data inside of the file's {end} bytes", found=start)
    except OSError as error:
        raise _unreadable(path, error) from error
    return int(start), int(size)


def _unreadable(path: Path, error: OSError) -> ArtefactError:
    return artefact_error(path, expected="a readable file", found=error.strerror or error)
