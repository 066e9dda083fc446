"""Pictures that every backend is given: what the network was made for, and what drives it to its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from cardembed.embedders.preprocessing import Picture

__all__ = ["default_pictures"]

CARDS = "synthetic:4001:2"
"""Cards that no release learns; what a network computes on them is all that matters here."""


def default_pictures() -> list[Picture]:
    """A card's scan, a photo of it, something that is no card, and a grey surface; the same everywhere."""
    from cardembed.cards.catalogue import load_catalogue
    from cardembed.cards.photo_conditions import simulate_photo
    from cardembed.cards.unknowns import simulate_unknown

    catalogue = load_catalogue(CARDS)
    card = catalogue[0]
    scan = catalogue.image(card.id)
    photo = simulate_photo(scan, finish=card.finish, condition="occluded", severity=2, seed=1).image
    table = simulate_unknown("wood", severity=2, seed=1).image
    return [scan, photo, table, Image.new("RGB", (64, 64), (124, 116, 104))]
