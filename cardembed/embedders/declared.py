"""What a deployed file declares of itself: format, version, ports; and what really executes it."""

from __future__ import annotations

from dataclasses import dataclass

from cardembed.ports import Port

__all__ = ["DeclaredArtefact"]


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
    """What took it: ONNX Runtime's providers, the units that Core ML plans to use (none without a plan),
    or our executor's name."""
