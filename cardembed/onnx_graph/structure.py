"""Rules for what moves numbers about: slices, joins and other shapes for the same numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from cardembed.onnx_graph.values import Call, ShapeProblem, Value, axis_of, known, result

__all__ = ["RULES"]

_INT64 = np.dtype(np.int64)


def _moved(first: Value, shape: Sequence[int]) -> list[Value]:
    """The same numbers in another shape."""
    made = result(shape, first.dtype)
    if made.elements != first.elements:
        raise ShapeProblem(f"{list(first.shape)} as {list(made.shape)}")
    return [made if first.numbers is None else known(first.numbers.reshape(made.shape))]


def _shape(call: Call) -> list[Value]:
    sides = call.input(0).shape
    end = call.integer("end", len(sides))
    return [known(np.array(sides[call.integer("start", 0) : end], _INT64))]


def _reshape(call: Call) -> list[Value]:
    first, wanted = call.input(0), call.integers(1)
    if len(wanted) > len(first.shape) and 0 in wanted[len(first.shape) :]:
        raise ShapeProblem(f"{list(first.shape)} as {wanted}")
    if not call.integer("allowzero", 0):
        wanted = [first.shape[place] if side == 0 else side for place, side in enumerate(wanted)]
    if wanted.count(-1) == 1:
        rest = -math.prod(wanted)
        if rest <= 0 or first.elements % rest:
            raise ShapeProblem(f"{list(first.shape)} as {wanted}")
        wanted[wanted.index(-1)] = first.elements // rest
    return _moved(first, wanted)


def _flatten(call: Call) -> list[Value]:
    first, axis = call.input(0), call.integer("axis", 1)
    rank = len(first.shape)
    at = axis if axis == rank else axis_of(axis, max(rank, 1))
    return _moved(first, (math.prod(first.shape[:at]), math.prod(first.shape[at:])))


def _squeeze(call: Call) -> list[Value]:
    first, axes = call.input(0), call.axes(1)
    rank = len(first.shape)
    if axes is None:
        return _moved(first, [side for side in first.shape if side != 1])
    gone = {axis_of(axis, rank) for axis in axes}
    if any(first.shape[axis] != 1 for axis in gone):
        raise ShapeProblem(f"axes {axes} of {list(first.shape)} are not 1")
    return _moved(first, [side for axis, side in enumerate(first.shape) if axis not in gone])


def _unsqueeze(call: Call) -> list[Value]:
    first, axes = call.input(0), call.axes(1) or []
    rank = len(first.shape) + len(axes)
    new = {axis_of(axis, rank) for axis in axes}
    if len(new) != len(axes):
        raise ShapeProblem(f"axes {axes} twice")
    sides = iter(first.shape)
    return _moved(first, [1 if axis in new else next(sides) for axis in range(rank)])


def _transpose(call: Call) -> list[Value]:
    first = call.input(0)
    order = call.whole("perm")
    order = [*reversed(range(len(first.shape)))] if order is None else order
    if sorted(order) != [*range(len(first.shape))]:
        raise ShapeProblem(f"axes {order} of {list(first.shape)}")
    if first.numbers is not None:
        return [known(first.numbers.transpose(order))]
    return [result([first.shape[axis] for axis in order], first.dtype)]


def _concat(call: Call) -> list[Value]:
    values = [call.input(place) for place in range(len(call.inputs))]
    first = call.input(0)
    axis = axis_of(call.integer("axis", 0), len(first.shape))
    rests = {value.shape[:axis] + value.shape[axis + 1 :] for value in values}
    if len(rests) > 1 or len({(len(value.shape), value.dtype) for value in values}) > 1:
        raise ShapeProblem("shapes or types that cannot be joined")
    parts = [value.numbers for value in values if value.numbers is not None]
    if len(parts) == len(values):
        return [known(np.concatenate(parts, axis))]
    side = sum(value.shape[axis] for value in values)
    return [result((*first.shape[:axis], side, *first.shape[axis + 1 :]), first.dtype)]


def _split(call: Call) -> list[Value]:
    first, count = call.input(0), len(call.outputs)
    axis = axis_of(call.integer("axis", 0), len(first.shape))
    side = first.shape[axis]
    sizes = call.axes(1, "split")
    if sizes is None:
        if call.integer("num_outputs", count) != count or not count or side < count:
            raise ShapeProblem(f"{side} in {count} parts")
        large = -(-side // count)
        sizes = [large] * (count - 1) + [side - large * (count - 1)]
    if len(sizes) != count or sum(sizes) != side or min(sizes) < 0:
        raise ShapeProblem(f"{side} in parts of {sizes}")
    if first.numbers is not None:
        return [known(part) for part in np.split(first.numbers, np.cumsum(sizes)[:-1], axis)]
    return [result((*first.shape[:axis], size, *first.shape[axis + 1 :]), first.dtype) for size in sizes]


def _slice(call: Call) -> list[Value]:
    first, starts, ends = call.input(0), call.integers(1), call.integers(2)
    axes = call.integers(3) if call.optional(3) is not None else [*range(len(starts))]
    steps = call.integers(4) if call.optional(4) is not None else [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise ShapeProblem("starts, ends, axes and steps that do not fit")
    cuts = [slice(None)] * len(first.shape)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        at = axis_of(axis, len(first.shape))
        if cuts[at] != slice(None):
            raise ShapeProblem(f"axes {axes} twice")
        # With negative steps, an end before the first number means it too; Python would count from the back.
        side = first.shape[at]
        cuts[at] = slice(start, None if step < 0 and end < -side else end, step)
    if first.numbers is not None:
        return [known(first.numbers[tuple(cuts)])]
    sides = [len(range(*cut.indices(side))) for cut, side in zip(cuts, first.shape, strict=True)]
    return [result(sides, first.dtype)]


def _gather(call: Call) -> list[Value]:
    first, places = call.input(0), call.input(1)
    axis = axis_of(call.integer("axis", 0), len(first.shape))
    if places.dtype.kind != "i":
        raise ShapeProblem(f"places of the type {places.dtype}")
    if places.numbers is not None and places.numbers.size:
        side = first.shape[axis]
        if places.numbers.min() < -side or places.numbers.max() >= side:
            raise ShapeProblem(f"places beyond the {side} of axis {axis}")
        if first.numbers is not None:
            return [known(np.asarray(np.take(first.numbers, places.numbers, axis)))]
    return [result((*first.shape[:axis], *places.shape, *first.shape[axis + 1 :]), first.dtype)]


RULES: dict[tuple[str, str], Callable[[Call], list[Value]]] = {
    ("", "Shape"): _shape,
    ("", "Reshape"): _reshape,
    ("", "Flatten"): _flatten,
    ("", "Squeeze"): _squeeze,
    ("", "Unsqueeze"): _unsqueeze,
    ("", "Transpose"): _transpose,
    ("", "Concat"): _concat,
    ("", "Split"): _split,
    ("", "Slice"): _slice,
    ("", "Gather"): _gather,
}
"""By domain and name."""
