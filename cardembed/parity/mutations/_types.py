"""What a mutation is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BLOCK", "Mutation", "NotApplicableError"]

BLOCK = 16_384
"""Numbers in a block of weights that is zeroed: 64 KiB of float32."""


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
