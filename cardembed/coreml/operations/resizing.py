"""Larger images."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from cardembed.coreml.arithmetic import Arithmetic
from cardembed.coreml.operations.registry import op
from cardembed.coreml.values import Value, flag, number, tensor


@op("upsample_nearest_neighbor", exact=True)
def upsample_nearest_neighbor(
    _: Arithmetic,
    x: Value,
    *,
    scale_factor_height: Value = 1,
    scale_factor_width: Value = 1,
) -> Tensor:
    """Each pixel repeated."""
    x = tensor(x)
    size = _scaled(x, scale_factor_height, scale_factor_width)
    return functional.interpolate(x, size=size, mode="nearest")


@op("upsample_bilinear")
def upsample_bilinear(
    _: Arithmetic,
    x: Value,
    *,
    scale_factor_height: Value = 1,
    scale_factor_width: Value = 1,
    align_corners: Value = True,
    half_pixel_centers: Value | None = None,
) -> Tensor:
    """Between the nearest four pixels."""
    x, corners = tensor(x), flag(align_corners)
    if half_pixel_centers is not None and flag(half_pixel_centers) == corners:
        raise ValueError("this combination of align_corners and half_pixel_centers")
    size = _scaled(x, scale_factor_height, scale_factor_width)
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=corners)


def _scaled(x: Tensor, height: Value, width: Value) -> list[int]:
    if x.ndim != 4:
        raise ValueError(f"resizing of {tuple(x.shape)}")
    return [int(x.shape[2] * number(height)), int(x.shape[3] * number(width))]
