"""What a mutation is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BLOCK", "DAMAGE", "Mutation", "NotApplicableError", "mutations"]

BLOCK = 16_384
"""Numbers in a block of weights that is zeroed: 64 KiB of float32."""


DAMAGE = (
    "a bias is zero",
    "a block of weights is zero",
    "two channels are swapped",
    "a GELU is approximated",
    "a LayerNorm's eps is ten times",
    "the L2 normalisation is missing",
    "BGR is read as RGB",
)
"""Ways in which an artefact can be wrong, from the plain to the subtle."""


class NotApplicableError(Exception):
    """The artefact has nothing that this mutation changes, such as a GELU; the table shows it so."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One way to damage an artefact."""

    name: str
    """For the table."""
    write: Callable[[Path, Path], str]
    """Reads an artefact and writes its damaged copy; returns what was changed, as the artefact calls it.

    Raises `NotApplicableError`, and what reading an artefact raises.
    """


def mutations(writers: Sequence[Callable[[Path, Path], str]]) -> tuple[Mutation, ...]:
    """What does each kind of `DAMAGE` to one kind of artefact, in its order."""
    return tuple(Mutation(name, write) for name, write in zip(DAMAGE, writers, strict=True))
