"""The part of a student that the chip computes, as ONNX: all but the L2 normalisation, which is the host's.

Two forms. From normalised pixels (N, 3, S, S), as Hailo's parser wants it: the compiler's own script then
adds the normalisation. From raw pixels (N, S, S, 3) of 0 to 255, as the chip is given them: the normalisation
is folded into the first convolution, so that 8-bit pixels are its input and lose nothing. Where that one pads
(beyond the picture's edge there is 0 after the normalisation, and not before it), a layer of its own
normalises, as the compiler's does: a convolution of one pixel, channel by channel.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from cardembed.embedders.preprocessing import Preprocessing
from cardembed.export.image_input import for_pixels
from cardembed.export.onnx import write_traced
from cardembed.models.embedding import EmbeddingModel

__all__ = ["INPUT", "OUTPUT", "ChipNetwork", "write_chip_onnx"]

INPUT, OUTPUT = "input", "features"


class _Features(nn.Module):
    """A student's backbone and layers, without the L2 normalisation behind them."""

    def __init__(self, model: EmbeddingModel) -> None:
        super().__init__()
        self.backbone, self.layers = model.backbone, model.head.layers

    def forward(self, images: Tensor) -> Tensor:
        return cast("Tensor", self.layers(self.backbone(images)))


class ChipNetwork(nn.Module):
    """A student without its L2 normalisation.

    Args:
        model: The student; it is not changed.
        preprocessing: Its mean and std are folded in where inputs are raw pixels.
        raw: Whether they are.
    """

    def __init__(self, model: EmbeddingModel, preprocessing: Preprocessing, *, raw: bool) -> None:
        super().__init__()
        self.raw = raw
        self.features: nn.Module = _Features(model)
        if raw:
            folded = for_pixels(self.features, preprocessing, full_scale=255)
            self.features = folded.model
            if not folded.folded:
                self.features = nn.Sequential(_normaliser(preprocessing), folded.model)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """(N, S, S, 3) of 0..255 where raw, else (N, 3, S, S) normalised; to (N, D), of any length."""
        if self.raw:
            images = images.permute(0, 3, 1, 2)
        return cast("Tensor", self.features(images))


def _normaliser(preprocessing: Preprocessing) -> nn.Conv2d:
    """(x / 255 − mean) / std, a channel at a time."""
    std = torch.tensor(preprocessing.std, dtype=torch.float64)
    layer = nn.Conv2d(3, 3, 1, groups=3)
    with torch.no_grad():
        layer.weight.copy_((1 / (255 * std)).reshape(3, 1, 1, 1))
        assert layer.bias is not None
        layer.bias.copy_(-torch.tensor(preprocessing.mean, dtype=torch.float64) / std)
    return layer


def write_chip_onnx(network: ChipNetwork, size: int, path: Path, *, batch: int | None) -> Path:
    """Write the network as ONNX, opset 17.

    Args:
        network: What to write.
        size: Side of its input in pixels.
        path: The file.
        batch: Images a run: 1 for Hailo's parser; any number without.

    Raises:
        ExportError: ONNX cannot express it.
    """
    shape = (batch or 2, size, size, 3) if network.raw else (batch or 2, 3, size, size)
    write_traced(
        network, torch.zeros(shape), path, input_name=INPUT, output_name=OUTPUT, dynamic=batch is None
    )
    return path
