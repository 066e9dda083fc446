"""Series, sets and how each set looks: border, body pattern, symbol.

Cards come out in series of twelve sets. In every round of a series each of its sets gets one card, in a new
order, so that neighbours in a catalogue stand in different sets; the sets of a series have twelve different
borders. Everything follows from the seed and the set's code alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cardembed.cards.printer.colours import Colour, hsv
from cardembed.cards.printer.dice import Dice

__all__ = ["SETS_IN_SERIES", "SetStyle", "series_prefix", "series_sizes", "set_style"]

SETS_IN_SERIES = 12
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BORDERS: tuple[Colour, ...] = (
    (247, 208, 58),  # yellow
    (196, 200, 206),  # silver
    (24, 24, 30),  # black
    (244, 242, 236),  # white
    (38, 62, 138),  # navy
    (150, 32, 40),  # crimson
    (28, 104, 66),  # green
    (112, 60, 140),  # violet
    (226, 122, 36),  # orange
    (92, 170, 200),  # sky
    (110, 74, 46),  # brown
    (230, 150, 178),  # rose
)
SYMBOLS = (
    "star",
    "ring",
    "diamond",
    "leaf",
    "bolt",
    "moon",
    "shield",
    "flower",
    "cross",
    "triangle",
    "eye",
    "drop",
)


@dataclass(frozen=True, slots=True)
class SetStyle:
    """How the cards of one set look.

    Args:
        border: Colour of the outermost edge.
        trim: Colour of thin lines.
        margin: Width of the border in pixels.
        pattern: Name of the body's pattern.
        layout: The set's usual layout for creatures.
        symbol: Name of the set symbol's shape.
        symbol_colour: Its colour.
        foil: Name of the set's holo pattern.
        paper: Colour of text boxes.
    """

    border: Colour
    trim: Colour
    margin: int
    pattern: str
    layout: str
    symbol: str
    symbol_colour: Colour
    foil: str
    paper: Colour


def series_prefix(series: int) -> str:
    """Two letters (and from the 677th series on a number) that no other series has."""
    around, place = divmod(series, 676)
    first, second = divmod((place * 225 + 407) % 676, 26)
    return _LETTERS[first] + _LETTERS[second] + (str(around) if around else "")


def series_sizes(seed: int, series: int) -> list[int]:
    """How many cards each set of a series has."""
    dice = Dice("series", seed, series)
    return [dice.whole(96, 208) for _ in range(SETS_IN_SERIES)]


@lru_cache(maxsize=4096)
def set_style(seed: int, code: str) -> SetStyle:
    """The look of the set `code`."""
    dice = Dice("set", seed, code)
    order = Dice("borders", seed, code[:-1]).shuffled(range(SETS_IN_SERIES))
    place = (ord(code[-1]) if code else 0) % SETS_IN_SERIES
    border = _BORDERS[order[place]]
    return SetStyle(
        border=border,
        trim=dice.pick(((250, 236, 170), (236, 236, 240), (40, 36, 44), (206, 164, 60))),
        margin=dice.whole(5, 10),
        pattern=dice.pick(("smooth", "rays", "stripes", "grain", "rings", "scales", "slope")),
        layout=dice.pick(("classic", "classic", "modern", "wide", "arched")),
        symbol=dice.pick(SYMBOLS),
        symbol_colour=hsv(dice.unit(), dice.between(0.4, 1.0), dice.between(0.2, 0.9)),
        foil=dice.pick(("bands", "cosmos", "ice", "weave", "burst")),
        paper=dice.pick(((246, 240, 222), (232, 236, 244), (252, 252, 250), (226, 214, 190))),
    )
