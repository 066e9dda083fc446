"""Augmentations that torchvision does not have: dropout of rectangles, GridMask, glare, quarter turns.

All take images before normalisation: a tensor (..., 3, H, W), uint8 or float in 0..1, an array (H, W, 3)
uint8 or a Pillow image, and return the same kind. Randomness is PyTorch's, so `torch.manual_seed` repeats it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed.errors import EmbeddingError, UsageError

__all__ = ["CoarseDropout", "GridMaskAugmentation", "RandomRotate90", "SyntheticGlareAugmentation"]


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))


def _whole(low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, ()))


class _Augmentation(nn.Module):
    """Applies `change` with probability `p`, whatever kind of image it gets."""

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise UsageError("p", expected="a probability, 0 to 1", found=str(p), action="correct it")
        self.p = p

    def change(self, image: Tensor) -> Tensor:
        """A float image (..., 3, H, W) in 0..1, changed; the argument stays as it is."""
        raise NotImplementedError

    def forward(self, image: Any) -> Any:  # noqa: ANN401 - the same kind that came in
        """Perhaps change a tensor, array or Pillow image; what comes out is of the same kind and size."""
        if float(torch.rand(())) >= self.p:
            return image
        if isinstance(image, Image.Image):
            return Image.fromarray(self.forward_certain(np.asarray(image.convert("RGB"))))
        return self.forward_certain(image)

    def forward_certain(self, image: Any) -> Any:  # noqa: ANN401 - the same kind that came in
        """Change a tensor or an array, whatever `p` is."""
        if isinstance(image, np.ndarray):
            tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1)
            return np.ascontiguousarray(self.forward_certain(tensor).permute(1, 2, 0).numpy())
        if not isinstance(image, Tensor) or image.ndim < 3 or image.shape[-3] != 3:
            raise EmbeddingError(
                type(self).__name__,
                expected="an RGB image: tensor (..., 3, H, W), array (H, W, 3) or Pillow image",
                found=f"{type(image).__name__} {tuple(getattr(image, 'shape', ()))}",
                action="apply it to images, before normalisation",
            )
        if image.dtype == torch.uint8:
            return self.change(image.float() / 255).mul(255).round().clamp(0, 255).to(torch.uint8)
        return self.change(image)


class CoarseDropout(_Augmentation):
    """Fill random rectangles: what a finger or a sticker hides.

    Args:
        holes: Fewest and most rectangles.
        size: Shortest and longest side in pixels.
        fill: Their value, 0..1.
        p: Probability of any change.
    """

    def __init__(
        self,
        holes: tuple[int, int] = (1, 8),
        size: tuple[int, int] = (8, 32),
        *,
        fill: float = 0.0,
        p: float = 0.5,
    ) -> None:
        super().__init__(p)
        self.holes, self.size, self.fill = holes, size, fill

    def change(self, image: Tensor) -> Tensor:
        """Fill the rectangles, each wholly inside of the image."""
        image = image.clone()
        height, width = image.shape[-2:]
        for _ in range(_whole(*self.holes)):
            h, w = (min(_whole(*self.size), side) for side in (height, width))
            y, x = _whole(0, height - h), _whole(0, width - w)
            image[..., y : y + h, x : x + w] = self.fill
        return image


class GridMaskAugmentation(_Augmentation):
    """Hide a grid of squares (arXiv 2001.04086).

    Args:
        p: Probability of any change.
        period: Shortest and longest period of the grid, as a share of the image's shorter side.
        ratio: Side of each hidden square over the period; ratio² of the area is hidden.
        fill: The squares' value, 0..1.
    """

    def __init__(
        self,
        p: float = 0.3,
        *,
        period: tuple[float, float] = (0.2, 0.5),
        ratio: float = 0.4,
        fill: float = 0.0,
    ) -> None:
        super().__init__(p)
        if not 0 < ratio < 1 or not 0 < period[0] <= period[1]:
            raise UsageError(
                "GridMaskAugmentation",
                expected="0 < ratio < 1 and a growing, positive period",
                found=f"ratio {ratio}, period {period}",
                action="correct them",
            )
        self.period, self.ratio, self.fill = period, ratio, fill

    def change(self, image: Tensor) -> Tensor:
        """Fill the squares."""
        height, width = image.shape[-2:]
        period = max(2, round(_uniform(*self.period) * min(height, width)))
        side = max(1, round(self.ratio * period))
        rows, columns = (
            (torch.arange(length) + _whole(0, period - 1)) % period < side for length in (height, width)
        )
        hidden = rows[:, None] & columns[None, :]
        return image.masked_fill(hidden.to(image.device), self.fill)


class SyntheticGlareAugmentation(_Augmentation):
    """A saturated highlight with a rainbow fringe, as foil cards throw under a lamp.

    Args:
        p: Probability of any change.
        area: Least and greatest share of the image that saturates.
        sheen: Strength of the rainbow around it, 0..1.
    """

    def __init__(
        self, p: float = 0.3, *, area: tuple[float, float] = (0.05, 0.15), sheen: float = 0.35
    ) -> None:
        super().__init__(p)
        self.area, self.sheen = area, sheen

    def change(self, image: Tensor) -> Tensor:
        """Add the light: 1 in all channels inside of the highlight, falling off around it."""
        height, width = image.shape[-2:]
        angle, stretch = _uniform(0, math.pi), _uniform(1, 3)
        y0, x0 = _uniform(0.2, 0.8) * height, _uniform(0.2, 0.8) * width
        y = torch.arange(height, dtype=torch.float32)[:, None] - y0
        x = torch.arange(width, dtype=torch.float32)[None, :] - x0
        along = (x * math.cos(angle) + y * math.sin(angle)) / stretch
        across = y * math.cos(angle) - x * math.sin(angle)
        distance = torch.hypot(along, across)
        # The radius is the quantile of the distance, so that the area holds also at the image's edge.
        radius = torch.quantile(distance.flatten(), _uniform(*self.area)) + 1e-3
        light = torch.exp(-2 * F.relu(distance / radius - 1))
        phase = 2 * math.pi * (distance / radius * 0.7 + _uniform(0, 1))
        hues = torch.stack([torch.sin(phase + shift) for shift in (0.0, 2.1, 4.2)])
        tint = (1 + self.sheen * hues * (distance > radius)).to(image)
        lit = image * (1 - light.to(image)) + light.to(image)
        return torch.where((distance <= radius).to(image.device), torch.ones_like(image), lit * tint).clamp(
            0, 1
        )


class RandomRotate90(_Augmentation):
    """Turn a square image by 90, 180 or 270 degrees.

    Args:
        p: Probability of any turn.
    """

    def __init__(self, p: float = 0.25) -> None:
        super().__init__(p)

    def change(self, image: Tensor) -> Tensor:
        """Turn it."""
        return torch.rot90(image, _whole(1, 3), (-2, -1))
