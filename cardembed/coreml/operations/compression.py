"""Weights that are stored smaller than they are used; computed once, when a program is loaded."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from cardembed.coreml.operations._registry import Arguments, operation

__all__: list[str] = []


def _along(values: Tensor, rank: int, axis: int) -> Tensor:
    """A number for all, or one for each place of an axis, so that it broadcasts."""
    if values.numel() == 1:
        return values.reshape([1] * rank)
    return values.reshape([-1 if place == axis % rank else 1 for place in range(rank)])


@operation("constexpr_affine_dequantize")
def affine(given: Arguments) -> Tensor:
    """(q − zero point)·scale, a scale for each place of an axis."""
    quantised, axis = given.tensor("quantized_data").float(), given.whole("axis")
    zero, scale = (_along(given.tensor(n).float(), quantised.ndim, axis) for n in ("zero_point", "scale"))
    return (quantised - zero) * scale


@operation("constexpr_lut_to_dense")
def palette(given: Arguments) -> Tensor:
    """Entries of a table by their numbers, packed the least significant bit first."""
    table, shape = given.tensor("lut"), given.wholes("shape")
    given.bounded(*shape)
    count = int(np.prod(shape))
    bits = int(table.numel()).bit_length() - 1
    if table.numel() != 1 << bits or not 1 <= bits <= 8:
        raise ValueError(f"a table of {table.numel()}")
    packed = given.tensor("indices").reshape(-1).numpy().astype(np.uint8)
    stream = np.unpackbits(packed, bitorder="little")[: count * bits].reshape(-1, bits)
    numbers = np.packbits(stream, axis=1, bitorder="little")[:, 0].astype(np.int64)
    return table[torch.from_numpy(numbers)].reshape(shape)


@operation("constexpr_sparse_to_dense")
def sparse(given: Arguments) -> Tensor:
    """Zeros, but where a bit mask has ones."""
    shape = given.wholes("shape")
    given.bounded(*shape)
    packed = given.tensor("mask").reshape(-1).numpy().astype(np.uint8)
    mask = np.unpackbits(packed, bitorder="little")[: int(np.prod(shape))].astype(bool)
    dense = torch.zeros(len(mask))
    dense[torch.from_numpy(mask)] = given.tensor("nonzero_data").float()
    return dense.reshape(shape)


@operation("constexpr_blockwise_shift_scale")
def blockwise(given: Arguments) -> Tensor:
    """(q − offset)·scale, a scale for each block; the scale's shape says how many blocks an axis has."""
    data, scale = given.tensor("data").float(), given.tensor("scale").float()
    offset = given.tensor("offset").float() if "offset" in given else torch.zeros_like(scale)
    for axis, (side, blocks) in enumerate(zip(data.shape, scale.shape, strict=True)):
        if side % blocks:
            raise ValueError(f"{blocks} blocks of {side}")
        scale = scale.repeat_interleave(side // blocks, axis)
        offset = offset.repeat_interleave(side // blocks, axis)
    return (data - offset) * scale


@operation("constexpr_cast")
def cast(given: Arguments) -> Tensor:
    """Stored in float16."""
    return given.tensor("source_val").float()
