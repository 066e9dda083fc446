"""Rules for what makes much of little: repetitions, paddings, ranges and constants of a given shape."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from cardembed.onnx_graph.elementwise import broadcast_shapes
from cardembed.onnx_graph.values import FEW, Call, ShapeProblem, Value, axis_of, known, result

__all__ = ["RULES"]


def _sides(call: Call, place: int) -> tuple[int, ...]:
    sides = call.integers(place)
    return result(sides, np.dtype(np.int64)).shape


def _expand(call: Call) -> list[Value]:
    first = call.input(0)
    shape = broadcast_shapes(first.shape, _sides(call, 1))
    if first.numbers is not None and math.prod(shape) <= FEW:
        return [known(np.broadcast_to(first.numbers, shape))]
    return [result(shape, first.dtype)]


def _tile(call: Call) -> list[Value]:
    first, times = call.input(0), call.integers(1)
    if len(times) != len(first.shape):
        raise ShapeProblem(f"{len(times)} repetitions of {list(first.shape)}")
    return [result([side * count for side, count in zip(first.shape, times, strict=True)], first.dtype)]


def _constant_of_shape(call: Call) -> list[Value]:
    shape, value = _sides(call, 0), call.attributes.get("value")
    filling = np.zeros(1, np.float32) if value is None else value
    if not isinstance(filling, Value | np.ndarray) or math.prod(filling.shape) != 1:
        raise ShapeProblem("a filling that is not one number")
    numbers = filling.numbers if isinstance(filling, Value) else filling
    if numbers is not None and math.prod(shape) <= FEW:
        return [known(np.broadcast_to(numbers.reshape(()), shape))]
    return [result(shape, filling.dtype)]


def _range(call: Call) -> list[Value]:
    ends = [call.numbers(place) for place in range(3)]
    if any(end.size != 1 for end in ends) or len({end.dtype for end in ends}) > 1:
        raise ShapeProblem("a range of several starts, ends, steps or types")
    start, end, step = (number.reshape(-1)[0].item() for number in ends)
    if not step or not all(map(math.isfinite, (start, end, step))):
        raise ShapeProblem(f"a range from {start} to {end} by {step}")
    length = max(0, math.ceil((end - start) / step))
    if length <= FEW:
        return [known((start + np.arange(length) * step).astype(ends[0].dtype))]
    return [result((length,), ends[0].dtype)]


def _pad(call: Call) -> list[Value]:
    first, pads = call.input(0), call.axes(1, "pads") or []
    given = call.integers(3) if call.optional(3) is not None else range(len(first.shape))
    axes = [axis_of(axis, len(first.shape)) for axis in given]
    if len(pads) != 2 * len(axes) or len(set(axes)) != len(axes) or min(pads, default=0) < 0:
        raise ShapeProblem(f"paddings {pads} of {list(first.shape)}")
    if call.attributes.get("mode", b"constant") != b"constant":
        raise ShapeProblem("a padding by other than a constant")
    sides = [*first.shape]
    for place, axis in enumerate(axes):
        sides[axis] += pads[place] + pads[place + len(axes)]
    return [result(sides, first.dtype)]


def _constant(call: Call) -> list[Value]:
    for name in ("value", "value_int", "value_ints", "value_float", "value_floats"):
        value = call.attributes.get(name)
        if isinstance(value, Value):
            return [value]
        if value is not None:
            return [known(np.array(value, np.int64 if "int" in name else np.float32))]
    raise ShapeProblem("no numbers")


RULES: dict[tuple[str, str], Callable[[Call], list[Value]]] = {
    ("", "Expand"): _expand,
    ("", "Tile"): _tile,
    ("", "ConstantOfShape"): _constant_of_shape,
    ("", "Range"): _range,
    ("", "Pad"): _pad,
    ("", "Constant"): _constant,
}
"""By domain and name."""
