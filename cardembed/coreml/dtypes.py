"""Core ML's number types by name, their widths, and bytes to arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BITS", "FLOATS", "byte_count", "declared_dtype", "decode", "unpack_bits"]

BITS = {
    "FLOAT16": 16, "FLOAT32": 32, "FLOAT64": 64,
    "INT8": 8, "INT16": 16, "INT32": 32, "INT64": 64, "INT4": 4,
    "UINT8": 8, "UINT16": 16, "UINT32": 32, "UINT64": 64,
    "UINT6": 6, "UINT4": 4, "UINT3": 3, "UINT2": 2, "UINT1": 1, "BOOL": 8,
}  # fmt: skip
"""Width in bits of the types that can be read."""

FLOATS = frozenset({"FLOAT16", "FLOAT32", "FLOAT64"})
"""The types with a fraction."""

_WHOLE = {
    name: np.dtype(name.lower()).newbyteorder("<")
    for name, bits in BITS.items()
    if bits >= 8 and name != "BOOL"
}
_WHOLE["BOOL"] = np.dtype(np.bool_)


def declared_dtype(tensor: Any) -> str:  # noqa: ANN401 - MIL's TensorType, a generated class
    """A tensor type's number type by name, such as "FLOAT16"; "type 99" where the schema has no name."""
    values = tensor.DESCRIPTOR.fields_by_name["dataType"].enum_type.values_by_number
    return str(values[tensor.dataType].name) if tensor.dataType in values else f"type {tensor.dataType}"


def byte_count(dtype: str, shape: tuple[int, ...]) -> int:
    """Bytes that an array takes in a file; types below a byte are packed without gaps."""
    return -(-math.prod(shape) * BITS[dtype] // 8)


def decode(data: bytes, dtype: str, shape: tuple[int, ...]) -> NDArray[np.generic]:
    """The array in `data`, which has `byte_count(dtype, shape)` bytes; little-endian."""
    if dtype == "BOOL":
        truth: NDArray[np.generic] = (np.frombuffer(data, np.uint8) != 0).reshape(shape)
        return truth
    if dtype in _WHOLE:
        return np.frombuffer(data, _WHOLE[dtype]).reshape(shape)
    return unpack_bits(data, dtype, math.prod(shape)).reshape(shape)


def unpack_bits(data: bytes, dtype: str, count: int) -> NDArray[np.generic]:
    """Integers below a byte, the least significant bit first: (count,) uint8, or int8 for INT4."""
    width = BITS[dtype]
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=count * width, bitorder="little")
    weights = (1 << np.arange(width)).astype(np.uint8)
    values = bits.reshape(count, width) @ weights
    if dtype == "INT4":
        return np.where(values >= 8, values.astype(np.int8) - 16, values).astype(np.int8)
    unsigned: NDArray[np.generic] = values.astype(np.uint8)
    return unsigned
