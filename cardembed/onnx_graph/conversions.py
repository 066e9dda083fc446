"""Rules for what changes the type of numbers and leaves their shape: casts and quantisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cardembed.onnx_graph.values import Call, ShapeProblem, Value, axis_of, known, result

__all__ = ["RULES", "dtype_of"]

_KINDS = "fiub"  # floats, whole numbers with and without sign, truth values


def dtype_of(number: int) -> np.dtype[Any]:
    """The type of numbers by its number in ONNX.

    Raises:
        ShapeProblem: Unknown, or of no numbers.
    """
    import onnx

    try:
        dtype: np.dtype[Any] = onnx.helper.tensor_dtype_to_np_dtype(number)
    except (KeyError, ValueError, TypeError) as error:
        raise ShapeProblem(f"an unknown type {number}") from error
    if dtype.kind not in _KINDS:  # texts, complex numbers, and those narrower than numpy's
        raise ShapeProblem(f"numbers of the type {dtype}, which no export has")
    return dtype


def _cast(call: Call) -> list[Value]:
    first, dtype = call.input(0), dtype_of(call.integer("to", 0))
    if first.numbers is not None:
        with np.errstate(all="ignore"):
            return [known(first.numbers.astype(dtype))]
    return [result(first.shape, dtype)]


def _scale(call: Call) -> Value:
    """The scale, after its length was compared with the axis that it is for."""
    first, scale = call.input(0), call.input(1)
    if call.integer("block_size", 0):
        raise ShapeProblem("numbers quantised by blocks")
    if scale.shape not in ((), (1,)):
        axis = axis_of(call.integer("axis", 1), len(first.shape))
        if scale.shape != (first.shape[axis],):
            raise ShapeProblem(f"scales of shape {list(scale.shape)} for {list(first.shape)}")
    zero = call.optional(2)
    if zero is not None and zero.shape != scale.shape:
        raise ShapeProblem(f"zero points of shape {list(zero.shape)} for scales of {list(scale.shape)}")
    return scale


def _quantise(call: Call) -> list[Value]:
    _scale(call)
    zero = call.optional(2)
    return [result(call.input(0).shape, np.dtype(np.uint8) if zero is None else zero.dtype)]


def _dequantise(call: Call) -> list[Value]:
    return [result(call.input(0).shape, _scale(call).dtype)]


RULES: dict[tuple[str, str], Callable[[Call], list[Value]]] = {
    ("", "Cast"): _cast,
    **{(domain, "QuantizeLinear"): _quantise for domain in ("", "com.microsoft")},
    **{(domain, "DequantizeLinear"): _dequantise for domain in ("", "com.microsoft")},
}
"""By domain and name."""
