"""What both kinds of artefact are parsed to: named constants and a list of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from cardembed.ports import Port

__all__ = ["Feature", "Graph", "Name", "Step", "ValueType"]

_DTYPES = {"DOUBLE": "float64"}


class Name(str):
    """A value's name where a step takes a value or its name."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ValueType:
    """A value's declared type."""

    dtype: str
    """As MIL writes it, such as "FLOAT16"; "" where the artefact does not say."""
    shape: tuple[int | None, ...] | None
    """None for a size that differs between predictions; None in place of the tuple if not declared."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation."""

    kind: str
    """Its type, such as "conv": a key of the operations' table."""
    name: str
    """Its first output's name, or its layer's."""
    inputs: Mapping[str, Any]
    """Arguments by name: a `Name`, a constant (array, number, flag, text), or a tuple of these."""
    outputs: tuple[tuple[str, ValueType], ...]
    """Names and types of what it gives."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the values that it takes, constants included."""
        parts = (
            part
            for value in self.inputs.values()
            for part in (value if isinstance(value, tuple) else (value,))
        )
        return tuple(str(part) for part in parts if isinstance(part, Name))


@dataclass(frozen=True, slots=True)
class Feature:
    """An input or output of a model, as its description states it."""

    name: str
    """As callers address it."""
    dtype: str
    """"FLOAT32", "FLOAT16", "INT32" or "DOUBLE"; "UINT8" for images."""
    shape: tuple[int, ...]
    """The default shape; images as (1, channels, height, width)."""
    ranges: tuple[tuple[int, int | None], ...] | None = None
    """Smallest and largest size of each dimension where the shape is flexible; None for no upper bound."""
    choices: tuple[tuple[int, ...], ...] = ()
    """The shapes that are allowed, where they are enumerated."""
    image: str = ""
    """"RGB", "BGR" or "GRAYSCALE" for images, "" for arrays."""
    description: str = ""
    """What the artefact says about it."""

    @property
    def port(self) -> Port:
        """The same in the words that all formats share: None for an axis whose length is not fixed."""
        if self.image:
            return Port(self.name, "image", self.shape[-2:])
        shape: list[int | None] = list(self.shape)
        for axis in range(len(shape)):
            lengths = {one[axis] for one in (self.shape, *self.choices) if len(one) == len(shape)}
            low, high = self.ranges[axis] if self.ranges is not None else (shape[axis], shape[axis])
            if low != high or len(lengths) > 1:
                shape[axis] = None
        return Port(self.name, _DTYPES.get(self.dtype, self.dtype.lower()), tuple(shape))

    def allows(self, shape: tuple[int, ...]) -> bool:
        """Whether a value may have this shape."""
        if self.choices:
            return shape in self.choices or shape == self.shape
        if self.ranges is None:
            return shape == self.shape
        return len(shape) == len(self.ranges) and all(
            low <= size and (high is None or size <= high)
            for size, (low, high) in zip(shape, self.ranges, strict=True)
        )


@dataclass(slots=True)
class Graph:
    """A parsed model."""

    inputs: list[Feature]
    outputs: list[Feature]
    arguments: dict[str, ValueType]
    """Types of the inputs inside of the program."""
    constants: dict[str, NDArray[Any] | str] = field(default_factory=dict)
    half: set[str] = field(default_factory=set)
    """Names of the inputs that are FLOAT16 inside of the program."""
    steps: list[Step] = field(default_factory=list)
