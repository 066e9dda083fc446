"""Glare: light that the card mirrors, white where it saturates, and the rainbow of foil around it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cardembed.cards.photo_conditions._types import Plane, Rgb, f32
from cardembed.cards.photo_conditions.fields import (
    capsule,
    disc,
    grid,
    hue,
    rectangle,
    smooth_noise,
    threshold_for_share,
)
from cardembed.cards.photo_conditions.geometry import Crop

__all__ = ["GLARES", "GLARE_SHARE", "add_glare"]

GLARE_SHARE = (0.068, 0.14)
"""Least and largest share of the card's pixels that saturate. Above AC-3's 5 % by enough that the share of
the whole photo, of which at severity 5 the card fills as little as three quarters, stays above it too."""


def _scatter(rng: np.random.Generator, low: float, high: float, size: int) -> float:
    return float(rng.uniform(low, high) * size)


def spot(rng: np.random.Generator, w: int, h: int) -> Plane:
    """Lamps: one to three soft spots."""
    x, y = grid(w, h)
    field: Plane = np.full((h, w), -1e3, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        stretch = np.float32(rng.uniform(0.6, 1.5))
        centre = (_scatter(rng, 0.1, 0.9, w), _scatter(rng, 0.1, 0.9, h))
        away = disc(x, y * stretch, (centre[0], centre[1] * float(stretch)))
        field = np.maximum(field, np.float32(_scatter(rng, 0.1, 0.2, w)) - away)
    return field + np.float32(0.025 * w) * smooth_noise(rng, w, h, (12, 16))


def streak(rng: np.random.Generator, w: int, h: int) -> Plane:
    """Bands across the card, as curved or sleeved cards mirror a light."""
    x, y = grid(w, h)
    angle = rng.uniform(0, np.pi)
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    across = (x - np.float32(w / 2)) * c + (y - np.float32(h / 2)) * s
    along = (y - np.float32(h / 2)) * c - (x - np.float32(w / 2)) * s
    across = across + np.float32(rng.uniform(-1, 1) * 0.0012) * along**2
    field: Plane = np.full((h, w), -1e3, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        offset, thick = _scatter(rng, -0.5, 0.5, w), _scatter(rng, 0.02, 0.06, w)
        fade = np.float32(rng.uniform(0.0, 0.1)) * np.abs(along - np.float32(_scatter(rng, -0.5, 0.5, h)))
        field = np.maximum(field, np.float32(thick) - np.abs(across - np.float32(offset)) - fade)
    return field + np.float32(0.012 * w) * smooth_noise(rng, w, h, (20, 28))


def window(rng: np.random.Generator, w: int, h: int) -> Plane:
    """A window with its bars."""
    x, y = grid(w, h)
    half = (_scatter(rng, 0.14, 0.24, w), _scatter(rng, 0.14, 0.3, w))
    centre = (_scatter(rng, 0.2, 0.8, w), _scatter(rng, 0.15, 0.85, h))
    distance, u, v = rectangle(x, y, centre, half, rng.uniform(-0.5, 0.5), 1.0)
    bar = np.float32(rng.uniform(0.8, 2.2) * w / 180)
    panes_across, panes_down = int(rng.integers(1, 3)), int(rng.integers(1, 4))
    field = -distance
    for coordinate, extent, panes in ((u, half[0], panes_across), (v, half[1], panes_down)):
        for place in np.linspace(-extent, extent, panes + 1)[1:-1]:
            field = np.minimum(field, np.abs(coordinate - np.float32(place)) - bar)
    return field + np.float32(0.004 * w) * smooth_noise(rng, w, h, (10, 14))


def foil(rng: np.random.Generator, w: int, h: int) -> Plane:
    """A broad reflection that the foil's grain breaks into flakes."""
    x, y = grid(w, h)
    angle = rng.uniform(0, np.pi)
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    across = np.abs(
        (x - np.float32(_scatter(rng, 0.2, 0.8, w))) * c + (y - np.float32(_scatter(rng, 0.2, 0.8, h))) * s
    )
    grain = smooth_noise(rng, w, h, (int(rng.integers(14, 60)), int(rng.integers(14, 80))))
    return f32(np.float32(0.1 * w) * grain - across * np.float32(rng.uniform(0.5, 1.2)))


