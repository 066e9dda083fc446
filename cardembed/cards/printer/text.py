"""Lettering with Pillow's own embedded typeface, so that no system font is needed.

Drawing a line of text costs a quarter of a millisecond, and most words come back on card after card: words
are drawn once and kept as masks.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from cardembed.cards.printer.colours import Colour
from cardembed.errors import UnavailableError

__all__ = ["measure", "write", "write_fitted", "write_wrapped"]


@lru_cache(maxsize=64)
def _font(size: float) -> ImageFont.FreeTypeFont:
    face = ImageFont.load_default(size)
    if not isinstance(face, ImageFont.FreeTypeFont):
        raise UnavailableError(
            "Pillow",
            expected="a build with FreeType",
            found="one without",
            action="install Pillow's own wheel (pip install --force-reinstall pillow)",
        )
    return face


class _Word(NamedTuple):
    mask: Image.Image
    left: int
    top: int  # from the baseline
    advance: float


@lru_cache(maxsize=8192)
def _word(text: str, size: float, bold: bool, stroke: int) -> _Word:
    font = _font(size)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text, anchor="ls", stroke_width=stroke))
    mask = Image.new("L", (max(right - left, 1) + 2, max(bottom - top, 1) + 1))
    draw = ImageDraw.Draw(mask)
    draw.text((-left, -top), text, fill=255, font=font, anchor="ls", stroke_width=stroke)
    if bold:
        draw.text((0.6 - left, -top), text, fill=255, font=font, anchor="ls", stroke_width=stroke)
    return _Word(mask, left, top, _advance(text, size))


@lru_cache(maxsize=8192)
def _advance(text: str, size: float) -> float:
    return _font(size).getlength(text)


def _space(size: float) -> float:
    return size * 0.26


def measure(text: str, size: float) -> float:
    """Width of a line in pixels."""
    words = text.split(" ")
    return sum(_advance(word, size) for word in words) + _space(size) * (len(words) - 1)


def write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: float,
    colour: Colour,
    *,
    anchor: str = "l",
    bold: bool = False,
    halo: Colour | None = None,
) -> None:
    """Write one line whose capitals are centred on `at`'s y.

    Args:
        draw: The canvas.
        at: The line's left end, middle or right end, as `anchor` says.
        text: What to write.
        size: Height of the typeface in pixels.
        colour: Of the letters.
        anchor: "l", "m" or "r".
        bold: Whether letters are thickened.
        halo: Colour of a contour of one pixel, None for none.
    """
    x, y = at[0], round(at[1] + size * 0.35)
    if anchor != "l":
        x -= measure(text, size) * (0.5 if anchor == "m" else 1.0)
    for stroke, tone in ((1, halo), (0, colour)):
        pen = x
        if tone is not None:
            for part in text.split(" "):
                word = _word(part, size, bold, stroke)
                draw.bitmap((round(pen) + word.left, y + word.top), word.mask, fill=tone)
                pen += word.advance + _space(size)


def write_fitted(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: float,
    colour: Colour,
    *,
    width: float,
    halo: Colour | None = None,
) -> None:
    """Write one bold line from its left end, smaller where it would be wider than `width`."""
    length = measure(text, size)
    if length > width:
        size = max(5.0, float(int(size * width / length)))
    write(draw, at, text, size, colour, bold=True, halo=halo)


def write_wrapped(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: float,
    colour: Colour,
    *,
    width: float,
) -> float:
    """Write lines of at most `width` pixels from the left top corner `at`; returns the y below the last."""
    left, y = at[0], round(at[1] + size * 0.8)
    pen = left
    for part in text.split(" "):
        word = _word(part, size, False, 0)
        if pen > left and pen + word.advance > left + width:
            pen = left
            y += round(size + 1)
        draw.bitmap((round(pen) + word.left, y + word.top), word.mask, fill=colour)
        pen += word.advance + _space(size)
    return y + size * 0.3
