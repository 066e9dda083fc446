"""A point in time that an answer has to come before, on the monotonic clock."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from cardembed.errors import DeviceTimeoutError, UsageError

__all__ = ["Deadline"]


@dataclass(frozen=True, slots=True)
class Deadline:
    """`seconds` from now; made by `Deadline.after`."""

    seconds: float
    """What was allowed."""
    end: float
    """`time.monotonic()` at which it is over."""

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """A deadline from now.

        Raises:
            UsageError: Not a positive, finite number.
        """
        if not (math.isfinite(seconds) and seconds > 0):
            raise UsageError(
                "timeout",
                expected="a positive number of seconds",
                found=repr(seconds),
                action="set how long an answer may take",
            )
        return cls(seconds, time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds until it is over, never below 0."""
        return max(0.0, self.end - time.monotonic())

    @property
    def left_ms(self) -> int:
        """Whole milliseconds until it is over, at least 1: HailoRT takes 0 for "do not wait"."""
        return max(1, int(self.left * 1000))

    def over(self, what: str) -> DeviceTimeoutError:
        """The error for `what` that did not end in time."""
        return DeviceTimeoutError(
            what,
            expected=f"an answer within {self.seconds:g} s",
            found="none",
            action="check the device with `hailortcli fw-control identify`; the next call starts anew",
        )