def tube(rng: np.random.Generator, w: int, h: int) -> Plane:
    """Fluorescent tubes: one or two parallel bars with round ends."""
    x, y = grid(w, h)
    angle = rng.uniform(0, np.pi)
    length, gap = _scatter(rng, 0.35, 0.8, h), _scatter(rng, 0.12, 0.3, w)
    cx, cy = _scatter(rng, 0.25, 0.75, w), _scatter(rng, 0.25, 0.75, h)
    dx, dy = np.cos(angle) * length / 2, np.sin(angle) * length / 2
    field: Plane = np.full((h, w), -1e3, np.float32)
    for number in range(int(rng.integers(1, 3))):
        ox, oy = -np.sin(angle) * gap * number, np.cos(angle) * gap * number
        away = capsule(x, y, (cx - dx + ox, cy - dy + oy), (cx + dx + ox, cy + dy + oy))
        field = np.maximum(field, np.float32(0.05 * w) - away)
    return field


GLARES: dict[str, Callable[[np.random.Generator, int, int], Plane]] = {
    "spot": spot,
    "streak": streak,
    "window": window,
    "foil": foil,
    "tube": tube,
}
"""Glares by family: `glare(rng, width, height)`, a field in pixels, higher the brighter."""

_SOFTNESS = {
    "spot": (4.0, 12.0),
    "streak": (2.5, 8.0),
    "window": (1.0, 2.5),
    "foil": (2.0, 6.0),
    "tube": (1.5, 5.0),
}
_SHEEN = {"plain": 0.0, "holo": 0.62, "gold": 0.42}


def add_glare(pixels: Rgb, crop: Crop, rng: np.random.Generator, family: str, finish: str) -> Rgb:
    """Lay a glare over the photo, (H, W, 3) in 0…1; holo foil adds a rainbow, gold a warm one.

    Args:
        pixels: The photo after blur.
        crop: Where the card is.
        rng: Draws the glare.
        family: One of `GLARES`.
        finish: "plain", "holo" or "gold".
    """
    height, width = crop.card.shape
    scale = width / 180
    field = GLARES[family](rng, width, height)
    threshold = threshold_for_share(field, crop.card, rng.uniform(*GLARE_SHARE))
    below = np.minimum(field - np.float32(threshold), 0)
    white = np.exp(below / np.float32(rng.uniform(*_SOFTNESS[family]) * scale))
    veil = np.exp(below / np.float32(rng.uniform(25, 60) * scale)) * np.float32(rng.uniform(0.05, 0.2))
    result = pixels
    sheen = _SHEEN[finish] * rng.uniform(0.6, 1.0)
    if sheen:
        x, y = grid(width, height)
        angle, period = rng.uniform(0, np.pi), rng.uniform(30, 90) * scale
        turns = (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))) / np.float32(period)
        turns = (
            turns + np.float32(0.35) * smooth_noise(rng, width, height, (7, 9)) + np.float32(rng.uniform())
        )
        rainbow = hue(f32(turns))
        if finish == "gold":
            rainbow = np.float32(0.35) * rainbow + np.float32(0.65) * np.array([1.0, 0.82, 0.36], np.float32)
        spread = np.exp(below / np.float32(rng.uniform(22, 50) * scale)) * np.float32(sheen)
        result = 1 - (1 - result) * (1 - spread[..., None] * rainbow)
    light = 1 - (1 - white) * (1 - veil)
    light[field > threshold] = 1
    return f32(1 - (1 - result) * (1 - light[..., None]))
