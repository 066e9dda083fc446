"""Timing of two ways to do the same work, in turns, so that a drift of the machine's speed hits both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Comparison", "compare", "seconds"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours against a peer on the same work."""

    name: str
    """What was timed, and the peer."""
    ours: float
    """Median seconds of ours."""
    peer: float
    """Median seconds of the peer."""
    ratio: float
    """Median over the rounds of peer seconds / our seconds: above 1, ours is faster."""
    rounds: int
    """Counted rounds, each with one run of both."""
    limit: float | None = None
    """The ratio that is asked for, if one is."""

    def row(self) -> str:
        """One line of the table."""
        asked = (
            ""
            if self.limit is None
            else f"  (asked: at least {self.limit:g}{'' if self.met else ', MISSED'})"
        )
        return f"{self.name:<66}{self.ours:>10.4f} s{self.peer:>10.4f} s{self.ratio:>9.3f}{asked}"

    @property
    def met(self) -> bool:
        """Whether the ratio is what was asked for."""
        return self.limit is None or self.ratio >= self.limit


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of one call, on a monotonic clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(
    name: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    *,
    rounds: int = 5,
    limit: float | None = None,
) -> Comparison:
    """Run both once to warm up, then `rounds` times in turn, and take medians."""
    ours()
    peer()
    pairs = [(seconds(ours), seconds(peer)) for _ in range(rounds)]
    return Comparison(
        name=name,
        ours=statistics.median(a for a, _ in pairs),
        peer=statistics.median(b for _, b in pairs),
        ratio=statistics.median(b / a for a, b in pairs),
        rounds=rounds,
        limit=limit,
    )
