"""Colours: RGB triples of integers 0 … 255, and the palette of a picture."""

from __future__ import annotations

import colorsys
from typing import NamedTuple

from cardembed.cards.printer.dice import Dice

__all__ = ["BLACK", "WHITE", "Colour", "Palette", "hsv", "luminance", "mix", "palette"]

Colour = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (14, 12, 18)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """A colour from hue (turns), saturation and value (both clipped to 0 … 1)."""
    red, green, blue = colorsys.hsv_to_rgb(
        hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0)
    )
    return int(red * 255), int(green * 255), int(blue * 255)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` at share 0, `second` at share 1."""
    return (
        int(first[0] + (second[0] - first[0]) * share),
        int(first[1] + (second[1] - first[1]) * share),
        int(first[2] + (second[2] - first[2]) * share),
    )


def luminance(colour: Colour) -> float:
    """Perceived brightness, 0 … 255."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


class Palette(NamedTuple):
    """The colours of one artwork."""

    sky: tuple[Colour, Colour, Colour]
    ground: tuple[Colour, Colour, Colour]
    body: Colour
    second: Colour
    accent: Colour
    line: Colour


def palette(dice: Dice) -> Palette:
    """Draw a palette: a scheme of hues, a mood for the background, a body that stands out from it."""
    base = dice.unit()
    spread = dice.pick((0.06, 0.1, 0.33, 0.5, 0.42, 0.16))
    far = base + dice.pick((0.5, 0.33, -0.33, 0.42, 0.25, -0.2)) + dice.between(-0.05, 0.05)
    mood = dice.pick(("day", "day", "dusk", "night", "pale", "vivid", "murk"))
    top, bottom, strength = {
        "day": (0.9, 1.0, 0.5),
        "dusk": (0.45, 0.95, 0.7),
        "night": (0.12, 0.42, 0.75),
        "pale": (1.0, 0.9, 0.22),
        "vivid": (0.85, 0.95, 0.95),
        "murk": (0.3, 0.5, 0.35),
    }[mood]
    sky = (
        hsv(base, strength, top),
        hsv(base + spread * 0.5, strength * 0.8, (top + bottom) / 2),
        hsv(base + spread, strength * 0.6, bottom),
    )
    soil = base + dice.between(-0.3, 0.3)
    level = dice.between(0.25, 0.8)
    ground = (
        hsv(soil, strength * 0.7 + 0.15, level),
        hsv(soil + 0.04, strength * 0.8 + 0.15, level * 0.72),
        hsv(soil + 0.08, strength + 0.1, level * 0.48),
    )
    dark_scene = top + bottom < 1.1
    value = dice.between(0.7, 1.0) if dark_scene or dice.chance(0.6) else dice.between(0.22, 0.55)
    body = hsv(far, dice.pick((0.85, 0.65, 0.45, 0.15)), value)
    second = hsv(far + dice.between(-0.2, 0.2), dice.between(0.2, 0.9), dice.between(0.35, 1.0))
    accent = hsv(far + dice.pick((0.5, 0.33, 0.15)), dice.between(0.6, 1.0), dice.between(0.75, 1.0))
    line = mix(hsv(far, 0.7, 0.15), BLACK, 0.4) if dice.chance(0.85) else hsv(far, 0.2, 0.98)
    return Palette(sky, ground, body, second, accent, line)
