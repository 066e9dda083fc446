"""What a camera sees when no card lies on the table: wood, cloth, stone, and next to nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cardembed.cards.photo_conditions._types import Plane, f32
from cardembed.cards.photo_conditions.fields import grid, smooth_noise

__all__ = ["SIDE", "blank", "cloth", "stone", "wood"]

SIDE = 320
"""Surfaces are drawn on squares of this many pixels, of which a photo shows a turned part."""

Colours = NDArray[np.float64]


def _ramp(colours: Colours, steps: int = 256) -> NDArray[np.uint8]:
    """Colours (n, 3) in 0…1 spread evenly over a table of 256, (256, 3) uint8."""
    place = np.linspace(0, len(colours) - 1, steps)
    table = np.stack([np.interp(place, np.arange(len(colours)), colours[:, k]) for k in range(3)], axis=1)
    return (np.clip(table, 0, 1) * 255).astype(np.uint8)


def _paint(value: Plane, colours: Colours) -> Image.Image:
    """A picture of a plane of values 0…1 in the colours of a ramp."""
    index = (np.clip(value, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(_ramp(colours)[index])


def _tones(rng: np.random.Generator, base: Colours, count: int, spread: float) -> Colours:
    """Dark to light variations of a colour, (count, 3)."""
    levels = np.linspace(1 - spread, 1 + spread, count)[:, None]
    return np.clip(base[None] * levels + rng.normal(0, 0.02, (count, 3)), 0, 1)


def wood(rng: np.random.Generator) -> Image.Image:
    """Boards: grain along one direction, planks, sometimes knots."""
    x, y = grid(SIDE, SIDE)
    bases = [
        (0.55, 0.36, 0.2), (0.4, 0.24, 0.13), (0.76, 0.6, 0.42), (0.85, 0.76, 0.62),
        (0.24, 0.15, 0.1), (0.6, 0.58, 0.55), (0.5, 0.22, 0.14), (0.9, 0.88, 0.84),
    ]  # fmt: skip
    base = np.array(bases[int(rng.integers(len(bases)))]) * rng.uniform(0.8, 1.15)
    plank = int(rng.integers(40, 320))
    number = (x // plank).astype(np.int64)
    shift = rng.uniform(0, 40, SIDE // plank + 2).astype(np.float32)[number]
    bend = smooth_noise(rng, SIDE, SIDE, (int(rng.integers(2, 7)), int(rng.integers(1, 4))))
    rings = np.sin(
        (x + shift * 9 + bend * np.float32(rng.uniform(4, 22))) * np.float32(rng.uniform(0.08, 0.7))
    )
    fibres = smooth_noise(rng, SIDE, SIDE, (int(rng.integers(80, 160)), int(rng.integers(3, 9))))
    value = np.float32(0.5) + np.float32(rng.uniform(0.05, 0.3)) * rings + np.float32(0.22) * fibres
    value = value + (shift - 20) * np.float32(rng.uniform(0, 0.012))
    if rng.random() < 0.35:
        kx, ky = rng.uniform(60, 260, 2)
        away = np.hypot((x - np.float32(kx)) * 2, y - np.float32(ky))
        value = value - np.float32(0.5) * np.exp(-away / np.float32(rng.uniform(6, 16)))
    value = np.where(x - number * plank < rng.uniform(0.5, 3), np.float32(0.02), value)
    return _paint(value, _tones(rng, base, 5, rng.uniform(0.15, 0.45)))


def _weave(rng: np.random.Generator, x: Plane, y: Plane) -> Plane:
    """Threads that cross, 0…1."""
    pitch = np.float32(2 * np.pi / rng.uniform(2.5, 9))
    warp, weft = np.sin(x * pitch), np.sin(y * pitch)
    return f32(np.float32(0.5) + np.float32(0.25) * (warp * np.sign(weft) + weft * warp))


def cloth(rng: np.random.Generator) -> Image.Image:
    """Tablecloths, trousers, carpets and playmats: plain, checked, striped, dotted, in folds."""
    x, y = grid(SIDE, SIDE)
    colours = np.clip(rng.uniform(0.03, 0.97, (3, 1)) + rng.normal(0, 0.22, (3, 3)), 0, 1)
    pattern = int(rng.integers(6))
    pitch = np.float32(rng.uniform(14, 90))
    if pattern == 0:
        value: Plane = np.full((SIDE, SIDE), 0.5, np.float32)
    elif pattern == 1:  # checks
        value = np.float32(0.5) * ((x % pitch < pitch / 2).astype(np.float32) + (y % pitch < pitch / 2))
    elif pattern == 2:  # stripes
        value = (x % pitch < pitch * np.float32(rng.uniform(0.15, 0.8))).astype(np.float32)
    elif pattern == 3:  # dots
        radius = pitch * np.float32(rng.uniform(0.15, 0.42))
        value = (np.hypot(x % pitch - pitch / 2, y % pitch - pitch / 2) < radius).astype(np.float32)
    elif pattern == 4:  # a playmat's swirl
        cells = (int(rng.integers(2, 9)), int(rng.integers(2, 9)))
        value = np.float32(0.5) + np.float32(0.5) * smooth_noise(rng, SIDE, SIDE, cells)
        value = value + np.float32(0.2) * np.sin(x / pitch + 5 * value)
    else:  # mottled carpet
        value = np.float32(0.5) + np.float32(0.35) * smooth_noise(rng, SIDE, SIDE, (150, 150))
    picture = np.asarray(_paint(value, colours), dtype=np.float32)
    folds = smooth_noise(rng, SIDE, SIDE, (int(rng.integers(2, 7)), int(rng.integers(2, 7))))
    light = 1 + np.float32(rng.uniform(0.02, 0.3)) * folds
    light = light + np.float32(rng.uniform(0, 0.35)) * (_weave(rng, x, y) - np.float32(0.5))
    return Image.fromarray(np.clip(picture * light[..., None], 0, 255).astype(np.uint8))


def stone(rng: np.random.Generator) -> Image.Image:
    """Marble, granite, concrete and tiles."""
    x, y = grid(SIDE, SIDE)
    kind = int(rng.integers(3))
    grey = np.clip(rng.uniform(0.15, 0.92) + rng.normal(0, 0.04, 3), 0, 1)
    cloud = smooth_noise(rng, SIDE, SIDE, (5, 5)) + np.float32(0.5) * smooth_noise(rng, SIDE, SIDE, (14, 14))
    fine = smooth_noise(rng, SIDE, SIDE, (int(rng.integers(60, 160)), int(rng.integers(60, 160))))
    if kind == 0:  # marble: dark veins where the cloud crosses zero
        veins = np.exp(-np.abs(cloud) * np.float32(rng.uniform(6, 22)))
        value = np.float32(0.75) - np.float32(rng.uniform(0.2, 0.7)) * veins + np.float32(0.08) * cloud
    elif kind == 1:  # granite: flecks
        value = np.float32(0.5) + np.float32(rng.uniform(0.25, 0.6)) * fine + np.float32(0.1) * cloud
    else:  # concrete
        value = np.float32(0.5) + np.float32(0.2) * cloud + np.float32(0.12) * fine
    if rng.random() < 0.45:
        tile, joint = rng.uniform(60, 220), rng.uniform(1.5, 5)
        line = np.minimum(x % np.float32(tile), y % np.float32(tile)) < joint
        value = np.where(line, np.float32(rng.uniform(0, 1)), value)
    return _paint(f32(value), _tones(rng, grey, 4, rng.uniform(0.25, 0.6)))


def blank(rng: np.random.Generator) -> Image.Image:
    """A wall, a sheet of paper, the lens cap, an overexposed or defocused nothing."""
    kind = int(rng.integers(4))
    if kind == 0:
        colour = np.full(3, rng.choice([0.0, 1.0])) + rng.uniform(-0.12, 0.12)
    else:
        colour = rng.uniform(0.05, 0.97) + rng.normal(0, [0.02, 0.08, 0.2][kind - 1], 3)
    colour = np.clip(colour, 0.004, 1)
    picture = np.ones((SIDE, SIDE, 3), np.float32) * colour.astype(np.float32)
    strength = np.float32(rng.uniform(0, 0.25))
    cells = (int(rng.integers(1, 5)), int(rng.integers(1, 5)))
    if kind == 3:  # defocused: soft blobs of other colours
        for channel in range(3):
            picture[..., channel] += strength * smooth_noise(rng, SIDE, SIDE, cells)
    else:
        picture *= 1 + strength * smooth_noise(rng, SIDE, SIDE, cells)[..., None]
    return Image.fromarray((np.clip(picture, 0, 1) * np.float32(255)).astype(np.uint8))
