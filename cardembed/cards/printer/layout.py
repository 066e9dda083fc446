"""Where things stand on a card: frames, text blocks and the composition of a whole card."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from cardembed.cards.card import Card
from cardembed.cards.printer.artwork import ART_SIZE, FOCUS, paint_artwork
from cardembed.cards.printer.colours import BLACK, WHITE, Colour, luminance, mix
from cardembed.cards.printer.dice import Dice
from cardembed.cards.printer.finishes import Box, gild, lay_foil
from cardembed.cards.printer.marks import element_colour, element_mark, set_mark
from cardembed.cards.printer.sets import SetStyle, set_style
from cardembed.cards.printer.shapes import star
from cardembed.cards.printer.text import measure, write, write_fitted, write_wrapped
from cardembed.cards.printer.words import ELEMENTS, artist, attack_name, rule

__all__ = ["CARD_SIZE", "LAYOUTS", "compose"]

CARD_SIZE = (180, 252)
"""Width and height of a printed card in pixels."""


_Y, _X = np.mgrid[0:1:84j, 0:1:60j].astype(np.float32)


@dataclass(frozen=True, slots=True)
class Frame:
    """A layout: the artwork's window, the middle of the header line, the top of the text, how it looks."""

    window: Box
    header: int
    text: int
    panel: bool = False
    strip: bool = False
    arch: bool = False


LAYOUTS: dict[str, Frame] = {
    "classic": Frame((18, 30, 162, 122), 20, 136, strip=True),
    "modern": Frame((12, 28, 168, 132), 18, 138),
    "wide": Frame((8, 26, 172, 118), 16, 124, panel=True),
    "arched": Frame((14, 26, 166, 134), 17, 140, panel=True, arch=True),
    "support": Frame((16, 46, 164, 138), 36, 146, panel=True),
    "full": Frame((5, 5, 175, 247), 18, 152),
}
"""Frames by name; cards whose layout is none of these get "classic"."""


def compose(card: Card, seed: int) -> Image.Image:
    """Print the card, see `print_card`."""
    style = set_style(seed, card.set_code)
    dice = Dice("face", seed, card.id)
    frame = LAYOUTS.get(card.layout, LAYOUTS["classic"])
    full = card.layout == "full"
    tone = element_colour(card.element)
    art = paint_artwork(seed, card.artwork, card.element)
    if full:
        image = Image.new("RGB", CARD_SIZE, style.border)
        image.paste(art, (5, 5))
        _veil(image, (5, 148, 175, 247), style.paper, 0.62)
    else:
        image = _body(style, tone).copy()
    draw = ImageDraw.Draw(image)
    if not full:
        _window(image, draw, frame, style, art)
        if frame.panel:
            left, right = style.margin + 4, 180 - style.margin - 4
            draw.rectangle(
                [left, frame.text - 3, right, 224], fill=style.paper, outline=mix(tone, BLACK, 0.3)
            )
    body_ink = BLACK if luminance(_middle(tone)) > 125 else WHITE
    ink = BLACK if full or frame.panel else body_ink
    _header(image, draw, card, frame=frame, full=full, tone=tone)
    if card.hp is None:
        _rules(draw, dice, frame, ink)
    else:
        _attacks(image, draw, dice, card, frame=frame, ink=ink, trim=style.trim)
    _footer(image, draw, dice, card, style=style, ink=BLACK if full else body_ink)
    if card.finish == "holo":
        box = _shining(frame, style, dice, full)
        lay_foil(image, box, style.foil, dice, 0.6 if box == frame.window and not full else 0.44)
    elif card.finish == "gold":
        image = _gilded(image, frame, dice, style, full)
    return image


def _shining(frame: Frame, style: SetStyle, dice: Dice, full: bool) -> Box:
    """Holo cards shine in the window; full ones and some others all over inside the border."""
    if full or dice.chance(0.25):
        return (style.margin, style.margin, 180 - style.margin, 252 - style.margin)
    return frame.window


def _gilded(image: Image.Image, frame: Frame, dice: Dice, style: SetStyle, full: bool) -> Image.Image:
    """Gold all over, less of it on the artwork; a line in the set's own colour stays at the edge."""
    box = (20, 30, 160, 148) if full else frame.window
    golden = gild(image, dice, 0.72)
    golden.paste(Image.blend(image.crop(box), golden.crop(box), 0.5), box[:2])
    ImageDraw.Draw(golden).rectangle([0, 0, 179, 251], outline=style.border, width=3)
    return golden


