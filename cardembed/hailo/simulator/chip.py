"""The simulated chip: one a process, as a Raspberry Pi has one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.hailo.simulator.faults import current_faults
from cardembed.hailo.simulator.network import Network

__all__ = ["CHIP", "DEVICE_ID", "HANG", "Chip", "status"]

DEVICE_ID = "0000:01:00.0"
_RUNS = {"HAILO8": {"hailo8", "hailo8l"}, "HAILO8L": {"hailo8l"}}
_ALONE = {"HAILO8L", "HAILO15M", "HAILO10H"}
"""A VDevice has one of these, never several."""
_UNIQUE = "UNIQUE"
"""The group id of who shares the device with nobody."""
_CLOCK = 200_000_000  # Hz, as a Hailo-8L's
HANG = 2.0
"""Seconds that a call hangs under the fault of that name."""
_LATE = 0.8
"""Part of HailoRT's timeout that a frame takes whose callback is late."""


def status(number: int) -> Exception:
    """The bare exception of a status."""
    # Imported here: `hailo_platform` is made of classes that use the chip.
    from cardembed.hailo.simulator.hailo_platform.pyhailort._pyhailort import HailoRTStatusException

    return HailoRTStatusException(number)


class Chip:
    """State of the device."""

    def __init__(self) -> None:
        self._owners: list[object] = []
        """The VDevices that have it: one, or those of a group."""
        self._params: Any = None
        """How the first of them opened it."""
        self.lost = False
        """Whether it is gone."""
        self.swapped = False
        """Whether it is not the one any more that was there first."""
        self.frames = 0
        """Since it was opened."""
        self._noise = np.random.default_rng()
        self._mutex = threading.Lock()

    def scan(self) -> list[str]:
        """Ids of the attached devices."""
        faults = current_faults()
        if faults.driver_mismatch:
            raise status(76)
        return [] if faults.no_device or self.lost else [DEVICE_ID]

    def open(self, owner: object, params: Any) -> Any:  # noqa: ANN401 - it would import in a circle
        """Give it to a VDevice, or to another one of its owner's group.

        Args:
            owner: The VDevice.
            params: Its VDeviceParams.

        Returns:
            The parameters that hold: in a group, those of its first VDevice.
        """
        faults, device_ids = current_faults(), list(params.device_ids)
        with self._mutex:
            if self._owners and self._params.group_id == params.group_id != _UNIQUE:
                if params.device_count != 1 or device_ids not in ([], [DEVICE_ID]):
                    raise status(6)
                self._owners.append(owner)
                return self._params
        if self.lost and faults.swapped_after is not None:
            self.lost, self.swapped = False, True
        found = self.scan()
        if any(name not in found for name in device_ids):
            raise status(2)
        if not found:
            raise status(74)
        if params.device_count != 1:
            raise status(6 if faults.architecture in _ALONE else 74)
        with self._mutex:
            if faults.busy or self._owners:
                raise status(73 if device_ids else 74)
            self._owners, self._params, self.frames = [owner], params, 0
        return params

    def release(self, owner: object) -> None:
        """Take it back; it is free once all of a group gave it back."""
        with self._mutex:
            self._owners = [one for one in self._owners if one is not owner]

    @property
    def taken(self) -> bool:
        """Whether a VDevice has it."""
        return bool(self._owners)

    def restore(self) -> None:
        """Have the first one back, as if nothing had been."""
        self.lost = self.swapped = False

    def alive(self) -> None:
        """Raise status 36 where it is gone: the driver's calls fail."""
        if self.lost:
            raise status(36)

    def check_architecture(self, architecture: str) -> None:
        """Raise status 93 where it does not run a HEF of this architecture, in older libraries 26."""
        faults = current_faults()
        if architecture not in _RUNS.get(faults.architecture, {faults.architecture.lower()}):
            raise status(26 if faults.older_library else 93)

    @property
    def hangs(self) -> bool:
        """Whether the next frame's call is going to hang."""
        return _due(current_faults().hang_after, self.frames + 1)

    @property
    def late(self) -> bool:
        """Whether what follows the last frame, its callback or its read, is late."""
        return _due(current_faults().late_callback_after, self.frames)

    def run(
        self, network: Network, frame: NDArray[np.uint8], timeout_ms: Callable[[], float]
    ) -> NDArray[Any]:
        """Run a frame, unless a fault is due; the timeout is asked for where it does not end."""
        faults = current_faults()
        self.alive()
        self.frames += 1
        if _due(faults.hang_after, self.frames):
            time.sleep(HANG)
        if self.late:
            time.sleep(_LATE * timeout_ms() / 1000)
        if _due(faults.timeout_after, self.frames):
            time.sleep(timeout_ms() / 1000)
            raise status(4)
        if _due(faults.lost_after, self.frames) or (
            not self.swapped and _due(faults.swapped_after, self.frames)
        ):
            self.lost = True
            self.alive()
        if faults.throttled:
            time.sleep(0.02)
        out: NDArray[Any] = network.run(frame)
        if faults.nondeterministic:
            top = np.iinfo(out.dtype).max
            moved = out.astype(np.int64) + self._noise.integers(-1, 2, out.shape)
            out = moved.clip(0, top).astype(out.dtype)
        return out

    @property
    def serial_number(self) -> str:
        """Of the board."""
        return "SIMULATED-2" if self.swapped else "SIMULATED"

    @property
    def temperature(self) -> float:
        """In °C."""
        return 104.0 if current_faults().throttled else 51.0

    @property
    def clock_hz(self) -> int:
        """Of the neural network core."""
        return _CLOCK // 2 if current_faults().throttled else _CLOCK


def _due(after: int | None, frames: int) -> bool:
    return after is not None and frames > after


CHIP = Chip()
