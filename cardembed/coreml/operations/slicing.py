"""Taking parts of a tensor."""

from __future__ import annotations

import torch
from torch import Tensor

from cardembed.coreml.arithmetic import Arithmetic
from cardembed.coreml.operations.registry import op
from cardembed.coreml.values import Value, flag, integer, integers, tensor, together


@op("slice_by_index", on_shapes=True, exact=True)
def slice_by_index(
    _: Arithmetic,
    x: Value,
    *,
    begin: Value,
    end: Value,
    stride: Value | None = None,
    begin_mask: Value | None = None,
    end_mask: Value | None = None,
    squeeze_mask: Value | None = None,
) -> Tensor:
    """Begin to end by stride; a mask leaves a bound out, or takes one place and its axis away."""
    x = tensor(x)
    rank = x.ndim
    rows = [
        integers(begin),
        integers(end),
        integers(stride) if stride is not None else [1] * rank,
        *(
            integers(mask) if mask is not None else [0] * rank
            for mask in (begin_mask, end_mask, squeeze_mask)
        ),
    ]
    if any(len(row) != rank for row in rows):
        raise ValueError(f"slices for another rank than that of {tuple(x.shape)}")
    squeezed = []
    for axis, (first, last, step, from_edge, to_edge, drop) in enumerate(zip(*rows, strict=True)):
        size = x.shape[axis]
        if drop:
            if not -size <= first < size:
                raise ValueError(f"index {first} of {size}")
            x = x.narrow(axis, first % size, 1)
            squeezed.append(axis)
            continue
        chosen = range(*slice(None if from_edge else first, None if to_edge else last, step).indices(size))
        if chosen == range(size):
            continue
        if step > 0:
            index = [slice(None)] * axis + [slice(chosen.start, max(chosen.start, chosen.stop), step)]
            x = x[tuple(index)]
        else:
            places = torch.arange(len(chosen), dtype=torch.int64, device=x.device)
            x = x.index_select(axis, chosen.start + step * places)
    return x.squeeze(squeezed) if squeezed else x


@op("slice_axis", exact=True)
def slice_axis(_: Arithmetic, x: Value, axis: Value, begin: Value, end: Value, stride: Value) -> Tensor:
    """A NeuralNetwork's slice: begin to end of one axis, counted from the last."""
    x, along = tensor(x), integer(axis)  # a NeuralNetwork's slice: of one axis
    if along % x.ndim != x.ndim + along or not 0 <= integer(begin) < integer(end) <= x.shape[along]:
        raise ValueError(f"{integer(begin)}:{integer(end)} of axis {along} of {tuple(x.shape)}")
    return x[(slice(None),) * (along % x.ndim) + (slice(integer(begin), integer(end), integer(stride)),)]


@op("slice_by_size", on_shapes=True, exact=True)
def slice_by_size(_: Arithmetic, x: Value, begin: Value, size: Value) -> Tensor:
    """So many from begin on; −1 takes all that follow."""
    x = tensor(x)
    for axis, (first, length) in enumerate(zip(integers(begin), integers(size), strict=True)):
        x = x.narrow(axis, first, x.shape[axis] - first if length == -1 else length)
    return x


@op("gather", on_shapes=True, exact=True)
def gather(
    _: Arithmetic,
    x: Value,
    *,
    indices: Value,
    axis: Value = 0,
    batch_dims: Value = 0,
    validate_indices: Value = False,
) -> Tensor:
    """Entries along an axis by their numbers."""
    x, chosen = together(x, indices)
    flag(validate_indices)
    if integer(batch_dims):
        raise ValueError(f"batch_dims {integer(batch_dims)}")
    along = integer(axis) % max(1, x.ndim)
    chosen = chosen.long()
    size = x.shape[along]
    flat = torch.where(chosen < 0, chosen + size, chosen).reshape(-1)
    result = x.index_select(along, flat)
    return result.reshape(*x.shape[:along], *chosen.shape, *x.shape[along + 1 :])


@op("gather_along_axis", exact=True)
def gather_along_axis(
    _: Arithmetic,
    x: Value,
    *,
    indices: Value,
    axis: Value = 0,
    validate_indices: Value = False,
) -> Tensor:
    """An entry along an axis for each place."""
    x, chosen = together(x, indices)
    flag(validate_indices)
    chosen = chosen.long()
    size = x.shape[integer(axis)]
    return torch.gather(x, integer(axis), torch.where(chosen < 0, chosen + size, chosen))
