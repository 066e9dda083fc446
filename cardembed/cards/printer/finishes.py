"""How a surface reflects: holo foil in the colours of the rainbow, brushed gold."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from cardembed.cards.printer.dice import Dice
from cardembed.cards.printer.shapes import star

__all__ = ["gild", "lay_foil"]

Box = tuple[int, int, int, int]


def lay_foil(image: Image.Image, box: Box, foil: str, dice: Dice, strength: float) -> None:
    """Lay a rainbow foil over a part of the card, in place.

    Args:
        image: The card, mode "RGB".
        box: Left, top, right, bottom of the part that shines.
        foil: "bands", "cosmos", "ice", "weave" or "burst".
        dice: Where on the sheet this card was cut.
        strength: 0 … 1.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    y, x = np.mgrid[0 : 1 : (height // 2) * 1j, 0 : 1 : (width // 2) * 1j].astype(np.float32)
    turn, rate, phase = dice.between(0.3, 1.2) * dice.pick((-1, 1)), dice.between(1.0, 2.4), dice.unit()
    along = x * math.cos(turn) + y * math.sin(turn)
    hue = along * rate + phase
    if foil == "bands":
        shine = 0.55 + 0.45 * np.sin(along * dice.between(24, 44))
    elif foil == "weave":
        shine = 0.5 + 0.5 * np.sin(x * dice.between(34, 60)) * np.sin(y * dice.between(34, 60))
    elif foil == "burst":
        angle = np.arctan2(y - dice.between(0.2, 0.7), x - dice.between(0.2, 0.8))
        hue = hue * 0.3 + angle * 0.32
        shine = 0.55 + 0.45 * np.sin(angle * dice.whole(14, 26))
    else:
        shine = np.full_like(x, 0.4)
    shine = np.clip(shine, 0, 1) * strength
    layers = (
        ((hue % 1.0) * 255).astype(np.uint8),
        np.full(hue.shape, 190, dtype=np.uint8),
        (shine * 255).astype(np.uint8),
    )
    rainbow = Image.merge("HSV", [Image.fromarray(layer) for layer in layers]).convert("RGB")
    if foil in {"cosmos", "ice"}:
        _speckle(rainbow, foil, dice, strength)
    part = image.crop(box)
    image.paste(ImageChops.screen(part, rainbow.resize(part.size, Image.Resampling.BILINEAR)), box[:2])


def _speckle(rainbow: Image.Image, foil: str, dice: Dice, strength: float) -> None:
    draw = ImageDraw.Draw(rainbow)
    width, height = rainbow.size
    level = int(235 * strength)
    for _ in range(max(10, width * height // 130)):
        x, y = dice.unit() * width, dice.unit() * height
        tone = (
            int(level * dice.between(0.4, 1)),
            int(level * dice.between(0.4, 1)),
            int(level * dice.between(0.4, 1)),
        )
        if foil == "cosmos":
            radius = dice.between(0.6, 4.2)
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=tone)
        else:
            reach = dice.between(5, 14)
            points = star(complex(x, y), reach, 2, dice.between(0.3, 0.9), dice.between(0, 6.3))
            draw.polygon(points.view(np.float64).tolist(), fill=tone)


_GOLD = ((58, 176, 246, 255), (34, 120, 206, 248), (4, 24, 92, 206))  # red, green, blue from dark to bright
_RAMPS = [[int(v) for v in np.interp(np.arange(256), (0, 90, 180, 255), channel)] for channel in _GOLD]


def gild(image: Image.Image, dice: Dice, strength: float) -> Image.Image:
    """Turn the card golden: tones from dark to bright gold, with brushed streaks.

    Args:
        image: The card, mode "RGB".
        dice: The direction and rhythm of the streaks.
        strength: Share of gold in the result, 0 … 1.
    """
    grey = image.convert("L")
    golden = [grey.point(ramp) for ramp in _RAMPS]
    mixed = Image.blend(image, Image.merge("RGB", golden), strength)
    turn, rate = dice.between(0.2, 1.3) * dice.pick((-1, 1)), dice.between(5, 12)
    y, x = np.mgrid[0:1:63j, 0:1:45j].astype(np.float32)
    along = x * math.cos(turn) + y * math.sin(turn)
    streak: NDArray[np.float32] = np.clip(np.sin(along * rate + dice.between(0, 6)), 0, 1) ** 3
    sheen = Image.fromarray((streak * 92).astype(np.uint8)).resize(image.size, Image.Resampling.BILINEAR)
    warm = Image.merge(
        "RGB", (sheen, sheen.point(lambda v: int(v * 0.86)), sheen.point(lambda v: int(v * 0.45)))
    )
    return ImageChops.screen(mixed, warm)
