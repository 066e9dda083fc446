"""Compressed weights: Core ML's constexpr operations, decompressed once at load.

Sources: coremltools' `ops/defs/iOS16/constexpr_ops.py` and `ops/defs/iOS18/compression.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.coreml.dtypes import unpack_bits

__all__ = ["decompress"]

Array = NDArray[Any]
_INDEX_TYPES = {2: "UINT1", 4: "UINT2", 8: "UINT3", 16: "UINT4", 64: "UINT6", 256: "UINT8"}


def decompress(kind: str, values: Mapping[str, Array], limit: int) -> Array | None:
    """The dense array of a constexpr operation.

    Args:
        kind: The operation's type, such as "constexpr_lut_to_dense".
        values: Its arguments by name.
        limit: Most elements that the result may have.

    Returns:
        The dense array in the type that scale, table or data have; None for an unknown kind.

    Raises:
        ValueError: Shapes that do not fit together, or a result beyond `limit`.
        KeyError: A missing argument.
    """
    function = _FUNCTIONS.get(kind)
    # What a type does not hold is infinite or no number, to Core ML too; whoever executes it finds that.
    with np.errstate(over="ignore", invalid="ignore"):
        return None if function is None else function(values, limit)


def _affine(values: Mapping[str, Array], limit: int) -> Array:
    data, scale = values["quantized_data"], values["scale"]
    zero = values.get("zero_point", np.zeros((), np.float32))
    axis = int(values["axis"]) if data.ndim else 0
    if not -data.ndim <= axis < max(data.ndim, 1):
        raise ValueError(f"axis {axis} of an array {data.shape}")
    shape = [1] * data.ndim
    if data.ndim:
        shape[axis] = data.shape[axis]
    _check_size(data.shape, limit)
    wide = data.astype(np.float32) - _per_channel(zero, shape)
    return (wide * _per_channel(scale, shape)).astype(scale.dtype)


def _per_channel(value: Array, shape: list[int]) -> Array:
    return value.astype(np.float32) if value.ndim == 0 else value.astype(np.float32).reshape(shape)


def _lut(values: Mapping[str, Array], limit: int) -> Array:
    table, indices = values["lut"], values["indices"]
    if "shape" in values:  # iOS 16: packed indices and one table
        shape = _shape(values["shape"], limit)
        count = math.prod(shape)
        kind = _INDEX_TYPES.get(table.size)
        if kind is None or table.ndim != 1:
            raise ValueError(f"a table of shape {table.shape}")
        if indices.dtype != np.uint8 or indices.size != -(-count * (table.size.bit_length() - 1) // 8):
            raise ValueError(f"{indices.size} index bytes for {shape}")
        chosen = indices.reshape(-1) if kind == "UINT8" else unpack_bits(indices.tobytes(), kind, count)
        return table[chosen].reshape(shape)
    return _blockwise_lut(table, indices, values.get("vector_axis"), limit)


def _blockwise_lut(table: Array, indices: Array, vector_axis: Array | None, limit: int) -> Array:
    rank = indices.ndim
    if rank < 1 or table.ndim != rank + 2 or 0 in table.shape:
        raise ValueError(f"a table {table.shape} for indices {indices.shape}")
    palette, width = table.shape[-2:]
    blocks = _block_sizes(indices.shape, table.shape[:rank])
    axis = 0 if vector_axis is None else int(vector_axis) % rank
    if (vector_axis is None and width > 1) or (indices.size and int(indices.max()) >= palette):
        raise ValueError(f"a table {table.shape} for these indices")
    _check_size((*indices.shape, width), limit)
    groups = np.arange(math.prod(table.shape[:rank])).reshape(table.shape[:rank])
    for dimension, block in enumerate(blocks):
        groups = np.repeat(groups, block, axis=dimension)
    dense = table.reshape(-1, palette, width)[groups, indices]  # (*indices.shape, width)
    dense = np.moveaxis(dense, -1, axis + 1)
    shape = list(indices.shape)
    shape[axis] *= width
    return dense.reshape(shape)


def _sparse(values: Mapping[str, Array], limit: int) -> Array:
    data, mask = values["nonzero_data"], values["mask"]
    if "shape" in values:  # iOS 16: a packed mask
        shape = _shape(values["shape"], limit)
        count = math.prod(shape)
        if mask.dtype != np.uint8 or mask.size != -(-count // 8):
            raise ValueError(f"{mask.size} mask bytes for {shape}")
        mask = np.unpackbits(mask.reshape(-1), count=count, bitorder="little").reshape(shape)
    _check_size(mask.shape, limit)
    if data.ndim != 1 or int(np.count_nonzero(mask)) != data.size:
        raise ValueError(f"{data.shape} values for {int(np.count_nonzero(mask))} places")
    dense = np.zeros(mask.shape, data.dtype)
    dense[mask != 0] = data
    return dense


def _blockwise(values: Mapping[str, Array], limit: int) -> Array:
    data, scale, offset = values["data"], values["scale"], values.get("offset")
    if data.ndim < 1 or data.ndim != scale.ndim or (offset is not None and offset.shape != scale.shape):
        raise ValueError(f"data {data.shape} with scale {scale.shape}")
    _check_size(data.shape, limit)
    blocks = _block_sizes(data.shape, scale.shape)
    wide = data.astype(np.float32)
    factor = scale.astype(np.float32)
    shift = None if offset is None else offset.astype(np.float32)
    for axis, block in enumerate(blocks):
        factor = np.repeat(factor, block, axis=axis)
        shift = None if shift is None else np.repeat(shift, block, axis=axis)
    return ((wide if shift is None else wide - shift) * factor).astype(scale.dtype)


def _cast(values: Mapping[str, Array], limit: int) -> Array:
    _check_size(values["source_val"].shape, limit)
    return values["source_val"].astype(np.float32)


def _block_sizes(whole: tuple[int, ...], parts: tuple[int, ...]) -> list[int]:
    if any(part < 1 or size % part for size, part in zip(whole, parts, strict=True)):
        raise ValueError(f"{parts} blocks for a shape {whole}")
    return [size // part for size, part in zip(whole, parts, strict=True)]


def _shape(value: Array, limit: int) -> tuple[int, ...]:
    shape = tuple(int(size) for size in value.reshape(-1))
    _check_size(shape, limit)
    return shape


def _check_size(shape: tuple[int, ...], limit: int) -> None:
    if min(shape, default=0) < 0 or math.prod(shape) > limit:
        raise ValueError(f"a shape {shape} of more than {limit} elements")


_FUNCTIONS: dict[str, Callable[[Mapping[str, Array], int], Array]] = {
    "constexpr_affine_dequantize": _affine,
    "constexpr_blockwise_shift_scale": _blockwise,
    "constexpr_cast": _cast,
    "constexpr_lut_to_dense": _lut,
    "constexpr_sparse_to_dense": _sparse,
}
