"""What a card is, apart from its picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["FINISHES", "Card"]

FINISHES = ("plain", "holo", "gold")
"""How a card's surface reflects light. Holo and gold cards are the ones that glare."""


@dataclass(frozen=True, slots=True)
class Card:
    """One card of a catalogue.

    Args:
        id: Unique in its catalogue.
        name: What the card calls itself; several cards may share it.
        set_code: The set it was printed in.
        number: Collector number, such as "012/198".
        finish: "plain", "holo" or "gold".
        artwork: Cards with the same value show the same artwork (reprints).
        hp: Hit points, or None for cards that have none.
        rarity: From common upwards, in the catalogue's own words.
        element: The type that colours the frame; empty where unknown.
        layout: The frame's layout; empty where unknown.
    """

    id: str
    name: str
    set_code: str
    number: str
    finish: str
    artwork: str
    hp: int | None = None
    rarity: str = ""
    element: str = ""
    layout: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON can hold them."""
        return asdict(self)
