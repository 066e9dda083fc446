"""Augmentation pipelines: the PRD's list and a recommended one, and the parts that torchvision lacks.

Photo views come from the simulator (`training.views`); these pipelines are for scans and captured photos.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from torchvision.transforms import v2 as torchvision_v2

from cardembed.errors import UsageError
from cardembed.models.profiles import IMAGENET_MEAN, IMAGENET_STD
from cardembed.training.cutmix import cutmix_batch
from cardembed.training.occlusions import (
    CoarseDropout,
    GridMaskAugmentation,
    RandomRotate90,
    SyntheticGlareAugmentation,
)

__all__ = [
    "PRESETS",
    "CoarseDropout",
    "GridMaskAugmentation",
    "RandomRotate90",
    "SyntheticGlareAugmentation",
    "cutmix_batch",
    "preset",
]

v2: Any = torchvision_v2  # its names are not declared as exported


def _to_square(size: int) -> list[nn.Module]:
    return [
        v2.ToImage(),
        v2.Resize((size, size), v2.InterpolationMode.BICUBIC, antialias=True),
        v2.ToDtype(torch.float32, scale=True),
    ]


def _occlusions() -> list[nn.Module]:
    return [CoarseDropout(), GridMaskAugmentation(p=0.3), SyntheticGlareAugmentation(p=0.3)]


def _normalise() -> list[nn.Module]:
    return [v2.Normalize(IMAGENET_MEAN, IMAGENET_STD)]


def _prd(size: int) -> list[nn.Module]:
    return [
        *_to_square(size),
        v2.RandomHorizontalFlip(0.5),
        v2.RandomApply([v2.ColorJitter(0.3, 0.3, 0.3)], p=0.5),
        RandomRotate90(p=0.25),
        *_occlusions(),
        *_normalise(),
    ]


def _recommended(size: int) -> list[nn.Module]:
    return [
        *_to_square(size),
        v2.RandomPerspective(0.06, p=0.8),
        v2.RandomAffine(2, (0.03, 0.03), (0.97, 1.03)),
        v2.RandomApply([v2.ColorJitter(0.3, 0.3, 0.3, 0.02)], p=0.8),
        v2.RandomApply([v2.GaussianBlur(5, (0.1, 1.2))], p=0.5),
        v2.RandomApply([v2.GaussianNoise(sigma=0.015)], p=0.5),
        *_occlusions(),
        *_normalise(),
    ]


PRESETS = {"prd": _prd, "recommended": _recommended}
"""`prd` is the PRD's list: its flip mirrors a card's text and its quarter turns show cards as no photo does.
`recommended` leaves both out and adds what photos do have: perspective, small shifts, blur, noise. CutMix is
in neither: with hard labels it tells ArcFace that half a card is a whole one."""


def preset(name: str, size: int) -> nn.Module:
    """A whole pipeline, from image to normalised float tensor (3, size, size).

    Args:
        name: "prd" or "recommended".
        size: Side of the square in pixels.

    Raises:
        UsageError: No such preset.
    """
    if name not in PRESETS:
        raise UsageError(
            "preset", expected=" or ".join(PRESETS), found=repr(name), action="choose one of these"
        )
    return cast("nn.Module", v2.Compose(PRESETS[name](size)))
