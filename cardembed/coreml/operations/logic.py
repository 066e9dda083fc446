"""Comparisons, truth values and choices."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cardembed.coreml.arithmetic import Arithmetic
from cardembed.coreml.operations.registry import op
from cardembed.coreml.values import Value, tensor, together

_PAIRS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "equal": torch.eq, "not_equal": torch.ne, "greater": torch.gt, "greater_equal": torch.ge,
    "less": torch.lt, "less_equal": torch.le, "logical_and": torch.logical_and,
    "logical_or": torch.logical_or, "logical_xor": torch.logical_xor,
}  # fmt: skip


def _register(name: str, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    @op(name, on_shapes=True, exact=True)
    def run(_: Arithmetic, x: Value, y: Value) -> Tensor:
        return function(*together(x, y))


for _name, _function in _PAIRS.items():
    _register(_name, _function)


@op("logical_not", on_shapes=True, exact=True)
def logical_not(_: Arithmetic, x: Value) -> Tensor:
    """Not x."""
    return torch.logical_not(tensor(x))


@op("select", on_shapes=True, exact=True)
def select(_: Arithmetic, cond: Value, a: Value, b: Value) -> Tensor:
    """The one where the condition holds, else the other."""
    cond, a, b = together(cond, a, b)
    return torch.where(cond.bool(), a, b)
