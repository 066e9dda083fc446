"""The table that operations enter themselves into, and how they read their arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from cardembed.coreml.arithmetic import Arithmetic
from cardembed.coreml.program import LARGEST_RESULT

__all__ = ["OPERATIONS", "Arguments", "Result", "operation"]

Value = Tensor | str
Result = Tensor | tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Arguments:
    """An operation's inputs by parameter; numbers are int64, truth values bool, all else float32."""

    values: Mapping[str, tuple[Value, ...]]
    """Several where the parameter takes a list."""
    arithmetic: Arithmetic
    """How sums are taken."""
    half: bool
    """Whether the result is FLOAT16."""
    largest: int = LARGEST_RESULT
    """Numbers that a result may have."""

    def bounded(self, *sides: int) -> None:
        """ValueError for a result that no network of this kind has: asked before it is allocated."""
        total = 1
        for side in sides:
            if side < 0:
                raise ValueError(f"a side of {side}")
            total *= side
        if total > self.largest:
            raise ValueError(f"a result of {total} numbers, where {self.largest} is the limit")

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def tensor(self, name: str = "x") -> Tensor:
        """The tensor of a parameter; KeyError where it is left out, TypeError where it is text."""
        (value,) = self.values[name]
        if isinstance(value, str):
            raise TypeError(f"{name} is the text {value!r}")
        return value

    def tensors(self, name: str) -> list[Tensor]:
        """All tensors of a parameter that takes a list."""
        return [cast("Tensor", value) for value in self.values[name]]

    def text(self, name: str, default: str) -> str:
        """The text of a parameter."""
        return str(self.values[name][0]) if name in self.values else default

    def whole(self, name: str, default: int = 0) -> int:
        """The whole number of a parameter."""
        return int(self.tensor(name)) if name in self.values else default

    def wholes(self, name: str, default: list[int] | None = None) -> list[int]:
        """The whole numbers of a parameter."""
        if name not in self.values:
            if default is None:
                raise KeyError(name)
            return default
        return [int(one) for one in self.tensor(name).reshape(-1).tolist()]

    def flag(self, name: str, *, default: bool = False) -> bool:
        """The truth value of a parameter."""
        return bool(self.tensor(name)) if name in self.values else default

    def flags(self, name: str, count: int) -> list[bool]:
        """The truth values of a parameter; all false where it is left out."""
        if name not in self.values:
            return [False] * count
        return [bool(one) for one in self.tensor(name).reshape(-1).tolist()]

    def number(self, name: str, default: float) -> float:
        """The number of a parameter."""
        return float(self.tensor(name)) if name in self.values else default


OPERATIONS: dict[str, Callable[[Arguments], Result]] = {}
"""By MIL's name, what computes the result, or the tuple of results."""


def operation(
    *names: str,
) -> Callable[[Callable[[Arguments], Result]], Callable[[Arguments], Result]]:
    """Enter a function under these names."""

    def enter(function: Callable[[Arguments], Result]) -> Callable[[Arguments], Result]:
        for name in names:
            OPERATIONS[name] = function
        return function

    return enter


def as_tensor(value: object) -> Tensor:
    """A constant's array as operations take it."""
    tensor = torch.as_tensor(value)
    if tensor.dtype == torch.bool:
        return tensor
    return tensor.float() if tensor.is_floating_point() else tensor.long()
