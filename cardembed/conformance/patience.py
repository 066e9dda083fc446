"""How often a device that gives no answer is asked again: once a run, whatever processes execute it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path

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
_TAKEN = "retry-taken"
"""The file by which the processes of a run know that one of them took it."""


class Patience:
    """One retry of what time can heal; a device that fails again is not asked any more by this process.

    A device that is there and answers nonsense, or from memory, is not asked until it pleases.

    Args:
        pause: Seconds before the retry: a device that was lost needs a moment to come back.
        folder: Of the run, the same for all its processes (xdist's workers, and those that replace crashed
            ones); this object alone counts without.
    """

    def __init__(self, pause: float = 1.0, folder: Path | None = None) -> None:
        self.pause = pause
        self._folder = folder
        self._used = False
        self.note: Callable[[InfrastructureError], object] = lambda _: None
        """Told of every failure."""
        self._broken: InfrastructureError | None = None

    def again(self, error: InfrastructureError) -> bool:
        """Whether to try once more now; waits first."""
        if self._broken is not None:
            return False
        self.note(error)
        if not isinstance(error, _OF_THE_DEVICE):
            return False
        if isinstance(error, _TIME_HEALS_NOTHING) or not self._take():
            self._broken = error
            return False
        time.sleep(self.pause)
        return True

    def _take(self) -> bool:
        """Whether the run's retry is this one."""
        if self._used:
            return False
        self._used = True
        if self._folder is None:
            return True
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            (self._folder / _TAKEN).touch(exist_ok=False)  # by one process, whoever else tries
        except FileExistsError:
            return False
        return True

    def check(self) -> None:
        """Raise what the device failed with, so that no later cell waits for it once more.

        Raises:
            InfrastructureError: It failed for good.
        """
        if self._broken is not None:
            raise copy.copy(self._broken)
