"""The part of a student that the chip computes, as ONNX: all but the L2 normalisation, which is the host's.

Two forms. From normalised pixels (N, 3, S, S), as Hailo's parser wants it: the compiler's own script then
adds the normalisation. From raw pixels (N, S, S, 3) of 0 to 255, as the chip is given them: the normalisation
is folded into the first convolution, so that 8-bit pixels are its input and lose nothing.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from cardembed.errors import ExportError
from cardembed.models.embedding import EmbeddingModel

__all__ = ["INPUT", "OUTPUT", "ChipNetwork", "write_chip_onnx"]

INPUT, OUTPUT = "input", "features"
OPSET = 17


class ChipNetwork(nn.Module):
    """A student without its L2 normalisation.

    Args:
        model: The student; it is copied.
        mean: Of red, green and blue, in 0..1.
        std: The same; divides.
        raw: Whether inputs are raw pixels.

    Raises:
        ExportError: Raw, and the first layer is no convolution without padding: beyond the picture's edge
            there would be 0 before the normalisation, and not after it as in training.
    """

    def __init__(
        self, model: EmbeddingModel, mean: Sequence[float], std: Sequence[float], *, raw: bool
    ) -> None:
        super().__init__()
        self.raw = raw
        self.backbone = copy.deepcopy(model.backbone)
        self.layers = copy.deepcopy(model.head.layers)
        if raw:
            _fold(self._stem(model.architecture.name), mean, std)
        self.eval()

    def _stem(self, name: str) -> nn.Conv2d:
        first = next((one for one in self.backbone.modules() if isinstance(one, nn.Conv2d)), None)
        if first is None or first.in_channels != 3 or first.padding != (0, 0):
            raise ExportError(
                name,
                expected="a first convolution of three channels without padding",
                found="none" if first is None else f"{first.in_channels} channels, padding {first.padding}",
                action="let the compiler's script normalise: export with raw=False",
            )
        return first

    def forward(self, images: Tensor) -> Tensor:
        """(N, S, S, 3) of 0..255 where raw, else (N, 3, S, S) normalised; to (N, D), of any length."""
        if self.raw:
            images = images.permute(0, 3, 1, 2)
        return cast("Tensor", self.layers(self.backbone(images)))


@torch.no_grad()
def _fold(stem: nn.Conv2d, mean: Sequence[float], std: Sequence[float]) -> None:
    """w·(x/255 − mean)/std + b, written as w'·x + b'; computed in float64."""
    weight = stem.weight.double() / torch.tensor(std, dtype=torch.float64).view(1, 3, 1, 1)
    shift = (weight * torch.tensor(mean, dtype=torch.float64).view(1, 3, 1, 1)).sum((1, 2, 3))
    bias = torch.zeros_like(shift) if stem.bias is None else stem.bias.double()
    stem.weight.copy_(weight / 255)
    stem.bias = nn.Parameter((bias - shift).float())


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
    axes: dict[str, Any] = {} if batch else {INPUT: {0: "batch_size"}, OUTPUT: {0: "batch_size"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter by tracing is deprecated
        try:
            torch.onnx.export(
                network, (torch.zeros(shape),), str(path), input_names=[INPUT], output_names=[OUTPUT],
                dynamic_axes=axes, opset_version=OPSET, dynamo=False,
            )  # fmt: skip
        except (RuntimeError, torch.onnx.OnnxExporterError, TypeError, ValueError) as error:
            raise ExportError(
                path.name,
                expected="a network that ONNX can express",
                found=f"{type(error).__name__}: {error}",
                action="export a student of cardembed",
            ) from error
    return path
