"""Opaque things that lie over a card. Each gives a field, higher the deeper inside, and a way to paint it.

The field's threshold decides how much is covered: an occluder says where it grows, `occlusion` how far.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cardembed.cards.photo_conditions._types import Plane, Rgb, f32
from cardembed.cards.photo_conditions.fields import capsule, disc, grid, rectangle, smooth_noise

__all__ = ["OCCLUDERS", "Occluder", "skin_tone"]

_SKIN = np.array(
    [
        [245, 213, 190], [238, 196, 170], [224, 172, 138], [203, 150, 116],
        [175, 122, 88], [141, 92, 62], [104, 66, 44], [72, 46, 34],
    ],
    dtype=np.float32,
) / np.float32(255)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Occluder:
    """Attributes: `field` (H, W) in pixels, and `paint(threshold)` giving its colours (H, W, 3) in 0…1."""

    field: Plane
    paint: Callable[[float], Rgb]


def skin_tone(rng: np.random.Generator) -> Plane:
    """A colour of skin, (3,) in 0…1."""
    place = rng.uniform(0, len(_SKIN) - 1.001)
    low = int(place)
    mixed = _SKIN[low] + np.float32(place - low) * (_SKIN[low + 1] - _SKIN[low])
    return f32(np.clip(mixed * rng.uniform(0.9, 1.1) + rng.normal(0, 0.015, 3), 0, 1))


def _paper_colour(rng: np.random.Generator) -> Plane:
    """Any colour, often a dull or a white one, (3,) in 0…1."""
    if rng.random() < 0.3:
        return np.full(3, rng.uniform(0.75, 1.0), np.float32) - rng.uniform(0, 0.1, 3).astype(np.float32)
    return np.clip(rng.uniform(0.05, 0.95) + rng.normal(0, 0.25, 3), 0.01, 0.99).astype(np.float32)


def _edge_point(
    rng: np.random.Generator, side: int, along: float, w: int, h: int
) -> tuple[float, float, float]:
    """A point a little outside a side (0 left, 1 top, 2 right, 3 bottom), and the direction inward."""
    out = rng.uniform(0.02, 0.12) * w
    points = [(-out, along * h, 0.0), (along * w, -out, np.pi / 2), (w + out, along * h, np.pi)]
    points.append((along * w, h + out, -np.pi / 2))
    return points[side]


def _digits(rng: np.random.Generator, w: int, h: int, *, count: int, radius: tuple[float, float]) -> Occluder:
    """Fingers side by side, in from a side; count, and least and largest radius over the width."""
    x, y = grid(w, h)
    side = int(rng.choice(4, p=[0.3, 0.08, 0.3, 0.32]))
    span = h if side in {0, 2} else w
    tilt = rng.uniform(-0.45, 0.45)
    first = rng.uniform(0.15, 0.85 - 0.12 * (count - 1)) if count > 1 else rng.uniform(0.12, 0.88)
    field: Plane = np.full((h, w), -1e3, np.float32)
    nail: Plane = np.full((h, w), -1e3, np.float32)
    place = first
    for _ in range(count):
        thick = rng.uniform(*radius) * w
        px, py, inward = _edge_point(rng, side, place, w, h)
        reach = rng.uniform(0.22, 0.55) * w
        angle = inward + tilt + rng.uniform(-0.1, 0.1)
        ex, ey = px + reach * np.cos(angle), py + reach * np.sin(angle)
        taper = 0.22 * thick
        field = np.maximum(field, np.float32(thick) - capsule(x, y, (px, py), (ex, ey), taper))
        if rng.random() < 0.7:
            tip = (ex + 0.3 * thick * np.cos(angle), ey + 0.3 * thick * np.sin(angle))
            distance, _, _ = rectangle(x, y, tip, (0.55 * thick, 0.5 * thick), angle, 0.4 * thick)
            nail = np.maximum(nail, -distance)
        place += 2.05 * thick / span
    tone = skin_tone(rng)
    gloss = np.clip(tone * 1.12 + 0.07, 0, 1).astype(np.float32)
    grain = 1 + np.float32(0.06) * smooth_noise(rng, w, h, (w // 6, h // 6))

    def paint(threshold: float) -> Rgb:
        depth = np.clip((field - np.float32(threshold)) / np.float32(0.11 * w), 0, 1)
        shade = np.float32(0.62) + np.float32(0.38) * np.sqrt(1 - (1 - depth) ** 2)
        colours = (shade * grain)[..., None] * tone
        return f32(np.where((nail > 0)[..., None], shade[..., None] * gloss, colours))

    return Occluder(field, paint)


def fingers(rng: np.random.Generator, w: int, h: int) -> Occluder:
    """One to four fingers from an edge."""
    return _digits(rng, w, h, count=int(rng.integers(1, 5)), radius=(0.065, 0.095))


def thumb(rng: np.random.Generator, w: int, h: int) -> Occluder:
    """One or two thumbs, as of a hand that holds the card."""
    one = _digits(rng, w, h, count=1, radius=(0.12, 0.17))
    if rng.random() < 0.6:
        return one
    two = _digits(rng, w, h, count=1, radius=(0.1, 0.15))
    first = one.field >= two.field

    def paint(threshold: float) -> Rgb:
        return np.where(first[..., None], one.paint(threshold), two.paint(threshold))

    return Occluder(np.maximum(one.field, two.field), paint)


def patches(rng: np.random.Generator, w: int, h: int) -> Occluder:
    """One to four opaque stickers, notes or price labels, plain, ruled or patterned."""
    x, y = grid(w, h)
    field: Plane = np.full((h, w), -1e3, np.float32)
    colours: Rgb = np.zeros((h, w, 3), np.float32)
    for _ in range(int(rng.integers(1, 5))):
        centre = (rng.uniform(0.08, 0.92) * w, rng.uniform(0.08, 0.92) * h)
        half = (rng.uniform(0.08, 0.28) * w, rng.uniform(0.08, 0.28) * w)
        corner = rng.uniform(0.02, 1.0 if rng.random() < 0.25 else 0.2) * min(half)
        distance, u, v = rectangle(x, y, centre, half, rng.uniform(0, np.pi), corner)
        paper, ink = _paper_colour(rng), _paper_colour(rng)
        pattern = rng.integers(0, 4)
        if pattern == 1:  # ruled or striped
            share = (np.sin(v * np.float32(2 * np.pi / rng.uniform(4, 14))) > rng.uniform(-0.3, 0.7)).astype(
                np.float32
            )
        elif pattern == 2:  # blotched
            share = np.clip(
                smooth_noise(rng, w, h, (int(rng.integers(6, 40)), int(rng.integers(6, 40)))), 0, 1
            )
        elif pattern == 3:  # shaded
            share = np.clip(np.float32(0.5) + u / np.float32(2.5 * half[0]), 0, 1) * np.float32(0.5)
        else:
            share = np.zeros((h, w), np.float32)
        mine = paper + share[..., None] * (ink - paper)
        colours = np.where((-distance > field)[..., None], mine, colours)
        field = np.maximum(field, -distance)
    return Occluder(field, lambda _threshold: colours)


def sleeve(rng: np.random.Generator, w: int, h: int) -> Occluder:
    """The opaque edge of a card sleeve, a binder pocket or a strip of tape along one to four sides."""
    x, y = grid(w, h)
    sides = rng.permutation(4)[: int(rng.choice([1, 2, 3, 4], p=[0.3, 0.35, 0.15, 0.2]))]
    field: Plane = np.full((h, w), -1e3, np.float32)
    for side in sides:
        tilt = rng.uniform(-0.12, 0.12)
        inward = [x, y, w - x, h - y][side] + np.float32(tilt) * [y - h / 2, x - w / 2, y - h / 2, x - w / 2][
            side
        ]
        field = np.maximum(field, np.float32(rng.uniform(0, 0.06) * w) - inward)
    colour = _paper_colour(rng)
    sheen = rng.uniform(0.05, 0.35)
    seam = rng.uniform(2, 7)
    texture = 1 + np.float32(rng.uniform(0.02, 0.1)) * smooth_noise(rng, w, h, (30, 42))

    def paint(threshold: float) -> Rgb:
        depth = field - np.float32(threshold)
        line = np.exp(-(((depth - np.float32(seam)) / np.float32(1.3)) ** 2)) * np.float32(sheen)
        return f32(np.clip(texture[..., None] * colour + line[..., None], 0, 1))

    return Occluder(field, paint)


def other_card(rng: np.random.Generator, w: int, h: int) -> Occluder:
    """Another card or a paper lying over a corner or a side."""
    x, y = grid(w, h)
    side = int(rng.integers(4))
    px, py, inward = _edge_point(rng, side, rng.uniform(0, 1), w, h)
    angle = inward + rng.uniform(-0.7, 0.7)
    away = rng.uniform(0.3, 0.6) * h
    centre = (px - away * np.cos(angle), py - away * np.sin(angle))
    half = (0.5 * h * rng.uniform(0.9, 1.1), 0.5 * w * rng.uniform(0.9, 1.1))
    distance, u, v = rectangle(x, y, centre, half, angle, 0.05 * w)
    border, inner, second = _paper_colour(rng), _paper_colour(rng), _paper_colour(rng)
    wave = np.sin(u * np.float32(rng.uniform(0.02, 0.25)) + v * np.float32(rng.uniform(0.02, 0.25)))
    wave = wave + smooth_noise(rng, w, h, (int(rng.integers(4, 20)), int(rng.integers(4, 24))))
    body = inner + np.clip(np.float32(0.5) + np.float32(0.5) * wave, 0, 1)[..., None] * (second - inner)
    rim = np.float32(rng.uniform(0.03, 0.09) * w)

    def paint(threshold: float) -> Rgb:
        return np.where(((-distance - np.float32(threshold)) < rim)[..., None], border, body)

    return Occluder(-distance, paint)


def coins(rng: np.random.Generator, w: int, h: int) -> Occluder:
    """One to four coins."""
    x, y = grid(w, h)
    field: Plane = np.full((h, w), -1e3, np.float32)
    colours: Rgb = np.zeros((h, w, 3), np.float32)
    metals = np.array([[0.78, 0.78, 0.76], [0.80, 0.66, 0.36], [0.70, 0.44, 0.28]], np.float32)
    for _ in range(int(rng.integers(1, 5))):
        centre = (rng.uniform(0.12, 0.88) * w, rng.uniform(0.1, 0.9) * h)
        radius = rng.uniform(0.12, 0.19) * w
        distance = disc(x, y, centre)
        angle = np.arctan2(y - np.float32(centre[1]), x - np.float32(centre[0]))
        light = np.float32(0.75) + np.float32(0.2) * np.cos(angle * 2 + np.float32(rng.uniform(0, 6.3)))
        relief = smooth_noise(rng, w, h, (w // 8, h // 8))
        light = light + np.where(distance < 0.7 * radius, np.float32(0.22) * relief, 0)
        light = light - np.float32(0.25) * np.exp(-(((distance - np.float32(0.84 * radius)) / 1.5) ** 2))
        metal = metals[int(rng.integers(3))] * np.float32(rng.uniform(0.7, 1.15))
        mine = np.clip(light[..., None] * metal, 0, 1)
        inside = np.float32(radius) - distance
        colours = np.where((inside > field)[..., None], mine, colours)
        field = np.maximum(field, inside)
    return Occluder(field, lambda _threshold: colours)


OCCLUDERS: dict[str, Callable[[np.random.Generator, int, int], Occluder]] = {
    "fingers": fingers,
    "thumb": thumb,
    "patches": patches,
    "sleeve": sleeve,
    "other-card": other_card,
    "coins": coins,
}
"""Occluders by family: `occluder(rng, width, height)`."""
