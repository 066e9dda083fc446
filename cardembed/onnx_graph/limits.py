"""What an ONNX graph may ask for: everything else is an error before memory or time is spent on it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GraphLimits"]


@dataclass(frozen=True, slots=True)
class GraphLimits:
    """Bounds on a graph, per image of the batch; the defaults let a ViT-Large at 518 pixels through."""

    operators: int = 20_000
    """Of the graph."""
    rank: int = 8
    """Dimensions of a tensor."""
    tensor_elements: int = 1 << 25
    """Of one result: an attention of ViT-Large at 518 pixels has 30 M."""
    live_elements: int = 1 << 27
    """Of all results that exist at the same time."""
    work: int = 1 << 40
    """Multiplications of one run, in products and windows: twice what ViT-Large at 518 pixels does."""
    numbers: int = 1 << 34
    """That all other operators of one run read and write, each of which takes the time of many
    multiplications: nearly four times what ViT-Large at 518 pixels does."""
    folded_work: int = 1 << 32
    """Both of what constants alone give, which ONNX Runtime computes while it opens a file."""
