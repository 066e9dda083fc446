"""How long a run lasts and what follows from it: one-cycle learning rate and margin ramp."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

__all__ = ["Budget", "one_cycle", "ramp"]


class Budget:
    """A run's length in optimiser steps; what was done before an interruption counts.

    Args:
        steps: Number of steps, 1 or more.
        done: Steps done before this start.
        elapsed: Seconds spent before this start.
    """

    def __init__(self, steps: int, *, done: int = 0, elapsed: float = 0.0) -> None:
        self.steps = steps
        self.step = done
        self._start = time.monotonic() - elapsed

    @classmethod
    def continued(cls, state: Mapping[str, Any] | None, steps: int) -> Budget:
        """The budget of a run that goes on from a checkpoint with "step" and "elapsed", or a new one."""
        if state is None:
            return cls(steps)
        return cls(steps, done=int(state["step"]), elapsed=float(state["elapsed"]))

    @property
    def elapsed(self) -> float:
        """Seconds spent training."""
        return time.monotonic() - self._start

    @property
    def progress(self) -> float:
        """Share of the run that is done, 0 to 1."""
        return min(1.0, self.step / self.steps)

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
    if end <= start:
        return float(progress >= start)
    return min(1.0, max(0.0, (progress - start) / (end - start)))
