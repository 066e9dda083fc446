"""Cover a fifth of a card: an occluder grows until it hides exactly that share of what the crop shows."""

from __future__ import annotations

import numpy as np

from cardembed.cards.photo_conditions._types import Rgb
from cardembed.cards.photo_conditions.fields import Mask, threshold_for_share
from cardembed.cards.photo_conditions.geometry import Crop
from cardembed.cards.photo_conditions.occluders import OCCLUDERS

__all__ = ["OCCLUDED_SHARE", "occlude"]

OCCLUDED_SHARE = 0.20
"""Share of the card's area in the crop that is covered (AC-2)."""


def occlude(
    crop: Crop, rng: np.random.Generator, family: str, share: float = OCCLUDED_SHARE
) -> tuple[Rgb, Mask]:
    """Lay an occluder over the crop.

    Args:
        crop: The card.
        rng: Draws the occluder; how many numbers it draws does not depend on the card's pixels.
        family: One of `OCCLUDERS`.
        share: Share of the card's pixels to cover.

    Returns:
        The pixels (H, W, 3), and the mask (H, W) of the pixels that the occluder covers.
    """
    height, width = crop.card.shape
    occluder = OCCLUDERS[family](rng, width, height)
    threshold = threshold_for_share(occluder.field, crop.card, share)
    depth = occluder.field - np.float32(threshold)
    alpha = np.clip(depth + np.float32(0.5), 0, 1)  # half a pixel of soft edge on either side
    # The occluder's shadow: soft, and outside of it only.
    reach, strength = np.float32(rng.uniform(2, 7) * width / 180), np.float32(rng.uniform(0, 0.4))
    shadow = 1 - strength * np.exp(np.minimum(depth, 0) / reach)
    mixed = crop.pixels * (shadow * (1 - alpha))[..., None] + occluder.paint(threshold) * alpha[..., None]
    return np.clip(mixed, 0, 1).astype(np.float32), depth > 0
