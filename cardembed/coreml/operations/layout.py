"""Operations that only rearrange, and those on shapes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed.coreml.operations._registry import Arguments, operation

__all__: list[str] = []


@operation("transpose")
def transpose(given: Arguments) -> Tensor:
    """Axes in another order."""
    return given.tensor().permute(given.wholes("perm"))


@operation("reshape")
def reshape(given: Arguments) -> Tensor:
    """Another shape: 0 keeps an axis, −1 is what remains."""
    x, shape = given.tensor(), given.wholes("shape")
    return x.reshape([x.shape[axis] if side == 0 else side for axis, side in enumerate(shape)])


@operation("squeeze")
def squeeze(given: Arguments) -> Tensor:
    """Without axes of length 1."""
    x = given.tensor()
    axes = [
        axis % x.ndim for axis in given.wholes("axes", [i for i, side in enumerate(x.shape) if side == 1])
    ]
    if any(x.shape[axis] != 1 for axis in axes):
        raise ValueError(f"axes {axes} of {tuple(x.shape)}")
    return x.squeeze(tuple(axes))


@operation("expand_dims")
def expand_dims(given: Arguments) -> Tensor:
    """With axes of length 1 at these places of the result."""
    x = given.tensor()
    axes = given.wholes("axes")
    rank = x.ndim + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


@operation("split")
def split(given: Arguments) -> tuple[Tensor, ...]:
    """In parts along an axis."""
    x, axis = given.tensor(), given.whole("axis")
    if "split_sizes" in given:
        return torch.split(x, given.wholes("split_sizes"), axis)
    count = given.whole("num_splits", 1)
    if count < 1 or x.shape[axis] % count:
        raise ValueError(f"{count} parts of {x.shape[axis]}")
    return torch.split(x, x.shape[axis] // count, axis)


@operation("concat")
def concat(given: Arguments) -> Tensor:
    """One after the other along an axis."""
    if given.flag("interleave"):
        raise ValueError("interleaved")
    return torch.cat(given.tensors("values"), given.whole("axis"))


@operation("stack")
def stack(given: Arguments) -> Tensor:
    """Along a new axis."""
    return torch.stack(given.tensors("values"), given.whole("axis"))


@operation("slice_by_index")
def slice_by_index(given: Arguments) -> Tensor:
    """Begin to end by stride; a mask leaves a bound out, or takes one place and its axis away."""
    x = given.tensor()
    rank = x.ndim
    begin, end = given.wholes("begin"), given.wholes("end")
    stride = given.wholes("stride", [1] * rank)
    without_begin, without_end = given.flags("begin_mask", rank), given.flags("end_mask", rank)
    single = given.flags("squeeze_mask", rank)
    gone = []
    for axis in range(rank):
        side, step = x.shape[axis], stride[axis]
        if single[axis]:
            x = x.narrow(axis, begin[axis] % side, 1)
            gone.append(axis)
            continue
        start = None if without_begin[axis] else begin[axis]
        stop = None if without_end[axis] else end[axis]
        picked = range(*slice(start, stop, step).indices(side))
        if step == 1:
            x = x.narrow(axis, picked.start, len(picked))
        else:
            x = x.index_select(axis, torch.tensor(list(picked), dtype=torch.long))
    return x.squeeze(tuple(gone)) if gone else x


@operation("slice_by_size")
def slice_by_size(given: Arguments) -> Tensor:
    """So many from begin on; −1 takes all that follow."""
    x = given.tensor()
    for axis, (start, size) in enumerate(zip(given.wholes("begin"), given.wholes("size"), strict=True)):
        x = x.narrow(axis, start, x.shape[axis] - start if size == -1 else size)
    return x


@operation("tile")
def tile(given: Arguments) -> Tensor:
    """Repeated along each axis."""
    x, reps = given.tensor(), given.wholes("reps")
    given.bounded(*(side * count for side, count in zip(x.shape, reps, strict=True)))
    return x.repeat(reps)


@operation("fill")
def fill(given: Arguments) -> Tensor:
    """One number throughout."""
    shape = given.wholes("shape")
    given.bounded(*shape)
    return given.tensor("value").expand(shape)


@operation("range_1d")
def range_1d(given: Arguments) -> Tensor:
    """Start to end by step."""
    start, end, step = (given.tensor(name) for name in ("start", "end", "step"))
    given.bounded(int((end - start) / step))
    return torch.arange(start.item(), end.item(), step.item()).to(start.dtype)


@operation("shape")
def shape(given: Arguments) -> Tensor:
    """The lengths of the axes."""
    return torch.tensor(given.tensor().shape)


@operation("gather")
def gather(given: Arguments) -> Tensor:
    """Entries along an axis by their numbers."""
    x, indices, axis = given.tensor(), given.tensor("indices").long(), given.whole("axis")
    given.bounded(x.numel(), max(1, indices.numel()))
    axis %= x.ndim
    found = x.index_select(axis, (indices % x.shape[axis]).reshape(-1))
    return found.reshape(x.shape[:axis] + indices.shape + x.shape[axis + 1 :])


@operation("pad")
def pad(given: Arguments) -> Tensor:
    """Around the last axes, [begin, end] each, the first of them first."""
    x, amounts, mode = given.tensor(), given.wholes("pad"), given.text("mode", "constant")
    pairs = [amounts[at : at + 2] for at in range(0, len(amounts), 2)]
    sides = list(x.shape)
    for axis, pair in zip(range(x.ndim - len(pairs), x.ndim), pairs, strict=True):
        sides[axis] += sum(pair)
    given.bounded(*sides)
    turned = [one for pair in reversed(pairs) for one in pair]
    if mode == "constant":
        return F.pad(x, turned, value=given.number("constant_val", 0.0))
    if mode in ("reflect", "replicate"):
        return F.pad(x, turned, mode=mode)
    raise ValueError(f"mode {mode!r}")
