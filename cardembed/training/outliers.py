"""Pictures that only training sees: no cards, and no family of a verdict's either.

What is no card is unlimited, and a verdict asks about kinds that nobody prepared for. A network that looks
for a few colours, edges and letters takes whatever is printed for some card of a large gallery. These
pictures share those with cards, so that only the whole picture tells them from a card: cards in pieces (arXiv
2102.05113), piled shapes (the dead leaves of arXiv 2106.05963), and printed matter cropped along its border,
as a detector crops whatever is rectangular.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cardembed._seeds import derive_seed
from cardembed.cards.photo_conditions import PHOTO_SIZE, simulate_photo
from cardembed.cards.unknowns.print import colour, printed

__all__ = ["OUTLIERS", "outlier", "scramble"]

_GRIDS = (2, 3, 4)
_SHAPES = (3, 60)


def scramble(card: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cut a card into 2 × 2, 3 × 3 or 4 × 4 tiles and put every tile elsewhere."""
    side = int(rng.choice(_GRIDS))
    width, height = card.width // side, card.height // side
    order = rng.permutation(side * side)
    pieces = Image.new("RGB", (width * side, height * side))
    for source, target in zip(order, np.roll(order, 1), strict=True):  # one cycle, so that no tile stays
        (down, across), (row, column) = divmod(int(source), side), divmod(int(target), side)
        box = (across * width, down * height, (across + 1) * width, (down + 1) * height)
        pieces.paste(card.crop(box), (column * width, row * height))
    return pieces


def _shapes(card: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Shapes of all sizes piled on each other, few or many, on paper of any colour."""
    light = int(rng.integers(215, 256))
    image = Image.new("RGB", card.size, (light, light, light) if rng.random() < 0.5 else colour(rng))
    draw = ImageDraw.Draw(image)
    ink = [colour(rng) for _ in range(int(rng.integers(1, 12)))]
    for _ in range(int(np.exp(rng.uniform(*np.log(_SHAPES))))):
        centre = rng.uniform(0, 1, 2) * card.size
        radius = card.width * (0.03 + 0.06 * rng.pareto(1.5)) * np.exp(rng.uniform(-0.5, 0.5, 2))
        (x0, y0), (x1, y1) = centre - radius, centre + radius
        fill = ink[int(rng.integers(len(ink)))]
        kind = int(rng.integers(3))
        if kind == 0:
            draw.ellipse((x0, y0, x1, y1), fill=fill)
        elif kind == 1:
            draw.rectangle((x0, y0, x1, y1), fill=fill)
        else:
            draw.polygon(_corners(centre, radius, rng), fill=fill)
    return image


def _corners(
    centre: NDArray[np.float64], radius: NDArray[np.float64], rng: np.random.Generator
) -> list[tuple[float, float]]:
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 7))))
    return [(centre[0] + radius[0] * np.cos(a), centre[1] + radius[1] * np.sin(a)) for a in angles]


def _framed_print(card: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A page, a package or a ticket of a card's proportions."""
    page = printed(rng)
    height = page.height
    width = height * card.width // card.height
    left = int(rng.integers(0, page.width - width + 1))
    return page.crop((left, 0, left + width, height))


OUTLIERS: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "framed-print": _framed_print,
    "scrambled": scramble,
    "shapes": _shapes,
}
"""By family: a card's print, RGB, and a generator to a picture of the card's size or proportions."""


def outlier(family: str, card: Image.Image, *, severity: int, seed: int) -> Image.Image:
    """A photo of one, RGB, cropped along its border as photos of cards are.

    Args:
        family: One of `OUTLIERS`.
        card: A card's print, RGB.
        severity: 1 to 5, as for `simulate_photo`.
        seed: Decides everything else.
    """
    picture = OUTLIERS[family](card, np.random.default_rng(derive_seed("outlier", family, seed)))
    if picture.size != PHOTO_SIZE:
        picture = picture.resize(PHOTO_SIZE, Image.Resampling.BICUBIC)
    return simulate_photo(picture, finish="plain", condition="clean", severity=severity, seed=seed).image
