"""Shapes and moving values without changing them."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from cardembed.coreml.arithmetic import Arithmetic
from cardembed.coreml.operations.registry import op
from cardembed.coreml.values import Value, flag, integer, integers, number, tensor, text, together


@op("identity", on_shapes=True, exact=True)
def identity(_: Arithmetic, x: Value) -> Tensor:
    """The same."""
    return tensor(x)


@op("shape", exact=True)
def shape(_: Arithmetic, x: Value) -> Tensor:
    """The lengths of the axes."""
    return torch.tensor(tensor(x).shape, dtype=torch.int32)


@op("transpose", exact=True)
def transpose(_: Arithmetic, x: Value, perm: Value) -> Tensor:
    """Axes in another order."""
    return tensor(x).permute(integers(perm))


@op("reshape", on_shapes=True, exact=True)
def reshape(_: Arithmetic, x: Value, shape: Value) -> Tensor:
    """Another shape: 0 keeps an axis, −1 is what remains."""
    x, sizes = tensor(x), integers(shape)
    if any(size == 0 and axis >= x.ndim for axis, size in enumerate(sizes)):
        raise ValueError(f"the shape {sizes} for {tuple(x.shape)}")
    return x.reshape([size or x.shape[axis] for axis, size in enumerate(sizes)])  # a 0 keeps the size


@op("reshape_like", exact=True)
def reshape_like(_: Arithmetic, x: Value, like: Value) -> Tensor:
    """The shape of another value."""
    return tensor(x).reshape(tensor(like).shape)


@op("squeeze", on_shapes=True, exact=True)
def squeeze(_: Arithmetic, x: Value, axes: Value | None = None) -> Tensor:
    """Without axes of length 1."""
    x = tensor(x)
    if axes is None:
        return x.squeeze()
    chosen = integers(axes)
    if any(x.shape[axis] != 1 for axis in chosen):
        raise ValueError(f"squeezing axes {chosen} of {tuple(x.shape)}")
    return x.squeeze(chosen)


@op("expand_dims", on_shapes=True, exact=True)
def expand_dims(_: Arithmetic, x: Value, axes: Value) -> Tensor:
    """With axes of length 1 at these places of the result."""
    x, chosen = tensor(x), integers(axes)
    rank = x.ndim + len(chosen)
    if rank > 16:
        raise ValueError(f"rank {rank}")
    for axis in sorted(axis % rank for axis in chosen):
        x = x.unsqueeze(axis)
    return x


@op("flatten2d", exact=True)
def flatten2d(_: Arithmetic, x: Value, axis: Value = 1) -> Tensor:
    """Two axes, the second from `axis` on."""
    x = tensor(x)
    return x.reshape(math.prod(x.shape[: integer(axis)]), -1)


@op("concat", on_shapes=True, exact=True)
def concat(_: Arithmetic, values: Value, axis: Value, interleave: Value = False) -> Tensor:
    """One after the other along an axis."""
    parts = together(*(values if isinstance(values, tuple) else (values,)))
    if flag(interleave):
        return torch.stack(parts, integer(axis) + 1).flatten(integer(axis), integer(axis) + 1)
    return torch.cat(parts, integer(axis))


@op("stack", on_shapes=True, exact=True)
def stack(_: Arithmetic, values: Value, axis: Value) -> Tensor:
    """Along a new axis."""
    parts = together(*(values if isinstance(values, tuple) else (values,)))
    return torch.stack(parts, integer(axis))


@op("split", exact=True)
def split(
    _: Arithmetic,
    x: Value,
    *,
    num_splits: Value | None = None,
    split_sizes: Value | None = None,
    axis: Value = 0,
) -> tuple[Tensor, ...]:
    """In parts along an axis."""
    x, along = tensor(x), integer(axis)
    if split_sizes is not None:
        return tuple(torch.split(x, integers(split_sizes), along))
    if num_splits is None:
        raise ValueError("neither sizes nor a number of parts")
    count = integer(num_splits)
    if count < 1 or x.shape[along] % count:
        raise ValueError(f"{count} parts of {x.shape[along]}")
    return tuple(torch.split(x, max(1, x.shape[along] // count), along))


@op("tile", exact=True)
def tile(_: Arithmetic, x: Value, reps: Value) -> Tensor:
    """Repeated along each axis."""
    return tensor(x).repeat(integers(reps))


@op("fill", exact=True)
def fill(run: Arithmetic, shape: Value, value: Value = 0.0) -> Tensor:
    """One number throughout."""
    kind = torch.bool if isinstance(value, bool) else torch.int32 if isinstance(value, int) else torch.float32
    return torch.full(integers(shape), number(value), dtype=kind, device=run.device)


@op("fill_like", exact=True)
def fill_like(run: Arithmetic, ref_tensor: Value, value: Value = 0.0) -> Tensor:
    """One number in another value's shape."""
    result: Tensor = fill(run, tuple(tensor(ref_tensor).shape), value)
    return result


@op("range_1d", exact=True)
def range_1d(run: Arithmetic, end: Value, start: Value, step: Value) -> Tensor:
    """Start to end by step."""
    kind = torch.float32 if any(isinstance(item, float) for item in (end, start, step)) else torch.int32
    return torch.arange(number(start), number(end), number(step), dtype=kind, device=run.device)


@op("pad", exact=True)
def pad(
    _: Arithmetic,
    x: Value,
    *,
    pad: Value,
    mode: Value = "constant",
    constant_val: Value = 0.0,
) -> Tensor:
    """Around the last axes, [begin, end] each, the first of them first."""
    x, sides = tensor(x), integers(pad)
    if len(sides) % 2 or len(sides) > 2 * x.ndim or min(sides, default=0) < 0:
        raise ValueError(f"the padding {sides} of {tuple(x.shape)}")
    pairs = list(zip(sides[::2], sides[1::2], strict=True))
    kind = {"constant": "constant", "reflect": "reflect", "replicate": "replicate"}[text(mode)]
    flat = [side for row in reversed(pairs) for side in row]
    if kind == "constant":
        return functional.pad(x, flat, value=number(constant_val))
    while len(flat) > 2 and flat[-2:] == [0, 0]:
        flat = flat[:-2]
    return functional.pad(x, flat, mode=kind)


@op("pixel_shuffle", exact=True)
def pixel_shuffle(_: Arithmetic, x: Value, upscale_factor: Value) -> Tensor:
    """Channels to pixels."""
    return functional.pixel_shuffle(tensor(x), integer(upscale_factor))


@op("pixel_unshuffle", exact=True)
def pixel_unshuffle(_: Arithmetic, x: Value, downscale_factor: Value) -> Tensor:
    """Pixels to channels."""
    return functional.pixel_unshuffle(tensor(x), integer(downscale_factor))


@op("reverse", exact=True)
def reverse(_: Arithmetic, x: Value, axes: Value | None = None) -> Tensor:
    """The other way round along axes."""
    x = tensor(x)
    return x.flip(integers(axes) if axes is not None else list(range(x.ndim)))
