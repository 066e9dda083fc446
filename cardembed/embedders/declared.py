"""What a deployed file declares of itself: format, version, ports; and what really executes it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DeclaredArtefact", "Port"]


@dataclass(frozen=True, slots=True)
class Port:
    """An input or an output."""

    name: str
    """As callers address it."""
    dtype: str
    """NumPy's name, such as "float32"."""
    shape: tuple[int | None, ...]
    """None where an axis takes any length."""

    def __str__(self) -> str:
        axes = ", ".join("any" if axis is None else str(axis) for axis in self.shape)
        return f"{self.name!r} ({axes}) {self.dtype}"


@dataclass(frozen=True, slots=True)
class DeclaredArtefact:
    """Read from the file that is executed, not from what is known of its making."""

    format: str
    """Such as "ONNX" or "ML Program"."""
    version: str
    """Such as "opset 17" or "iOS 16"."""
    inputs: tuple[Port, ...]
    """All of them."""
    outputs: tuple[Port, ...]
    """All of them."""
    executed_by: tuple[str, ...]
    """What took it: ONNX Runtime's providers, Core ML's compute units, the executor's name."""
