"""Values of an ONNX graph as far as shapes go: a shape, a type and, of small ones, the numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEW", "Call", "ShapeProblem", "Value", "axis_of", "known", "result"]

FEW = 64
"""Numbers that are kept: of a shape, of axes, of paddings."""
_LARGEST_SIDE = 1 << 40


class ShapeProblem(Exception):  # noqa: N818 - what becomes an ArtefactError where the file is known
    """Why the result of an operator has no shape, or may not have it."""


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    numbers: NDArray[Any] | None = None
    """Of its shape, where they are known and few."""
    constant: bool = False
    """Whether it is the same whatever the input is."""

    @property
    def elements(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


def result(shape: Sequence[int], dtype: np.dtype[Any]) -> Value:
    """A value whose numbers nobody knows.

    Raises:
        ShapeProblem: No such shape.
    """
    sides = tuple(int(side) for side in shape)
    if any(not 0 <= side <= _LARGEST_SIDE for side in sides):
        raise ShapeProblem(f"a result of shape {list(sides)}"[:200])
    return Value(sides, dtype)


def known(numbers: NDArray[Any]) -> Value:
    """A value with its numbers, if they are few."""
    return Value(numbers.shape, numbers.dtype, numbers if numbers.size <= FEW else None)


@dataclass(frozen=True, slots=True)
class Call:
    """An operator with what it is given."""

    operator: str
    inputs: tuple[Value | None, ...]
    attributes: Mapping[str, Any]
    outputs: tuple[str, ...]
    """Names; empty where one is not asked for."""

    def optional(self, place: int) -> Value | None:
        """An input, or None where it was left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    def input(self, place: int) -> Value:
        """An input that must be there."""
        value = self.optional(place)
        if value is None:
            raise ShapeProblem(f"no input {place}")
        return value

    def numbers(self, place: int) -> NDArray[Any]:
        """Numbers of an input on which the result's shape depends, flat."""
        value = self.input(place)
        if value.numbers is None:
            raise ShapeProblem(f"a shape that input {place} decides, whose numbers are not known beforehand")
        return value.numbers.reshape(-1)

    def integers(self, place: int) -> list[int]:
        """As `numbers`; they have to be whole."""
        numbers = self.numbers(place)
        if numbers.dtype.kind not in "iu":
            raise ShapeProblem(f"input {place} of {numbers.dtype} where whole numbers belong")
        return [int(number) for number in numbers]

    def integer(self, name: str, default: int) -> int:
        """An attribute."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise ShapeProblem(f"the attribute {name} of another type")
        return value

    def whole(self, name: str) -> list[int] | None:
        """An attribute of several whole numbers; None where it is missing."""
        value = self.attributes.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or any(not isinstance(one, int) for one in value):
            raise ShapeProblem(f"the attribute {name} of another type")
        return value

    def axes(self, place: int, name: str = "axes") -> list[int] | None:
        """Axes by an input or, in older opsets, by an attribute; None where neither says."""
        return self.whole(name) if self.optional(place) is None else self.integers(place)

    def only_output(self) -> None:
        """Refuse results beyond the first, whose shapes no rule gives."""
        if any(self.outputs[1:]):
            raise ShapeProblem("several results")


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the front."""
    if not -rank <= axis < rank:
        raise ShapeProblem(f"axis {axis} of {rank}")
    return axis % rank
