"""Photos of cards: what can happen between a print and the picture that a phone takes of it."""

from __future__ import annotations

from cardembed.cards.photo_conditions._types import CONDITIONS, HELD_OUT, PHOTO_SIZE, SimulatedPhoto
from cardembed.cards.photo_conditions.glare import GLARES
from cardembed.cards.photo_conditions.occluders import OCCLUDERS
from cardembed.cards.photo_conditions.severity import SEVERITIES, Nuisance, nuisance_limits
from cardembed.cards.photo_conditions.simulate import finish_photo, simulate_photo

__all__ = [
    "CONDITIONS",
    "GLARES",
    "HELD_OUT",
    "OCCLUDERS",
    "PHOTO_SIZE",
    "SEVERITIES",
    "Nuisance",
    "SimulatedPhoto",
    "finish_photo",
    "nuisance_limits",
    "simulate_photo",
]