def _veil(image: Image.Image, box: Box, colour: Colour, share: float) -> None:
    part = image.crop(box)
    image.paste(Image.blend(part, Image.new("RGB", part.size, colour), share), box[:2])


def _middle(tone: Colour) -> Colour:
    """The mean colour of a body, see `_body`."""
    return mix(mix(tone, WHITE, 0.5), mix(tone, BLACK, 0.12), 0.6)


@lru_cache(maxsize=512)
def _body(style: SetStyle, tone: Colour) -> Image.Image:
    """Border and body of an element's cards in a set."""
    image = Image.new("RGB", CARD_SIZE, style.border)
    y, x = _Y, _X
    shade = {
        "smooth": 0.5 + 0.3 * y,
        "rays": 0.6 + 0.25 * np.sin(np.arctan2(y - 0.4, x - 0.5) * 16),
        "stripes": 0.6 + 0.25 * np.sign(np.sin((x + y) * 40)),
        "grain": 0.45 + 0.4 * Dice("grain", style.foil, style.symbol).noise(84, 60),
        "rings": 0.6 + 0.25 * np.sin(np.hypot(x - 0.5, y - 0.5) * 60),
        "scales": 0.6 + 0.25 * np.sin(x * 50) * np.sin(y * 70),
        "slope": 0.3 + 0.6 * (x + y) / 2,
    }[style.pattern]
    light, dark = np.array(mix(tone, WHITE, 0.5)), np.array(mix(tone, BLACK, 0.12))
    pixels = light + (dark - light) * np.clip(shade, 0, 1)[..., None]
    inner = (180 - 2 * style.margin, 252 - 2 * style.margin)
    field = Image.fromarray(pixels.astype(np.uint8)).resize(inner, Image.Resampling.BICUBIC)
    image.paste(field, (style.margin, style.margin))
    draw = ImageDraw.Draw(image)
    draw.rectangle(
        [style.margin, style.margin, 179 - style.margin, 251 - style.margin], outline=style.trim, width=1
    )
    return image


