"""Models that take pixels as they are: mean and std folded into the stem where that is exact."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from cardembed.embedders.preprocessing import Preprocessing

__all__ = ["PixelModel", "for_pixels"]


class PixelModel(nn.Module):
    """A model behind its normalisation.

    Args:
        model: Takes (N, 3, S, S) float32.
        scale: (3,) a channel's factor, None where the stem does it.
        shift: (3,) added after it.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, model: nn.Module, scale: Tensor | None, shift: Tensor | None) -> None:
        super().__init__()
        self.model = model
        self.folded = scale is None
        self.register_buffer("scale", None if scale is None else scale.reshape(1, 3, 1, 1))
        self.register_buffer("shift", None if shift is None else shift.reshape(1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) RGB pixels, integers or float, to embeddings (N, D) float32."""
        values = pixels.float()
        if not self.folded:
            values = values * self.scale + self.shift
        embeddings: Tensor = self.model(values)
        return embeddings


def for_pixels(model: nn.Module, preprocessing: Preprocessing, *, full_scale: float) -> PixelModel:
    """A copy of `model` that takes RGB pixels in 0..`full_scale` in place of normalised ones.

    `(x / full_scale − mean) / std` goes into the first convolution where that one reads the input itself and
    does not pad. Where it pads, the border would be zero before the normalisation in place of after it:
    there a layer of its own normalises.

    Args:
        model: Takes normalised (N, 3, S, S) float32; it is not changed.
        preprocessing: Its mean, std and size.
        full_scale: 255 for pixels as they are stored, 1 where the runtime scales them.
    """
    std = torch.tensor(preprocessing.std, dtype=torch.float64)
    scale, shift = 1 / (full_scale * std), -torch.tensor(preprocessing.mean, dtype=torch.float64) / std
    row = getattr(model, "architecture", None)  # a row of a read-only table, which cannot be copied
    own = copy.deepcopy(model, {id(row): row}).eval()
    stem = _stem(own, preprocessing.size)
    if stem is None:
        return PixelModel(own, scale.float(), shift.float()).eval()
    with torch.no_grad():
        weight = stem.weight.double()
        bias = torch.zeros(stem.out_channels).double() if stem.bias is None else stem.bias.double()
        stem.bias = nn.Parameter((bias + (weight * shift.reshape(1, 3, 1, 1)).sum((1, 2, 3))).float())
        stem.weight = nn.Parameter((weight * scale.reshape(1, 3, 1, 1)).float())
    return PixelModel(own, None, None).eval()


def _stem(model: nn.Module, size: int) -> nn.Conv2d | None:
    """The convolution that alone reads the input, without padding; None where there is no such layer."""
    probe = torch.zeros(1, 3, size, size)
    readers: list[nn.Module] = []

    def note(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        if any(argument is probe for argument in arguments) and not list(module.children()):
            readers.append(module)

    hooks = [module.register_forward_pre_hook(note) for module in model.modules()]
    try:
        with torch.inference_mode():
            model(probe)
    finally:
        for hook in hooks:
            hook.remove()
    if len(readers) != 1 or not isinstance(readers[0], nn.Conv2d):
        return None
    stem = readers[0]
    # A subclass may pad by itself (timm's "same" convolutions do).
    plain = type(stem) is nn.Conv2d and stem.groups == 1 and stem.in_channels == 3
    return stem if plain and stem.padding in ((0, 0), "valid") else None
