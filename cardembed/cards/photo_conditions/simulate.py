"""A card's print in, a photo of it out."""

from __future__ import annotations

import numpy as np
from PIL import Image

from cardembed._seeds import derive_seed
from cardembed.cards.card import FINISHES
from cardembed.cards.photo_conditions._types import CONDITIONS, HELD_OUT, PHOTO_SIZE, Rgb, SimulatedPhoto
from cardembed.cards.photo_conditions.geometry import crop_card
from cardembed.cards.photo_conditions.glare import GLARES, add_glare
from cardembed.cards.photo_conditions.nuisance import add_light, add_noise, blur, encode_jpeg, saturated_share
from cardembed.cards.photo_conditions.occluders import OCCLUDERS
from cardembed.cards.photo_conditions.occlusion import occlude
from cardembed.cards.photo_conditions.severity import Nuisance, nuisance_limits
from cardembed.errors import UsageError

__all__ = ["draw_family", "finish_photo", "simulate_photo"]


def _choose(thing: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(
            thing, expected=f"one of {', '.join(allowed)}", found=value, action="choose one of them"
        )


def draw_family(rng: np.random.Generator, families: tuple[str, ...]) -> str:
    """One of the families that training may see."""
    seen = [family for family in families if family not in HELD_OUT]
    return seen[int(rng.integers(len(seen)))]


def finish_photo(
    pixels: Rgb, rng: np.random.Generator, limits: Nuisance, *, occluded: float, family: str
) -> SimulatedPhoto:
    """Noise and JPEG: what is left to do once everything that is in the scene lies in `pixels`."""
    saturated = saturated_share(pixels)
    return SimulatedPhoto(
        jpeg=encode_jpeg(add_noise(pixels, rng, limits), rng, limits),
        occluded_fraction=occluded,
        saturated_fraction=saturated,
        family=family,
    )


def simulate_photo(
    card_image: Image.Image,
    *,
    finish: str,
    condition: str,
    severity: int,
    seed: int,
    family: str | None = None,
    size: tuple[int, int] = PHOTO_SIZE,
) -> SimulatedPhoto:
    """Photograph a card: crop with misplaced corners, occluder or glare, light, blur, noise, JPEG.

    Args:
        card_image: The card's print, RGB, any size.
        finish: "plain", "holo" or "gold"; decides the sheen of glare.
        condition: One of `CONDITIONS`: "clean", "occluded" (20 ± 1 points of the card's area in the crop) or
            "glare" (at least 5 % of the photo saturated).
        severity: 1 to 5, the row of `severity.SEVERITIES` that the nuisances stay within.
        seed: Decides everything else; the same arguments give the same pixels.
        family: One of `OCCLUDERS` or `GLARES`; without, one that is not in `HELD_OUT` is drawn.
        size: Width and height of the photo in pixels, each at least 32.

    Raises:
        UsageError: An unknown finish, condition, severity or family, or a size below 32.
    """
    _choose("finish", finish, FINISHES)
    _choose("condition", condition, CONDITIONS)
    if min(size) < 32:
        raise UsageError("size", expected="32 pixels a side or more", found=str(size), action="enlarge it")
    limits = nuisance_limits(severity)
    families = {"clean": (), "occluded": tuple(OCCLUDERS), "glare": tuple(GLARES)}[condition]
    rng = np.random.default_rng(derive_seed("photo", seed))
    special = np.random.default_rng(derive_seed("photo", condition, seed))
    if families and family is None:
        family = draw_family(special, families)
    elif families and family is not None:
        _choose(f"family of {condition}", family, families)
    crop = crop_card(card_image, rng, limits.corner, size)
    pixels, occluded = crop.pixels, 0.0
    if condition == "occluded" and family:
        pixels, mask = occlude(crop, special, family)
        occluded = float((mask & crop.card).sum() / crop.card.sum())
    pixels = blur(add_light(pixels, rng, limits), rng, limits)
    if condition == "glare" and family:
        pixels = add_glare(pixels, crop, special, family, finish)
    return finish_photo(pixels, rng, limits, occluded=occluded, family=family if families and family else "")
