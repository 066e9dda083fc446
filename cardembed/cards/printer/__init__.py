"""The card printer: any number of distinct invented trading cards, and card backs, from seeds.

The printer needs numpy and Pillow only and uses Pillow's embedded typeface. Its pixels are trained on:
whoever changes them raises `PRINTER_VERSION`.
"""

from __future__ import annotations

from PIL import Image

from cardembed.cards.card import Card
from cardembed.cards.printer.back import BACK_DESIGNS, paint_back
from cardembed.cards.printer.layout import CARD_SIZE, LAYOUTS, compose

__all__ = ["BACK_DESIGNS", "CARD_SIZE", "LAYOUTS", "PRINTER_VERSION", "print_back", "print_card"]

PRINTER_VERSION = "1"
"""Raised whenever the same card would look different."""


def print_card(card: Card, seed: int) -> Image.Image:
    """Print a card.

    Args:
        card: What stands on it. The artwork follows from its `artwork` and `element`, the frame from
            `element`, `set_code` and `layout`, attacks and text from `id`.
        seed: The catalogue's seed.

    Returns:
        A new picture of 180 x 252 pixels (width x height), mode "RGB"; the same at every call.
    """
    return compose(card, seed)


def print_back(seed: int) -> Image.Image:
    """Print a card back.

    Args:
        seed: Any integer from 0; neighbouring seeds show the designs in turn, in other colours.

    Returns:
        A new picture of 180 x 252 pixels (width x height), mode "RGB"; the same at every call.
    """
    return paint_back(seed)
