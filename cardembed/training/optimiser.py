"""Which parameters decay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

__all__ = ["parameter_groups"]


def parameter_groups(modules: Sequence[nn.Module], weight_decay: float) -> list[dict[str, Any]]:
    """AdamW's groups: matrices decay; biases, norms, tokens and layer scales do not."""
    parameters = [item for module in modules for item in module.parameters() if item.requires_grad]
    matrix = [item.ndim > 1 and item.shape[0] > 1 and item.shape[1:].numel() > 1 for item in parameters]
    decayed = [item for item, yes in zip(parameters, matrix, strict=True) if yes]
    free = [item for item, yes in zip(parameters, matrix, strict=True) if not yes]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]
