"""Operations that take axes together."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cardembed.coreml.operations._registry import Arguments, operation

__all__: list[str] = []


def _l2(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    return x.square().sum(axes, keepdim=keep).sqrt()


_REDUCTIONS: dict[str, Callable[[Tensor, list[int], bool], Tensor]] = {
    "reduce_mean": lambda x, axes, keep: x.mean(axes, keepdim=keep),
    "reduce_sum": lambda x, axes, keep: x.sum(axes, keepdim=keep),
    "reduce_max": lambda x, axes, keep: x.amax(axes, keepdim=keep),
    "reduce_min": lambda x, axes, keep: x.amin(axes, keepdim=keep),
    "reduce_sum_square": lambda x, axes, keep: x.square().sum(axes, keepdim=keep),
    "reduce_l2_norm": _l2,
}


def _enter(name: str, function: Callable[[Tensor, list[int], bool], Tensor]) -> None:
    @operation(name)
    def reduce(given: Arguments) -> Tensor:
        x = given.tensor()
        return function(x, given.wholes("axes", list(range(x.ndim))), given.flag("keep_dims"))


for _name, _function in _REDUCTIONS.items():
    _enter(_name, _function)


@operation("softmax")
def softmax(given: Arguments) -> Tensor:
    """Along an axis."""
    return torch.softmax(given.tensor(), given.whole("axis", -1))


@operation("reduce_argmax")
def argmax(given: Arguments) -> Tensor:
    """The place of the largest along an axis."""
    return given.tensor().argmax(given.whole("axis", -1), keepdim=given.flag("keep_dims"))
