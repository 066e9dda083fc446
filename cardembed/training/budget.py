"""How long a run lasts and what follows from it: one-cycle learning rate and margin ramp."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from cardembed.errors import UsageError

__all__ = ["Budget", "check_length", "one_cycle", "ramp"]


def check_length(steps: int | None, minutes: float | None) -> None:
    """A run lasts a number of steps or of minutes above 0; UsageError where neither or both are given."""
    if (steps is None) == (minutes is None) or (steps or minutes or 0) <= 0:
        raise UsageError(
            "length of training",
            expected="either --steps or --minutes, more than 0",
            found=f"steps {steps}, minutes {minutes}",
            action="give one of them",
        )


class Budget:
    """A run's length in steps or in minutes; time spent before an interruption counts.

    Args:
        steps: Number of optimiser steps, or None.
        minutes: Wall-clock minutes of training, or None. Exactly one of the two is given.
        done: Steps done before this start.
        elapsed: Seconds spent before this start.

    Raises:
        UsageError: Both or neither given, or not positive.
    """

    def __init__(
        self, *, steps: int | None, minutes: float | None, done: int = 0, elapsed: float = 0.0
    ) -> None:
        check_length(steps, minutes)
        self.steps = steps
        self.minutes = minutes
        self.step = done
        self._start = time.monotonic() - elapsed

    @classmethod
    def continued(
        cls, state: Mapping[str, Any] | None, *, steps: int | None, minutes: float | None
    ) -> Budget:
        """The budget of a run that goes on from a checkpoint with "step" and "elapsed", or a new one."""
        if state is None:
            return cls(steps=steps, minutes=minutes)
        return cls(steps=steps, minutes=minutes, done=int(state["step"]), elapsed=float(state["elapsed"]))

    @property
    def elapsed(self) -> float:
        """Seconds spent training."""
        return time.monotonic() - self._start

    @property
    def progress(self) -> float:
        """Share of the run that is done, 0 to 1."""
        if self.steps is not None:
            return min(1.0, self.step / self.steps)
        return min(1.0, self.elapsed / (60 * (self.minutes or 1)))

    @property
    def over(self) -> bool:
        """Whether the run has ended."""
        return self.progress >= 1


def one_cycle(progress: float, peak: float, *, warm_up: float = 0.1) -> float:
    """Learning rate: linear to `peak` over the first `warm_up` of the run, then a cosine to zero."""
    if progress < warm_up:
        return peak * (0.04 + 0.96 * progress / warm_up)
    return peak * (0.001 + 0.999 * 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up))))


def ramp(progress: float, start: float, end: float) -> float:
    """0 before `start`, 1 after `end`, linear between: the margin's share of its final value."""
    return min(1.0, max(0.0, (progress - start) / (end - start)))
