"""Inputs and outputs of artefacts."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Port"]


@dataclass(frozen=True, slots=True)
class Port:
    """An input or an output, as its file declares it."""

    name: str
    """As callers address it."""
    dtype: str
    """NumPy's name, such as "float32"; "image" of a picture."""
    shape: tuple[int | None, ...]
    """None where an axis takes any length; of a picture its height and width."""

    def __str__(self) -> str:
        axes = ", ".join("any" if axis is None else str(axis) for axis in self.shape)
        return f"{self.name!r} ({axes}) {self.dtype}"
