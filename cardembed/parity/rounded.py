"""The model that a float16 artefact is compared with: its numbers are rounded, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from cardembed.models.embedding import EmbeddingModel

__all__ = ["rounded_model"]


def rounded_model(model: EmbeddingModel) -> EmbeddingModel:
    """Weights, buffers and every layer's eps as float16 holds them: what a float16 program is made of.

    A LayerScale is multiplied into the convolution before it first, as Core ML's converter does; of a rotary
    position embedding it keeps sines and cosines, and none of the periods that they are computed from.
    """
    from torch import nn

    for module in model.modules():
        gamma, layer = getattr(module, "gamma", None), getattr(getattr(module, "mlp", None), "fc2", None)
        if gamma is not None and isinstance(layer, nn.Conv2d) and layer.bias is not None:
            layer.weight.data *= gamma.data.view(-1, 1, 1, 1)
            layer.bias.data *= gamma.data
            gamma.data.fill_(1)
    for module in model.half().float().modules():
        if isinstance(getattr(module, "eps", None), float):
            module.eps = float(np.float16(module.eps))  # type: ignore[assignment, arg-type]
        if hasattr(module, "periods"):
            module.get_embed = partial(_rounded, module.get_embed)  # type: ignore[assignment, arg-type]
    return model


def _rounded(compute: Callable[..., Tensor], *arguments: object, **named: object) -> Tensor:
    """What a function gives, rounded to float16 and back."""
    return compute(*arguments, **named).half().float()
