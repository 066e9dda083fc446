"""Small signs: elements, set symbols, rarity marks; drawn large once and kept."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from cardembed.cards.printer.colours import BLACK, WHITE, Colour, hsv, mix
from cardembed.cards.printer.shapes import Outline, circle, limb, petal, polygon, star
from cardembed.cards.printer.words import ELEMENTS

__all__ = ["element_colour", "element_mark", "set_mark"]

_COLOURS: dict[str, Colour] = {
    "ember": (226, 74, 44),
    "tide": (52, 128, 222),
    "grove": (76, 170, 66),
    "spark": (246, 200, 40),
    "mind": (164, 78, 176),
    "stone": (186, 112, 62),
    "shade": (58, 58, 84),
    "steel": (142, 152, 166),
    "drake": (34, 96, 120),
    "charm": (236, 128, 178),
    "frost": (146, 212, 232),
    "plain": (216, 208, 188),
    "item": (74, 120, 190),
    "ally": (222, 120, 60),
    "place": (70, 150, 110),
}
_SHARPNESS = 4


def element_colour(element: str) -> Colour:
    """The colour of an element; of unknown ones, one that follows from the name."""
    known = _COLOURS.get(element)
    return known if known is not None else hsv(sum(map(ord, element)) * 0.137, 0.45, 0.8)


def _shape(name: str) -> list[Outline]:
    """The outlines of a sign, within -1 … 1."""
    shapes: dict[str, list[Outline]] = {
        "star": [star(0j, 1, 5, 0.45)],
        "ring": [circle(0j, 0.95), circle(0j, 0.5)],
        "diamond": [polygon(0j, 1, 4, math.pi / 2)],
        "leaf": [petal(-0.8 + 0.8j, 0.8 - 0.8j, 0.4)],
        "bolt": [np.array([0.3 - 1j, -0.6 + 0.15j, -0.05 + 0.15j, -0.3 + 1j, 0.6 - 0.2j, 0.05 - 0.2j])],
        "moon": [circle(0j, 0.95), circle(0.4 - 0.2j, 0.7)],
        "shield": [np.array([-0.85 - 0.8j, 0.85 - 0.8j, 0.75 + 0.2j, 1j, -0.75 + 0.2j])],
        "flower": [star(0j, 1, 6, 0.55), circle(0j, 0.3)],
        "cross": [limb(-0.9 + 0j, 0.9 + 0j, 0.3, 0.3), limb(-0.9j, 0.9j, 0.3, 0.3)],
        "triangle": [polygon(0.15j, 1, 3, -math.pi / 2)],
        "eye": [petal(-1 + 0j, 1 + 0j, 0.42), circle(0j, 0.35)],
        "drop": [petal(-1.1j, 1.0j, 0.3), circle(0.3j, 0.6)],
    }
    return shapes[name]


_SIGNS = dict(
    zip(
        ELEMENTS,
        (
            "drop",
            "moon",
            "leaf",
            "bolt",
            "eye",
            "triangle",
            "ring",
            "shield",
            "star",
            "flower",
            "cross",
            "diamond",
        ),
        strict=True,
    )
)


@lru_cache(maxsize=512)
def element_mark(element: str, size: int) -> Image.Image:
    """A disc with the element's sign, `size` pixels, mode "RGBA"."""
    image = Image.new("RGBA", (size * _SHARPNESS,) * 2, (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    edge = size * _SHARPNESS - 1
    colour = element_colour(element)
    draw.ellipse([0, 0, edge, edge], fill=mix(colour, BLACK, 0.55))
    draw.ellipse([3, 3, edge - 3, edge - 3], fill=colour)
    _draw_sign(
        draw,
        _SIGNS.get(element, "star"),
        edge,
        reach=0.3,
        colour=WHITE if element != "plain" else BLACK,
        hole=colour,
    )
    return image.reduce(_SHARPNESS)


@lru_cache(maxsize=2048)
def set_mark(symbol: str, colour: Colour, size: int) -> Image.Image:
    """A set symbol with a light contour, `size` pixels, mode "RGBA"."""
    image = Image.new("RGBA", (size * _SHARPNESS,) * 2, (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    edge = size * _SHARPNESS - 1
    _draw_sign(draw, symbol, edge, reach=0.5, colour=WHITE, hole=WHITE)
    _draw_sign(draw, symbol, edge, reach=0.4, colour=colour, hole=WHITE)
    return image.reduce(_SHARPNESS)


def _draw_sign(
    draw: ImageDraw.ImageDraw, name: str, edge: int, *, reach: float, colour: Colour, hole: Colour
) -> None:
    outlines = _shape(name)
    cut = name in {"ring", "moon", "flower", "eye"}
    for place, points in enumerate(outlines):
        spots = np.asarray(points, dtype=np.complex128) * (edge * reach) + complex(edge / 2, edge / 2)
        draw.polygon(
            spots.view(np.float64).tolist(), fill=hole if cut and place == len(outlines) - 1 else colour
        )
