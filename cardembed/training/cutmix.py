"""CutMix (arXiv 1905.04899), as the PRD's listing has it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cardembed.errors import EmbeddingError, UsageError

__all__ = ["cutmix_batch"]


def _whole(low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, ()))


def _box(height: int, width: int, lam: float) -> tuple[slice, slice]:
    """A box of area 1 − lam around a random centre, cut at the image's edge: rows and columns."""
    share = math.sqrt(1 - lam)
    spans = []
    for length in (height, width):
        middle, half = _whole(0, length - 1), int(length * share) // 2
        spans.append(slice(max(0, middle - half), min(length, middle + half)))
    return spans[0], spans[1]


def cutmix_batch(images: Tensor, labels: Tensor, alpha: float = 1.0) -> tuple[Tensor, Tensor, Tensor, float]:
    """Mix samples by cutting and pasting patches, as the PRD's listing does, but into a new tensor.

    Args:
        images: (N, C, H, W); it stays as it is.
        labels: (N,).
        alpha: Both parameters of the Beta distribution that the kept area is drawn from.

    Returns:
        Mixed images, the labels, the labels of the pasted patches, and lam, the kept share of the area: the
        loss is lam · loss(labels) + (1 − lam) · loss(pasted labels).

    Raises:
        EmbeddingError: Shapes that do not fit together.
        UsageError: `alpha` is not positive.
    """
    if images.ndim != 4 or len(labels) != len(images):
        raise EmbeddingError(
            "cutmix_batch",
            expected="images (N, C, H, W) and N labels",
            found=f"images {tuple(images.shape)}, labels {tuple(labels.shape)}",
            action="pass a batch",
        )
    if alpha <= 0:
        raise UsageError("alpha", expected="more than 0", found=str(alpha), action="correct it")
    others = torch.randperm(len(images), device=images.device)
    height, width = images.shape[-2:]
    rows, columns = _box(height, width, float(torch.distributions.Beta(alpha, alpha).sample()))
    mixed = images.clone()
    mixed[:, :, rows, columns] = images[others][:, :, rows, columns]
    pasted = (rows.stop - rows.start) * (columns.stop - columns.start)
    return mixed, labels, labels[others], 1 - pasted / (height * width)
