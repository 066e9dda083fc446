"""Compressed weights to be damaged: read as what they stand for, written as what is nearest to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.parity.mutations.copies import Numbers

__all__ = ["behind_palette", "behind_scale", "pack_bits"]

Array = NDArray[Any]


def behind_scale(stored: Numbers, scale: Array, zero: Array, axis: int) -> Numbers:
    """Integers that stand for `(integer - zero) * scale`.

    Args:
        stored: The integers.
        scale: One number, or one for each place along `axis`.
        zero: The same shape, of the integers' dtype.
        axis: Which side of the tensor the scales belong to.
    """
    along = [1] * len(stored.shape)
    if scale.size > 1:
        along[axis] = scale.size
    factor = scale.astype(np.float64).reshape(along if scale.size > 1 else ())
    shift = zero.astype(np.float64).reshape(along if zero.size > 1 else ())

    def read() -> Array:
        return np.asarray((stored.read().astype(np.float64) - shift) * factor)

    def write(numbers: Array) -> None:
        limits = np.iinfo(zero.dtype)
        wanted = np.rint(numbers / factor) + shift
        stored.write(np.clip(wanted, limits.min, limits.max).astype(zero.dtype))

    return Numbers(stored.name, stored.shape, read, write)


def behind_palette(
    stored: Numbers, table: Array, shape: tuple[int, ...], unpack: Callable[[bytes], Array]
) -> Numbers:
    """Places in a palette, packed without gaps.

    Args:
        stored: The bytes that hold them.
        table: The palette: 2 to the power of the bits of a place.
        shape: Of the weights.
        unpack: The places in such bytes.
    """
    order = np.argsort(table, kind="stable")
    ascending = table.astype(np.float64)[order]
    between = (ascending[1:] + ascending[:-1]) / 2

    def read() -> Array:
        return np.asarray(table.astype(np.float64)[unpack(stored.read().tobytes())].reshape(shape))

    def write(numbers: Array) -> None:
        places = order[np.searchsorted(between, numbers.reshape(-1))]
        stored.write(pack_bits(places, table.size.bit_length() - 1))

    return Numbers(stored.name, shape, read, write)


def pack_bits(places: Array, bits: int) -> NDArray[np.uint8]:
    """Integers of so many bits, the least significant bit first, without gaps."""
    single = (places.reshape(-1, 1).astype(np.uint8) >> np.arange(bits, dtype=np.uint8)) & 1
    packed: NDArray[np.uint8] = np.packbits(single.reshape(-1), bitorder="little")
    return packed
