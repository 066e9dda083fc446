"""Photos of what is no card of the game: tables, hands, blanks, other printed matter, card backs, scenes."""

from __future__ import annotations

from cardembed.cards.photo_conditions import HELD_OUT
from cardembed.cards.unknowns.simulate import UNKNOWNS, Unknown, simulate_unknown

__all__ = ["HELD_OUT", "UNKNOWNS", "Unknown", "simulate_unknown"]
