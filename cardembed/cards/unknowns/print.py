"""Printed matter that is no card of the game: pages, packages, playing cards; and cards seen from behind."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["card_back", "playing_card", "printed"]

Colour = tuple[int, int, int]
_SYLLABLES = (
    "ka",
    "lo",
    "mi",
    "ren",
    "tu",
    "sa",
    "vor",
    "ne",
    "pi",
    "dal",
    "es",
    "or",
    "an",
    "ti",
    "bru",
    "e",
    "y",
)


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """The font that Pillow brings, at `size` pixels."""
    return ImageFont.load_default(size)


def colour(rng: np.random.Generator, low: int = 0, high: int = 255) -> Colour:
    """Any colour whose channels lie between `low` and `high`."""
    r, g, b = (int(value) for value in rng.integers(low, high + 1, 3))
    return r, g, b


def words(rng: np.random.Generator, count: int) -> str:
    """`count` words of no language."""
    lengths = rng.integers(1, 5, count)
    picks = iter(rng.integers(0, len(_SYLLABLES), int(lengths.sum())))
    return " ".join("".join(_SYLLABLES[next(picks)] for _ in range(length)) for length in lengths)


def _page(rng: np.random.Generator) -> Image.Image:
    """A page of a book, a letter, a form, a receipt, a newspaper."""
    tone = int(rng.integers(205, 256))
    paper = (tone, tone - int(rng.integers(0, 12)), tone - int(rng.integers(0, 35)))
    ink: Colour = colour(rng, 0, 70) if rng.random() < 0.85 else colour(rng, 0, 160)
    if rng.random() < 0.1:
        paper, ink = ink, paper
    width, height = 320, 320
    image = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(image)
    size = int(rng.integers(8, 22))
    columns = int(rng.integers(1, 4)) if size < 13 else 1
    column = width // columns
    text = words(rng, 90)
    y = int(rng.integers(0, 30))
    if rng.random() < 0.6:
        draw.text((8, y), words(rng, 4).title(), ink, font(int(rng.integers(18, 44))))
        y += 46
    line = round(size * rng.uniform(1.15, 1.7))
    for c in range(columns):
        for number, top in enumerate(range(y, height, line)):
            if rng.random() < 0.08:
                continue
            start = (number * 37 + c * 113) % (len(text) // 2)
            length = int(column / (0.52 * size) * (1 if rng.random() < 0.8 else rng.uniform(0.2, 1)))
            draw.text((c * column + 6, top), text[start : start + length], ink, font(size))
    if rng.random() < 0.4:
        x0, y0 = (int(value) for value in rng.integers(0, 200, 2))
        x1, y1 = x0 + int(rng.integers(30, 120)), y0 + int(rng.integers(30, 120))
        draw.rectangle((x0, y0, x1, y1), fill=colour(rng), outline=ink)
    if rng.random() < 0.25:
        for rule in range(0, height, line):
            draw.line((0, rule, width, rule), fill=colour(rng, 120, 220))
    return image


def _barcode(  # noqa: PLR0917 - a box is its numbers
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, x: int, y: int, width: int, height: int
) -> None:
    draw.rectangle((x, y, x + width, y + height), fill=(250, 250, 250))
    left = x + 4
    while left < x + width - 4:
        bar = int(rng.integers(1, 4))
        draw.rectangle((left, y + 3, left + bar - 1, y + height - 4), fill=(10, 10, 10))
        left += bar + int(rng.integers(1, 4))


def _package(rng: np.random.Generator) -> Image.Image:
    """A box, a leaflet, a magazine, a ticket: blocks of colour, big letters, a barcode."""
    width, height = 320, 320
    image = Image.new("RGB", (width, height), colour(rng))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 9))):
        x, y = (int(value) for value in rng.integers(-60, 300, 2))
        w, h = (int(value) for value in rng.integers(20, 220, 2))
        kind = int(rng.integers(4))
        if kind == 0:
            draw.rectangle((x, y, x + w, y + h), fill=colour(rng))
        elif kind == 1:
            draw.ellipse((x, y, x + w, y + h), fill=colour(rng))
        elif kind == 2:
            points = [(int(px), int(py)) for px, py in rng.integers(-40, 360, (3, 2))]
            draw.polygon(points, fill=colour(rng))
        else:
            draw.line((x, y, x + w * 2, y + h), fill=colour(rng), width=int(rng.integers(3, 30)))
    for _ in range(int(rng.integers(1, 5))):
        x, y = int(rng.integers(-30, 200)), int(rng.integers(0, 300))
        draw.text((x, y), words(rng, 2).upper(), colour(rng), font(int(rng.integers(16, 70))))
    for row in range(int(rng.integers(0, 9))):
        draw.text((20, 200 + row * 12), words(rng, 7), colour(rng), font(10))
    if rng.random() < 0.4:
        x, y = (int(value) for value in rng.integers(20, 230, 2))
        _barcode(draw, rng, x, y, int(rng.integers(50, 110)), int(rng.integers(25, 60)))
    return image


def printed(rng: np.random.Generator) -> Image.Image:
    """A page of text or a package."""
    return _page(rng) if rng.random() < 0.55 else _package(rng)


def _pip(  # noqa: PLR0917 - a disc is its numbers
    draw: ImageDraw.ImageDraw, suit: int, x: float, y: float, r: float, ink: Colour
) -> None:
    """One of the four suits, `r` pixels in radius."""
    if suit == 0:  # diamond
        draw.polygon([(x, y - r), (x + 0.75 * r, y), (x, y + r), (x - 0.75 * r, y)], fill=ink)
        return
    turn = 1 if suit == 1 else -1  # a heart, or the same upside down
    if suit in {1, 2}:
        for side in (-1, 1):
            cx, cy = x + side * 0.45 * r, y - turn * 0.3 * r
            draw.ellipse((cx - 0.5 * r, cy - 0.5 * r, cx + 0.5 * r, cy + 0.5 * r), fill=ink)
        draw.polygon(
            [(x - 0.93 * r, y - turn * 0.1 * r), (x + 0.93 * r, y - turn * 0.1 * r), (x, y + turn * r)],
            fill=ink,
        )
    else:  # club
        for cx, cy in ((x, y - 0.45 * r), (x - 0.5 * r, y + 0.2 * r), (x + 0.5 * r, y + 0.2 * r)):
            draw.ellipse((cx - 0.45 * r, cy - 0.45 * r, cx + 0.45 * r, cy + 0.45 * r), fill=ink)
    if suit != 1:
        draw.polygon([(x - 0.3 * r, y + r), (x + 0.3 * r, y + r), (x, y)], fill=ink)


def playing_card(rng: np.random.Generator) -> Image.Image:
    """A card of a French deck, of a picture deck or of a game of numbers."""
    w, h = 180, 252
    tone = int(rng.integers(225, 256))
    image = Image.new("RGB", (w, h), (tone, tone, tone - int(rng.integers(0, 14))))
    draw = ImageDraw.Draw(image)
    suit = int(rng.integers(4))
    ink: Colour = (int(rng.integers(170, 225)), 20, 30) if suit < 2 else (18, 18, 24)
    if rng.random() < 0.2:
        ink = colour(rng, 0, 200)
    kind = int(rng.choice(3, p=[0.5, 0.3, 0.2]))
    rank = str(rng.choice(["A", "2", "3", "4", "5", "6", "7", "8", "9", "10", "J", "Q", "K"]))
    if kind == 0:
        count = int(rng.integers(1, 11))
        rank = "A" if count == 1 else str(count)
        columns = [w / 2] if count < 4 else [0.32 * w, 0.68 * w]
        rows = -(-count // len(columns))
        size = 34 if count == 1 else 16
        for number in range(count):
            cx = columns[number % len(columns)] if number < count - 1 or count % 2 == 0 else w / 2
            _pip(draw, suit, cx, 0.2 * h + 0.6 * h * ((number // len(columns) + 0.5) / rows), size, ink)
    elif kind == 1:  # a court card: a figure of lozenges in a frame
        draw.rectangle((34, 34, w - 34, h - 34), outline=(30, 60, 150), width=2)
        for number in range(26):
            x, y = 42 + int(rng.integers(0, 92)), 42 + int(rng.integers(0, 78))
            dx, dy = int(rng.integers(6, 26)), int(rng.integers(6, 26))
            shade = [(200, 30, 40), (235, 195, 40), (30, 50, 140), (20, 20, 20), (250, 250, 245)][number % 5]
            for cx, cy in ((x, y), (w - x, h - y)):
                draw.polygon([(cx, cy - dy), (cx + dx, cy), (cx, cy + dy), (cx - dx, cy)], fill=shade)
    else:  # a game of numbers: one big sign on a colour
        draw.rounded_rectangle((10, 10, w - 10, h - 10), 14, fill=colour(rng))
        if rng.random() < 0.6:
            draw.ellipse((28, 60, w - 28, h - 60), fill=(250, 250, 250))
        draw.text((w / 2, h / 2), rank, ink, font(90), anchor="mm")
    draw.text((8, 4), rank, ink, font(26))
    _pip(draw, suit, 18, 44, 9, ink)
    corner = image.crop((0, 0, 44, 58)).rotate(180)
    image.paste(corner, (w - 44, h - 58))
    return image


def card_back(rng: np.random.Generator) -> Image.Image:
    """The back of a card: the game's own, or another deck's pattern."""
    if rng.random() < 0.6:
        from cardembed.cards.printer import print_back

        return print_back(int(rng.integers(0, 2**31)))
    w, h = 180, 252
    rim = colour(rng, 200, 255) if rng.random() < 0.6 else colour(rng)
    image = Image.new("RGB", (w, h), rim)
    draw = ImageDraw.Draw(image)
    inset, first, second = int(rng.integers(5, 20)), colour(rng), colour(rng)
    draw.rectangle((inset, inset, w - inset, h - inset), fill=first)
    step, kind = int(rng.integers(8, 36)), int(rng.integers(3))
    for x in range(inset, w - inset, step):
        if kind == 0:
            draw.line((x, inset, x + h, h - inset), fill=second, width=2)
            draw.line((x, h - inset, x + h, inset), fill=second, width=2)
            draw.line((x - h, inset, x, h - inset), fill=second, width=2)
            draw.line((x - h, h - inset, x, inset), fill=second, width=2)
            continue
        for y in range(inset, h - inset, step):
            r = 0.4 * step
            box = (x + step / 2 - r, y + step / 2 - r, x + step / 2 + r, y + step / 2 + r)
            if kind == 1:
                draw.ellipse(box, fill=second)
            else:
                draw.rectangle(box, outline=second, width=2)
    if rng.random() < 0.5:
        r = int(rng.integers(20, 60))
        draw.ellipse((w / 2 - r, h / 2 - r, w / 2 + r, h / 2 + r), fill=rim, outline=second, width=4)
    draw.rectangle((0, 0, w, inset), fill=rim)
    draw.rectangle((0, h - inset, w, h), fill=rim)
    draw.rectangle((0, 0, inset, h), fill=rim)
    draw.rectangle((w - inset, 0, w, h), fill=rim)
    return image
