"""The picture on a card: backdrop, subject, particles, light. One seed and artwork id, one picture."""

from __future__ import annotations

import cmath
import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from cardembed.cards.printer.backdrop import paint_backdrop
from cardembed.cards.printer.colours import BLACK, WHITE, Palette, mix, palette
from cardembed.cards.printer.dice import Dice, grain_sheet
from cardembed.cards.printer.figures import draw_creature
from cardembed.cards.printer.shapes import Brush, circle, petal, polygon, star
from cardembed.cards.printer.subjects import draw_building, draw_person, draw_thing

__all__ = ["ART_SIZE", "FOCUS", "paint_artwork"]

ART_SIZE = (170, 242)
"""Width and height of an artwork in pixels. Layouts with a window show a part of it around `FOCUS`."""
FOCUS = (85, 84)
"""Where the subject stands."""
_DOUBLE = 2
_Y, _X = np.mgrid[-1:1:12j, -1:1:9j].astype(np.float32)
_AWAY = _X * _X + _Y * _Y


@lru_cache(maxsize=4)
def paint_artwork(seed: int, artwork: str, element: str) -> Image.Image:
    """The artwork, 170 x 242 pixels, mode "RGB". Not to be drawn on: it is kept for the next call."""
    dice = Dice("artwork", seed, artwork)
    colours = palette(dice)
    size = (ART_SIZE[0] * _DOUBLE, ART_SIZE[1] * _DOUBLE)
    image = paint_backdrop(dice, colours, size)
    draw = ImageDraw.Draw(image)
    brush = _brush(draw, dice, colours)
    if dice.chance(0.35):
        _aura(brush, dice, colours)
    if element == "item":
        draw_thing(brush, dice, colours)
    elif element == "ally":
        draw_person(brush, dice, colours)
    elif element == "place":
        draw_building(brush, dice, colours)
    else:
        draw_creature(brush, dice, colours)
    _particles(draw, dice, colours, size)
    return _lit(image.reduce(_DOUBLE), dice)


def _brush(draw: ImageDraw.ImageDraw, dice: Dice, colours: Palette) -> Brush:
    size = dice.between(66, 98)
    tilt = dice.between(-0.3, 0.3) if dice.chance(0.6) else 0.0
    light = cmath.exp(1j * dice.between(-2.6, -0.5))
    place = complex(FOCUS[0] + dice.between(-14, 14), FOCUS[1] + dice.between(-8, 8)) * _DOUBLE
    return Brush(
        draw,
        place,
        size * cmath.exp(1j * tilt),
        mirrored=dice.chance(0.5),
        line=colours.line,
        weight=dice.pick((0.0, 2.0, 2.5, 4.0)),
        light=light,
        depth=dice.pick((0.0, 0.5, 0.8, 1.0)),
    )


def _aura(brush: Brush, dice: Dice, colours: Palette) -> None:
    """A glow, ring or burst behind the subject."""
    tone = mix(colours.accent, dice.pick((WHITE, colours.sky[0])), dice.between(0.1, 0.6))
    kind = dice.below(4)
    if kind == 0:
        for step in (1.35, 1.15, 0.95):
            brush.fill(circle(0j, step), mix(colours.sky[1], tone, 1.45 - step))
    elif kind == 1:
        brush.fill(star(0j, 1.55, dice.whole(8, 16), dice.between(0.5, 0.8)), tone)
    elif kind == 2:
        brush.fill(circle(0.95j, 1.2, 0.3), mix(colours.ground[2], BLACK, 0.4))
    else:
        brush.stroke(circle(0j, 1.25), tone, 10)
        brush.stroke(circle(0j, 1.0), colours.accent, 5)


def _particles(draw: ImageDraw.ImageDraw, dice: Dice, colours: Palette, size: tuple[int, int]) -> None:
    """Sparks, leaves, snow or embers before the subject."""
    kind = dice.below(7)
    if kind >= 5:
        return
    tone = dice.pick((colours.accent, WHITE, mix(colours.second, WHITE, 0.3)))
    drift = cmath.exp(1j * dice.between(0, math.tau))
    for _ in range(dice.whole(6, 22)):
        at = complex(dice.unit() * size[0], dice.unit() * size[1] * 0.75)
        reach = dice.between(3, 12)
        if kind == 0:
            points = circle(at, reach * 0.6)
        elif kind == 1:
            points = petal(at, at + reach * 3 * drift * cmath.exp(1j * dice.between(-0.6, 0.6)), 0.25)
        elif kind == 2:
            points = star(at, reach * 1.3, 4, 0.25)
        elif kind == 3:
            points = polygon(at, reach, dice.whole(3, 5), dice.between(0, 6.3))
        else:
            points = petal(at, at + reach * 9 * drift, 0.03)
        draw.polygon(np.ascontiguousarray(points).view(np.float64).tolist(), fill=tone)


def _lit(image: Image.Image, dice: Dice) -> Image.Image:
    """Multiply with a light of smooth unevenness, some with a grain of paper."""
    turn, strength = dice.between(0, math.tau), dice.between(0.05, 0.4)
    slope = (_X * math.cos(turn) + _Y * math.sin(turn)) * 0.5
    light = 1.0 - strength * (0.5 + slope) * dice.between(0.4, 1.0) - strength * 0.25 * _AWAY * dice.below(2)
    small = Image.fromarray((np.clip(light, 0, 1) * 255).astype(np.uint8))
    mask = small.resize(image.size, Image.Resampling.BILINEAR)
    grain = dice.pick((0, 0, 18, 36))
    if grain:
        step = dice.pick((1, 2))
        x, y = dice.below(512 - image.width), dice.below(512 - image.height)
        texture = grain_sheet().crop((x, y, x + image.width // step, y + image.height // step))
        texture = texture.point([255 - grain + grain * value // 255 for value in range(256)])
        mask = ImageChops.multiply(mask, texture.resize(image.size, Image.Resampling.NEAREST))
    return ImageChops.multiply(image, Image.merge("RGB", (mask, mask, mask)))
