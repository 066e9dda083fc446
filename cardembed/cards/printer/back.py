"""Card backs: a handful of designs in many colours."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from cardembed.cards.printer.colours import BLACK, WHITE, Colour, hsv, mix
from cardembed.cards.printer.dice import Dice
from cardembed.cards.printer.shapes import Outline, circle, petal, polygon, star
from cardembed.cards.printer.text import write

__all__ = ["BACK_DESIGNS", "paint_back"]

BACK_DESIGNS = ("swirl", "medallion", "lattice", "burst", "mandala", "waves")
_WORDS = ("ARCANA", "DUELISTS", "MYTHIC", "WILDLINGS", "CREATURA", "SUMMON")


def paint_back(seed: int) -> Image.Image:
    """A card back, 180 x 252 pixels, mode "RGB"; neighbouring seeds show the designs in turn."""
    dice = Dice("back", seed)
    design = BACK_DESIGNS[seed % len(BACK_DESIGNS)]
    base, second = (
        hsv(dice.unit(), dice.between(0.5, 0.95), dice.between(0.25, 0.7)),
        hsv(dice.unit(), 0.7, 0.9),
    )
    size = (360, 504)
    image = _ground(design, base, second, dice).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    middle = 180 + 252j
    if design == "medallion":
        for step, colour in ((150, second), (138, BLACK), (128, base), (60, second), (48, WHITE)):
            _fill(draw, circle(middle, step, step * 0.8), colour)
    elif design == "lattice":
        for x in range(0, 361, 40):
            for y in range(0, 505, 40):
                _fill(draw, polygon(complex(x, y), 15, 4, (x + y) // 40 % 2 * 0.785), mix(base, second, 0.6))
        _fill(draw, polygon(middle, 110, 4), second)
        _fill(draw, polygon(middle, 92, 4), base)
    elif design == "burst":
        for step in range(6):
            _fill(draw, star(middle, 230 - 36 * step, 16, 0.7, step * 0.2), mix(second, base, step % 2))
    elif design == "mandala":
        for ring in range(4, 0, -1):
            for step in range(6 * ring):
                way = complex(math.cos(math.tau * step / (6 * ring)), math.sin(math.tau * step / (6 * ring)))
                near, far = middle + way * 32 * (ring - 1), middle + way * 44 * ring
                _fill(draw, petal(near, far, 0.22), second if ring % 2 else mix(second, WHITE, 0.5))
    if design in {"swirl", "medallion", "waves"}:
        word = dice.pick(_WORDS)
        at = (180, 252) if design == "medallion" else (180, dice.pick((110, 252, 390)))
        write(draw, at, word, 44, WHITE, anchor="m", bold=True, halo=BLACK)
    margin = dice.whole(10, 22)
    draw.rectangle([0, 0, 359, 503], outline=dice.pick((mix(base, BLACK, 0.6), second, WHITE)), width=margin)
    draw.rectangle([margin, margin, 359 - margin, 503 - margin], outline=mix(second, WHITE, 0.4), width=3)
    return image.reduce(2)


def _ground(design: str, base: Colour, second: Colour, dice: Dice) -> Image.Image:
    y, x = np.mgrid[0:1:126j, 0:1:90j].astype(np.float32)
    away = np.hypot((x - 0.5) * 0.72, y - 0.5)
    if design == "swirl":
        turn = np.arctan2(y - 0.5, (x - 0.5) * 0.72)
        share = 0.5 + 0.5 * np.sin(dice.whole(2, 5) * turn + away * dice.between(14, 34))
    elif design == "waves":
        share = 0.5 + 0.5 * np.sin(y * dice.between(20, 40) + 2 * np.sin(x * dice.between(6, 14)))
    else:
        share = np.clip(away * 1.6, 0, 1) * 0.6
    first, other = np.array(base, dtype=np.float32), np.array(second, dtype=np.float32)
    pixels = first + (other - first) * share[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _fill(draw: ImageDraw.ImageDraw, points: Outline, colour: Colour) -> None:
    draw.polygon(np.ascontiguousarray(points).view(np.float64).tolist(), fill=colour)
