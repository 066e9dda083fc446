"""Weights inside of a NeuralNetwork's protobuf: float32, float16, or quantised."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_weights"]

Array = NDArray[Any]


def read_weights(weights: Any, shape: tuple[int, ...]) -> Array:  # noqa: ANN401 - WeightParams
    """A `WeightParams` message as an array of this shape, output channels first; float32.

    Raises:
        ValueError: Another number of values, or an encoding that is not known.
    """
    count = math.prod(shape)
    if len(weights.floatValue):
        flat: Array = np.array(weights.floatValue, np.float32)
    elif weights.float16Value:
        if len(weights.float16Value) % 2:
            raise ValueError("an odd number of bytes for float16")
        flat = np.frombuffer(weights.float16Value, "<f2").astype(np.float32)
    elif weights.rawValue:
        flat = _quantised(weights, shape)
    else:
        flat = np.zeros(0, np.float32)
    if flat.size != count:
        raise ValueError(f"{flat.size} weights for {shape}")
    return flat.reshape(shape)


def _quantised(weights: Any, shape: tuple[int, ...]) -> Array:  # noqa: ANN401 - WeightParams
    how = weights.quantization
    bits, count = int(how.numberOfBits), math.prod(shape)
    if not 1 <= bits <= 8 or len(weights.rawValue) != -(-count * bits // 8):
        raise ValueError(f"{len(weights.rawValue)} bytes for {shape} of {bits} bits")
    # Here the most significant bit comes first: coremltools' quantization_utils.py.
    plain = np.unpackbits(np.frombuffer(weights.rawValue, np.uint8), count=count * bits).reshape(count, bits)
    values = plain @ (1 << np.arange(bits - 1, -1, -1)).astype(np.uint8)
    if how.WhichOneof("QuantizationType") == "lookupTableQuantization":
        table = np.array(how.lookupTableQuantization.floatValue, np.float32)
        if table.size != 1 << bits:
            raise ValueError(f"a table of {table.size} for {bits} bits")
        return table[values]
    scale = np.array(how.linearQuantization.scale, np.float32)
    bias = np.array(how.linearQuantization.bias, np.float32)
    channels = shape[0] if shape else 1
    if scale.size not in (1, channels) or bias.size not in (0, 1, channels):
        raise ValueError(f"{scale.size} scales for {channels} channels")
    rows = values.reshape(channels, -1).astype(np.float32) * scale.reshape(-1, 1)
    return (rows + bias.reshape(-1, 1) if bias.size else rows).reshape(-1)
