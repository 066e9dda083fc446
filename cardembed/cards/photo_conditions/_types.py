"""What a simulated photo is, and the arrays that the room computes with."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["CONDITIONS", "HELD_OUT", "PHOTO_SIZE", "Plane", "Rgb", "SimulatedPhoto", "f32"]

Plane: TypeAlias = NDArray[np.float32]
"""(H, W) float32."""

Rgb: TypeAlias = NDArray[np.float32]
"""(H, W, 3) float32 in 0…1, sRGB-encoded."""


def f32(values: NDArray[Any]) -> NDArray[np.float32]:
    """The same numbers as float32; no copy where they are already."""
    return np.asarray(values, dtype=np.float32)


PHOTO_SIZE = (180, 252)
"""Width and height of a photo in pixels, unless told otherwise."""

CONDITIONS = ("clean", "occluded", "glare")
"""What can lie over a card on its photo."""

HELD_OUT = frozenset({"coins", "tube", "stone", "playing-cards"})
"""An occluder, a glare and two families of unknowns that only verdict photos show: training and
calibration never draw them, so a verdict tells what happens on kinds of photos that nobody prepared for.
"""


@dataclass(frozen=True)
class SimulatedPhoto:
    """A photo and what is known about it.

    Attributes:
        jpeg: The photo's file.
        occluded_fraction: Share of the card's area in the crop that something opaque covers, 0…1.
        saturated_fraction: Share of the photo whose three channels are all ≥ 250 of 255, before noise
            and JPEG.
        family: The occluder, glare or unknown that was drawn; "" on a clean card photo.
    """

    jpeg: bytes
    occluded_fraction: float
    saturated_fraction: float
    family: str

    @cached_property
    def image(self) -> Image.Image:
        """The decoded photo: RGB, what a reader of the file sees."""
        return Image.open(io.BytesIO(self.jpeg)).convert("RGB")