def _window(
    image: Image.Image, draw: ImageDraw.ImageDraw, frame: Frame, style: SetStyle, art: Image.Image
) -> None:
    left, top, right, bottom = frame.window
    width, height = right - left, bottom - top
    x = max(0, min(FOCUS[0] - width // 2, ART_SIZE[0] - width))
    y = max(0, min(FOCUS[1] - height // 2, ART_SIZE[1] - height))
    view = art.crop((x, y, x + width, y + height))
    if frame.arch:
        image.paste(view, (left, top), _arch(width, height))
    else:
        image.paste(view, (left, top))
        draw.rectangle([left - 2, top - 2, right + 1, bottom + 1], outline=style.trim, width=2)
        draw.line(
            [left - 2, bottom + 1, right + 1, bottom + 1, right + 1, top - 2],
            fill=mix(style.trim, BLACK, 0.45),
        )
    if frame.strip:
        draw.rectangle([left + 10, bottom + 1, right - 10, bottom + 9], fill=style.trim)


@lru_cache(maxsize=4)
def _arch(width: int, height: int) -> Image.Image:
    mask = Image.new("L", (width * 2, height * 2), 0)
    ImageDraw.Draw(mask).rounded_rectangle([0, 0, width * 2 - 1, height * 2 - 1], radius=52, fill=255)
    return mask.reduce(2)


def _header(
    image: Image.Image, draw: ImageDraw.ImageDraw, card: Card, *, frame: Frame, full: bool, tone: Colour
) -> None:
    ink = WHITE if full or luminance(_middle(tone)) < 125 else BLACK
    halo = BLACK if full else None
    y = frame.header
    if card.hp is None:
        if not full:
            draw.rectangle([14, 12, 166, 24], fill=mix(tone, BLACK, 0.45))
        write(draw, (90, 18), card.element.upper() or "CARD", 8, WHITE, anchor="m", bold=True, halo=halo)
        write_fitted(draw, (18, y if not full else 32), card.name, 11, ink, width=144, halo=halo)
        return
    image.paste(element_mark(card.element, 14), (152, y - 7), element_mark(card.element, 14))
    write_fitted(draw, (15, y), card.name, 11.5, ink, width=94, halo=halo)
    write(
        draw,
        (149, y),
        f"{card.hp}",
        11.5,
        WHITE if full or ink == WHITE else (170, 16, 24),
        anchor="r",
        bold=True,
        halo=halo,
    )
    write(draw, (149 - 7 * len(str(card.hp)) - 4, y + 1), "HP", 6, ink, anchor="r", halo=halo)


def _attacks(
    image: Image.Image,
    draw: ImageDraw.ImageDraw,
    dice: Dice,
    card: Card,
    *,
    frame: Frame,
    ink: Colour,
    trim: Colour,
) -> None:
    if frame.strip:
        strip_ink = BLACK if luminance(trim) > 110 else WHITE
        weight = (
            f"No. {dice.whole(1, 999)}  {dice.whole(1, 9)}'{dice.whole(0, 11)}\"  {dice.whole(3, 980)} lb"
        )
        write(draw, (90, frame.window[3] + 5), weight, 6, strip_ink, anchor="m")
    count = 1 + dice.chance(0.65)
    y = float(frame.text + 3)
    left, right = 18, 162
    if dice.chance(0.2):
        draw.rectangle([left, y, left + 26, y + 8], fill=(190, 40, 40))
        write(draw, (left + 13, y + 4), "Power", 6, WHITE, anchor="m")
        write(draw, (left + 30, y + 4), attack_name(dice), 8, ink, bold=True)
        y = write_wrapped(draw, (left, y + 11), rule(dice), 6, ink, width=right - left) + 3
        count = 1
    space = (222 - y) / count
    for _ in range(count):
        middle = y + 6
        dots = dice.whole(1, 4)
        for dot in range(dots):
            mark = element_mark(card.element if dice.chance(0.6) else dice.pick(ELEMENTS), 9)
            image.paste(mark, (left + 10 * dot, int(middle) - 5), mark)
        x = left + 10 * dots + 5
        write_fitted(draw, (x, middle), attack_name(dice), 9, ink, width=right - 22 - x)
        if dice.chance(0.9):
            damage = f"{10 * dice.whole(1, 26)}" + dice.pick(("", "", "", "+", "x"))
            write(draw, (right, middle), damage, 11, ink, anchor="r", bold=True)
        if dice.chance(0.75) and space > 20:
            write_wrapped(draw, (left, y + 14), rule(dice), 7 if count == 1 else 6, ink, width=right - left)
        y += space


def _rules(draw: ImageDraw.ImageDraw, dice: Dice, frame: Frame, ink: Colour) -> None:
    y = float(frame.text + 4)
    for _ in range(dice.whole(2, 4)):
        if y > 202:
            break
        y = write_wrapped(draw, (20, y), rule(dice), 7, ink, width=138) + 5


def _footer(
    image: Image.Image,
    draw: ImageDraw.ImageDraw,
    dice: Dice,
    card: Card,
    *,
    style: SetStyle,
    ink: Colour,
) -> None:
    if card.hp is not None:
        for place, name in enumerate(("weak", "resist", "retreat")):
            x = 20 + 52 * place
            write(draw, (x, 230), name, 6, ink)
            for extra in range(dice.below(3) if place else 1):
                mark = element_mark(dice.pick(ELEMENTS), 8)
                image.paste(mark, (x + 22 + 9 * extra, 226), mark)
    mark = set_mark(style.symbol, style.symbol_colour, 13)
    window = LAYOUTS.get(card.layout, LAYOUTS["classic"]).window
    where = (154, 142) if card.layout == "full" else (window[2] - 16, window[3] - 7)
    image.paste(mark, where, mark)
    small = set_mark(style.symbol, style.symbol_colour, 9)
    image.paste(small, (15, 234), small)
    code, (number, _, total) = f"{card.set_code} ", card.number.partition("/")
    after = 26 + measure(code, 6.5)
    write(draw, (26, 239), card.set_code, 6.5, ink)
    write(draw, (after, 239), number, 6.5, ink)
    if total:
        write(draw, (after + measure(number, 6.5), 239), f"/{total}", 6.5, ink)
    _rarity(draw, card.rarity, ink)
    write(draw, (164, 239), artist(dice), 5.5, ink, anchor="r")


def _rarity(draw: ImageDraw.ImageDraw, rarity: str, ink: Colour) -> None:
    if rarity == "common":
        draw.ellipse([86, 236, 91, 241], fill=ink)
    elif rarity == "uncommon":
        draw.polygon([88, 235, 92, 239, 88, 243, 84, 239], fill=ink)
    else:
        count = {"rare": 1, "rare holo": 1, "ultra rare": 2}.get(rarity, 3)
        for step in range(count):
            points = star(complex(84 + 8 * step, 239), 4.2, 5, 0.45)
            draw.polygon(points.view(np.float64).tolist(), fill=ink)
