"""Backgrounds of artworks: a coloured field, then a scene drawn over it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cardembed.cards.printer.colours import Colour, Palette
from cardembed.cards.printer.dice import Dice
from cardembed.cards.printer.scenes import SCENES, Stage

__all__ = ["paint_backdrop"]

Field = NDArray[np.float32]
_ROWS, _COLUMNS = 40, 28
_Y, _X = np.mgrid[0 : 1 : _ROWS * 1j, 0 : 1 : _COLUMNS * 1j].astype(np.float32)
_LEVELS = np.arange(256) / 255.0


def paint_backdrop(dice: Dice, palette: Palette, size: tuple[int, int]) -> Image.Image:
    """A background of `size` (width, height) pixels, mode "RGB"."""
    half = Image.fromarray(_coloured(_field(dice), palette.sky)).resize(
        (size[0] // 2, size[1] // 2), Image.Resampling.BICUBIC
    )
    image = half.resize(
        size, Image.Resampling.NEAREST
    )  # smooth already, and interpolating costs a millisecond
    stage = Stage(ImageDraw.Draw(image), dice, palette, size, horizon=dice.between(0.34, 0.5) * size[1])
    for scene in dice.pick(SCENES):
        scene(stage)
    return image


def _coloured(field: Field, stops: tuple[Colour, Colour, Colour]) -> NDArray[np.uint8]:
    table = np.stack(
        [np.interp(_LEVELS, (0.0, 0.5, 1.0), column) for column in zip(*stops, strict=True)], axis=-1
    )
    pixels: NDArray[np.uint8] = table.astype(np.uint8)[(field * 255).astype(np.uint8)]
    return pixels


def _field(dice: Dice) -> Field:
    """A smooth map of values 0 … 1, a gradient of some kind with clouds in it."""
    kind = dice.below(6)
    dx, dy = _X - dice.between(0.2, 0.8), _Y - dice.between(0.15, 0.5)
    if kind == 0:
        field = _Y
    elif kind == 1:
        field = np.hypot(dx, dy * 1.4) * 1.3
    elif kind == 2:
        turn = dice.between(0, math.tau)
        field = 0.5 + dx * math.cos(turn) + dy * math.sin(turn)
    elif kind == 3:
        twist, arms = dice.between(4, 14), dice.whole(2, 5)
        field = 0.5 + 0.45 * np.sin(arms * np.arctan2(dy, dx) + twist * np.hypot(dx, dy))
    elif kind == 4:
        field = 0.5 + 0.45 * np.sin(dice.between(6, 22) * np.hypot(dx, dy) + dice.between(0, 6))
    else:
        a, b = dice.between(3, 12), dice.between(3, 12)
        field = 0.5 + 0.25 * (np.sin(a * _X + dice.between(0, 6)) + np.sin(b * _Y + 3 * dx))
    rough = dice.pick((0.05, 0.2, 0.45, 0.8))
    coarse = Image.fromarray((dice.noise(7, 5) * 255).astype(np.uint8))
    fine = Image.fromarray((dice.noise(17, 12) * 255).astype(np.uint8))
    for layer, share in ((coarse, 0.7), (fine, 0.3)):
        cloud = np.asarray(layer.resize((_COLUMNS, _ROWS), Image.Resampling.BICUBIC), dtype=np.float32)
        field = field + rough * share * (cloud / 255.0 - 0.5)
    return np.asarray(np.clip(field, 0, 1), dtype=np.float32)
