"""Reductions along axes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cardembed.coreml.arithmetic import Arithmetic
from cardembed.coreml.operations.registry import op
from cardembed.coreml.values import Value, flag, integer, integers, number, tensor

_Reduce = Callable[[Tensor, list[int], bool], Tensor]


def _product(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    for axis in sorted((axis % x.ndim for axis in axes), reverse=True):
        x = x.prod(axis, keepdim=keep, dtype=x.dtype)
    return x


_REDUCTIONS: dict[str, _Reduce] = {
    "reduce_l1_norm": lambda x, axes, keep: x.abs().sum(axes, keepdim=keep),
    "reduce_l2_norm": lambda x, axes, keep: x.square().sum(axes, keepdim=keep).sqrt(),
    "reduce_log_sum_exp": lambda x, axes, keep: torch.logsumexp(x, axes, keepdim=keep),
    "reduce_max": lambda x, axes, keep: torch.amax(x, axes, keepdim=keep),
    "reduce_mean": lambda x, axes, keep: x.mean(axes, keepdim=keep),
    "reduce_min": lambda x, axes, keep: torch.amin(x, axes, keepdim=keep),
    "reduce_sum": lambda x, axes, keep: x.sum(axes, keepdim=keep, dtype=x.dtype),
    "reduce_sum_square": lambda x, axes, keep: x.square().sum(axes, keepdim=keep),
}


def _register(name: str, function: _Reduce, on_shapes: bool = False) -> None:
    @op(name, on_shapes=on_shapes)
    def run(_: Arithmetic, x: Value, axes: Value | None = None, keep_dims: Value = False) -> Tensor:
        x = tensor(x)
        chosen = integers(axes) if axes is not None else list(range(x.ndim))
        return function(x, chosen, flag(keep_dims))


for _name, _function in _REDUCTIONS.items():
    _register(_name, _function)
_register("reduce_prod", _product, on_shapes=True)


@op("reduce_log_sum")
def reduce_log_sum(
    _: Arithmetic,
    x: Value,
    *,
    axes: Value | None = None,
    keep_dims: Value = False,
    epsilon: Value = 0.0,
) -> Tensor:
    """log(Σ x + epsilon)."""
    x = tensor(x)
    chosen = integers(axes) if axes is not None else list(range(x.ndim))
    return torch.log(x.sum(chosen, keepdim=flag(keep_dims)) + number(epsilon))


@op("reduce_argmax", exact=True)
def reduce_argmax(_: Arithmetic, x: Value, axis: Value = -1, keep_dims: Value = False) -> Tensor:
    """The place of the largest along an axis."""
    return torch.argmax(tensor(x), integer(axis), keepdim=flag(keep_dims)).to(torch.int32)


@op("cumsum")
def cumsum(
    _: Arithmetic,
    x: Value,
    *,
    axis: Value = 0,
    exclusive: Value = False,
    reverse: Value = False,
) -> Tensor:
    """Sums of all before, the place itself included unless exclusive."""
    x, along = tensor(x), integer(axis)
    x = x.flip(along) if flag(reverse) else x
    total = x.cumsum(along, dtype=x.dtype)
    total = total - x if flag(exclusive) else total
    return total.flip(along) if flag(reverse) else total
