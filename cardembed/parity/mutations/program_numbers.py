"""Constants of an ML Program that lie in its weight file, changed there."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.coreml.blobs import locate_blob
from cardembed.coreml.dtypes import declared_dtype, unpack_bits
from cardembed.coreml.package import Package
from cardembed.parity.mutations.compressed import behind_palette, behind_scale
from cardembed.parity.mutations.copies import Numbers

__all__ = ["StoredNumbers"]

Message = Any
"""Of coremltools' protobufs, which publish no types."""


class StoredNumbers:
    """What a package's weight file holds.

    Args:
        package: Of the copy that is damaged.
    """

    def __init__(self, package: Package) -> None:
        self._package = package

    def of(self, constant: Message) -> Numbers | None:
        """The numbers that a constant operation stands for; None where they do not lie in the weight file."""
        if constant.type == "const":
            stored = constant.attributes["val"].WhichOneof("value") == "blobFileValue"
            return self.argument(constant, "val") if stored else None
        if constant.type == "constexpr_affine_dequantize":
            integers, scale, zero = (
                self.argument(constant, name) for name in ("quantized_data", "scale", "zero_point")
            )
            (axis,) = constant.attributes["axis"].immediateValue.tensor.ints.values
            return behind_scale(integers, scale.read(), zero.read(), axis)
        if constant.type == "constexpr_lut_to_dense":
            places, table = (self.argument(constant, name) for name in ("indices", "lut"))
            shape = _shape(constant.outputs[0].type.tensorType)
            bits = table.shape[0].bit_length() - 1
            unpack = partial(unpack_bits, dtype=f"UINT{bits}", count=math.prod(shape))
            return behind_palette(places, table.read(), shape, unpack)
        return None

    def argument(self, constant: Message, name: str) -> Numbers:
        """What a constant operation has under a name, in the weight file."""
        value = constant.attributes[name]
        shape, dtype = _shape(value.type.tensorType), declared_dtype(value.type.tensorType)

        def mapped() -> NDArray[Any]:
            path = self._package.blob_file(value.blobFileValue.fileName)
            start, _ = locate_blob(path, value.blobFileValue.offset, dtype, shape)
            return np.memmap(path, dtype=dtype.lower(), mode="r+", offset=start, shape=shape)

        def write(numbers: NDArray[Any]) -> None:
            place = mapped()
            place[...] = numbers
            if isinstance(place, np.memmap):
                place.flush()

        return Numbers(str(constant.outputs[0].name), shape, mapped, write)


def _shape(tensor: Message) -> tuple[int, ...]:
    return tuple(int(side.constant.size) for side in tensor.dimensions)
