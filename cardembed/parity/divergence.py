"""Finding the first value at which two traces part.

Runtimes split layers differently: one runtime's LayerNorm is another's five operations, whose results the
first never shows. So a value without a counterpart proves nothing while all that is computed from it leads to
values that have one, or what is computed from it directly does. One of many descendants is not enough: the
length of an embedding hardly moves with what it is computed from.
The first divergence is the earliest other value, and its own inputs are in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cardembed.parity.classes import Agreement, agreement
from cardembed.parity.trace import Trace, Value

__all__ = ["TOLERANCE", "Divergence", "compare_traces"]

TOLERANCE = 1e-5
"""Largest difference of a moment, relative to the value's deviation: ten times what summing in another order
costs in float32, in which artefacts with float16 numbers are computed, too. Embeddings, whose coordinates are
smaller, agree within a tenth."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """How two traces compare."""

    first: Value | None
    """The candidate's first value that departs; None where the embeddings agree."""
    matched: int
    """Values of the candidate that have a counterpart."""
    telling: int
    """Values of the candidate that could have one."""
    outcome: Agreement
    """How the embeddings compare."""
    after: str
    """The reference's last value before it that has a counterpart, as the reference calls it; "" without."""


class _Counterparts:
    """The reference's values by their size."""

    def __init__(self, values: Sequence[Value], tolerance: float) -> None:
        self._tolerance = tolerance
        grouped: dict[int, list[Value]] = {}
        for value in values:
            if value.telling:
                grouped.setdefault(value.size, []).append(value)
        self._groups = {
            size: (np.array([value.moments for value in group]), group) for size, group in grouped.items()
        }

    def of(self, value: Value) -> Value | None:
        """The nearest of the same size, where all moments are within the tolerance."""
        if value.size not in self._groups:
            return None
        moments, group = self._groups[value.size]
        scale = max(value.moments[1], abs(value.moments[0]))
        distance = np.abs(moments - np.array(value.moments)).max(axis=1) / scale
        nearest = int(np.argmin(np.where(np.isnan(distance), np.inf, distance)))
        return group[nearest] if distance[nearest] <= self._tolerance else None


def compare_traces(reference: Trace, candidate: Trace, *, tolerance: float = TOLERANCE) -> Divergence:
    """Compare two runs on the same input.

    Args:
        reference: What is right.
        candidate: What is asked about.
        tolerance: See `TOLERANCE`.
    """
    counterparts = _Counterparts(reference.values, tolerance)
    found = {value.name: counterparts.of(value) for value in candidate.values if value.telling}
    sound = _sound(candidate.values, {name for name, one in found.items() if one is not None})
    outcome = agreement(reference.embeddings, candidate.embeddings)
    first = None
    if not outcome.largest_difference <= tolerance / 10:
        depending = _depending(candidate.values)
        suspects = [value for value in depending if value.telling and value.name not in sound]
        names = {value.name for value in suspects}
        # Without a suspect, what differs is the output alone, such as one that nobody normalised.
        first = next((value for value in suspects if not names & set(value.inputs)), candidate.values[-1])
    matched = [one for one in found.values() if one is not None]
    return Divergence(
        first=first,
        matched=len(matched),
        telling=len(found),
        outcome=outcome,
        after=_before(candidate.values, found, first),
    )


def _depending(values: Sequence[Value]) -> list[Value]:
    """The input, which is the first, and what is computed from it; not what weights alone decide."""
    reached = {value.name for value in values[:1]}
    for value in values:
        if not reached.isdisjoint(value.inputs):
            reached.add(value.name)
    return [value for value in values if value.name in reached]


def _sound(values: Sequence[Value], matched: set[str]) -> set[str]:
    """Names of values that have a counterpart, or need none by what they lead to."""
    readers: dict[str, list[str]] = {value.name: [] for value in values}
    for value in values:
        for name in value.inputs:
            readers[name].append(value.name)
    proven = set(matched)
    for value in reversed(values[:-1]):  # the last one is the output
        if proven.issuperset(readers[value.name]):
            proven.add(value.name)
    return proven | {name for name, after in readers.items() if not proven.isdisjoint(after)}


def _before(values: Sequence[Value], found: dict[str, Value | None], first: Value | None) -> str:
    last = ""
    for value in values:
        if first is not None and value.name == first.name:
            break
        counterpart = found.get(value.name)
        if counterpart is not None:
            last = counterpart.name
    return last
