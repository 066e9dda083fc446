"""Photos of what is no card of the game, through the same camera as the photos of cards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cardembed._seeds import derive_seed
from cardembed.cards.photo_conditions import (
    PHOTO_SIZE,
    Nuisance,
    SimulatedPhoto,
    finish_photo,
    nuisance_limits,
)
from cardembed.cards.photo_conditions._types import Rgb
from cardembed.cards.photo_conditions.geometry import (
    corner_errors,
    crop_card,
    homography,
    rectangle_corners,
    to_unit,
)
from cardembed.cards.photo_conditions.nuisance import add_light, blur
from cardembed.cards.unknowns import print as printed_matter
from cardembed.cards.unknowns import scenes, surfaces
from cardembed.errors import UsageError

__all__ = ["UNKNOWNS", "Unknown", "simulate_unknown"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A family of things that are no card of the game.

    Attributes:
        draw: Makes one, RGB, any size.
        turn: Largest angle by which a photo of it is turned, in radians.
        zoom: Least and largest share of it, along its shorter way, that a photo shows.
        framed: Share of its photos that are cropped along its border, as a card detector would crop it.
    """

    draw: Callable[[np.random.Generator], Image.Image]
    turn: float = float(np.pi)
    zoom: tuple[float, float] = (0.45, 1.0)
    framed: float = 0.0


UNKNOWNS: dict[str, Unknown] = {
    "wood": Unknown(surfaces.wood),
    "cloth": Unknown(surfaces.cloth),
    "stone": Unknown(surfaces.stone),
    "blank": Unknown(surfaces.blank, zoom=(0.3, 1.0)),
    "hands": Unknown(scenes.hand, turn=0.3, zoom=(0.75, 1.0)),
    "scenes": Unknown(scenes.scene, turn=0.25, zoom=(0.5, 1.0)),
    "printed": Unknown(printed_matter.printed, turn=0.4, zoom=(0.4, 1.0)),
    "playing-cards": Unknown(printed_matter.playing_card, turn=0.2, zoom=(0.6, 1.0), framed=0.7),
    "card-backs": Unknown(printed_matter.card_back, turn=0.15, zoom=(0.7, 1.0), framed=0.8),
}
"""What is no card of the game, by family."""


def _part(
    image: Image.Image, kind: Unknown, rng: np.random.Generator, limits: Nuisance, size: tuple[int, int]
) -> Rgb:
    """A turned part of the picture that never reaches over its border, (H, W, 3) float32 0…1."""
    width, height = size
    angle = rng.uniform(-kind.turn, kind.turn)
    c, s = np.cos(angle), np.sin(angle)
    corners = rectangle_corners(width, height)
    corners = corners + corner_errors(rng, width, limits.corner) - np.array([width / 2, height / 2])
    turned = np.stack([corners[:, 0] * c - corners[:, 1] * s, corners[:, 0] * s + corners[:, 1] * c], axis=1)
    low, high = turned.min(axis=0), turned.max(axis=0)
    room = np.array([image.width, image.height], dtype=np.float64)
    scale = float((room / (high - low)).min()) * rng.uniform(*kind.zoom)
    slack = room - scale * (high - low)
    target = scale * (turned - low) + slack * rng.uniform(0, 1, 2)
    target = np.clip(target, 0.01, room - 0.01)
    part = image.transform(
        size,
        Image.Transform.PERSPECTIVE,
        homography(rectangle_corners(width, height), target),
        Image.Resampling.BILINEAR,
    )
    return to_unit(part)


def simulate_unknown(
    family: str, *, severity: int, seed: int, size: tuple[int, int] = PHOTO_SIZE
) -> SimulatedPhoto:
    """Photograph something that is no card of the game.

    Args:
        family: One of `UNKNOWNS`.
        severity: 1 to 5, as for `simulate_photo`.
        seed: Decides everything else; the same arguments give the same pixels.
        size: Width and height of the photo in pixels, each at least 32.

    Raises:
        UsageError: An unknown family or severity, or a size below 32.
    """
    if family not in UNKNOWNS:
        raise UsageError(
            "family of unknowns",
            expected=f"one of {', '.join(UNKNOWNS)}",
            found=family,
            action="choose one of them",
        )
    if min(size) < 32:
        raise UsageError("size", expected="32 pixels a side or more", found=str(size), action="enlarge it")
    limits = nuisance_limits(severity)
    kind = UNKNOWNS[family]
    thing = np.random.default_rng(derive_seed("unknown", family, seed))
    rng = np.random.default_rng(derive_seed("unknown photo", family, seed))
    image = kind.draw(thing)
    if rng.random() < kind.framed:
        if rng.random() < 0.5:
            image = image.transpose(Image.Transpose.ROTATE_180)
        pixels = crop_card(image, rng, limits.corner, size).pixels
    else:
        pixels = _part(image, kind, rng, limits, size)
    pixels = blur(add_light(pixels, rng, limits), rng, limits)
    return finish_photo(pixels, rng, limits, occluded=0.0, family=family)
