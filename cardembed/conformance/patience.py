"""How often a device that gives no answer is asked again: once a run."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

from cardembed.errors import (
    DeviceBusyError,
    DeviceLostError,
    DeviceMissingError,
    DeviceTimeoutError,
    DriverMismatchError,
    InfrastructureError,
    WrongArchitectureError,
)

__all__ = ["Patience"]

_OF_THE_DEVICE = (
    DeviceBusyError,
    DeviceLostError,
    DeviceMissingError,
    DeviceTimeoutError,
    DriverMismatchError,
    WrongArchitectureError,
)
_TIME_HEALS_NOTHING = (DriverMismatchError, WrongArchitectureError)


class Patience:
    """One retry of what time can heal; a device that fails again is not asked any more.

    A device that is there and answers nonsense, or from memory, is not asked until it pleases.

    Args:
        pause: Seconds before the retry: a device that was lost needs a moment to come back.
    """

    def __init__(self, pause: float = 1.0) -> None:
        self.pause = pause
        self.used = False
        """Whether the retry was taken."""
        self.note: Callable[[InfrastructureError], object] = lambda _: None
        """Told of every failure."""
        self._broken: InfrastructureError | None = None

    def again(self, error: InfrastructureError) -> bool:
        """Whether to try once more now; waits first."""
        if self._broken is not None:
            return False
        self.note(error)
        if self.used or not isinstance(error, _OF_THE_DEVICE) or isinstance(error, _TIME_HEALS_NOTHING):
            if isinstance(error, _OF_THE_DEVICE):
                self._broken = error
            return False
        self.used = True
        time.sleep(self.pause)
        return True

    def check(self) -> None:
        """Raise what the device failed with, so that no later cell waits for it once more.

        Raises:
            InfrastructureError: It failed for good.
        """
        if self._broken is not None:
            raise copy.copy(self._broken)
