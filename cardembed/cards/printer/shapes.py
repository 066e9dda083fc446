"""Outlines as arrays of complex numbers (x + iy), y downwards, and a brush that fills and shades them."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

from cardembed.cards.printer.colours import BLACK, WHITE, Colour, mix
from cardembed.cards.printer.dice import Dice

__all__ = ["Brush", "Outline", "blob", "circle", "curve", "limb", "petal", "polygon", "star"]

Outline = NDArray[np.complex128]

_HALF_TURN = np.exp(1j * np.linspace(-np.pi / 2, np.pi / 2, 6))
_TENTHS = np.linspace(0, 1, 10)
_EIGHTHS = np.linspace(0, 1, 8)
_RIM = _EIGHTHS + 1j * np.sin(np.pi * _EIGHTHS) ** 0.8
_LEAF = np.concatenate((_RIM, _RIM.conj()[::-1]))


@lru_cache(maxsize=64)
def _turns(count: int) -> Outline:
    turns: Outline = np.exp(2j * np.pi * np.arange(count) / count)
    return turns


def circle(centre: complex, width: float, height: float | None = None, turn: float = 0.0) -> Outline:
    """An ellipse with half axes `width` and `height`, turned by `turn` radians."""
    unit = _turns(22)
    points = unit * width if height is None else unit.real * width + 1j * unit.imag * height
    return points * cmath.exp(1j * turn) + centre if turn else points + centre


def blob(dice: Dice, centre: complex, width: float, height: float, rough: float = 0.15) -> Outline:
    """An ellipse with a wavy rim."""
    unit = _turns(28)
    angle = np.angle(unit)
    rim = np.ones(28)
    for wave in (2, 3, 5):
        rim += rough / wave * dice.between(-1.6, 1.6) * np.cos(wave * angle + dice.between(0, 6.28))
    return np.asarray((unit.real * width + 1j * unit.imag * height) * rim + centre, dtype=np.complex128)


def polygon(centre: complex, radius: float, corners: int, turn: float = 0.0) -> Outline:
    """A regular polygon."""
    return _turns(corners) * radius * cmath.exp(1j * turn) + centre


def star(centre: complex, radius: float, points: int, inner: float, turn: float = -math.pi / 2) -> Outline:
    """A star whose notches reach in to `inner` times the radius."""
    reach = np.where(np.arange(2 * points) % 2 == 0, radius, radius * inner)
    return _turns(2 * points) * reach * cmath.exp(1j * turn) + centre


def limb(start: complex, end: complex, thick: float, thin: float) -> Outline:
    """A tapered bar with round ends."""
    along = (end - start) / (abs(end - start) or 1.0)
    return np.concatenate((end + _HALF_TURN * (thin * along), start - _HALF_TURN * (thick * along)))


def curve(
    start: complex, heading: float, length: float, bend: float, *, thick: float, thin: float
) -> Outline:
    """A tapered band that bends by `bend` radians on its way."""
    direction = np.exp(1j * (heading + bend * _TENTHS))
    middle = start + (np.cumsum(direction) - direction) * (length / 9)
    half = 1j * direction * (thick + (thin - thick) * _TENTHS)
    return np.concatenate((middle + half, (middle - half)[::-1]))


def petal(start: complex, end: complex, width: float) -> Outline:
    """A pointed leaf from `start` to `end`."""
    return start + (end - start) * (_LEAF.real + 1j * width * _LEAF.imag)


@dataclass(slots=True)
class Brush:
    """Draws outlines given in a figure's own units (about -1 … 1) at its place on the canvas.

    Args:
        draw: The canvas.
        place: Where the figure's origin lies, in canvas pixels.
        scale: Canvas pixels a unit, turned by its angle.
        mirrored: Whether left and right are exchanged.
        line: Colour of contours.
        weight: Thickness of contours in canvas pixels; 0 for none.
        light: Where the light comes from, as a unit vector (x + iy) in canvas directions.
        depth: Strength of the shading, 0 (flat) … 1.
    """

    draw: ImageDraw.ImageDraw
    place: complex
    scale: complex
    mirrored: bool = False
    line: Colour = BLACK
    weight: float = 2.0
    light: complex = -0.6 - 0.8j
    depth: float = 0.6

    def at(self, outline: Outline) -> Outline:
        """The outline in canvas pixels."""
        return (-outline.conj() if self.mirrored else outline) * self.scale + self.place

    def fill(self, outline: Outline, colour: Colour) -> None:
        """Fill flatly, without a contour."""
        self._polygon(self.at(outline), colour)

    def part(self, outline: Outline, colour: Colour, *, shaded: bool = True) -> None:
        """Fill with a contour around and, where shaded, a bright side and a dark side."""
        points = self.at(outline)
        centre = complex(points.sum()) / len(points)
        spokes = points - centre
        size = float(np.abs(spokes).sum()) / len(points) + 1e-6
        if self.weight:
            self._polygon(centre + spokes * (1 + self.weight / size), self.line)
        if not shaded or self.depth == 0:
            self._polygon(points, colour)
            return
        self._polygon(points, mix(colour, BLACK, 0.35 * self.depth))
        self._polygon(centre + spokes * 0.86 + self.light * size * 0.13, colour)
        self._polygon(centre + spokes * 0.5 + self.light * size * 0.3, mix(colour, WHITE, 0.4 * self.depth))

    def stroke(self, outline: Outline, colour: Colour, width: int) -> None:
        """An open line."""
        self.draw.line(self.at(outline).view(np.float64).tolist(), fill=colour, width=width, joint="curve")

    def _polygon(self, points: Outline, colour: Colour) -> None:
        self.draw.polygon(np.ascontiguousarray(points).view(np.float64).tolist(), fill=colour)
