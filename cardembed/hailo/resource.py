"""Where the chip is and who owns it: HailoRT's Python module, a device, and the lock of its one owner."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from filelock import FileLock, Timeout

from cardembed._io import cache_root
from cardembed.errors import DeviceBusyError, DriverMismatchError, InfrastructureError, UnavailableError
from cardembed.fidelity import Fidelity
from cardembed.hailo.deadline import Deadline

__all__ = [
    "HAILORT",
    "SIMULATOR",
    "ChipResource",
    "Ownership",
    "hailo_platform",
    "simulated_platform",
]

HAILORT, SIMULATOR = "hailort", "hailort-simulator"
"""Names of the runtimes: HailoRT with a chip behind it, and what stands in for both."""
SIMULATED = "CARDEMBED_SIMULATED"
"""The attribute that marks the simulator's module."""


@dataclass(frozen=True, slots=True)
class ChipResource:
    """A chip, by the module that reaches it."""

    platform: Any
    """`hailo_platform`, or the simulator's stand-in."""
    device_id: str | None = None
    """Such as "0000:01:00.0"; HailoRT's choice without."""

    @property
    def simulated(self) -> bool:
        """Whether no chip is behind it."""
        return bool(getattr(self.platform, SIMULATED, False))

    @property
    def fidelity(self) -> Fidelity:
        """`device`, or `emulated` through the simulator."""
        return Fidelity.EMULATED if self.simulated else Fidelity.DEVICE

    @property
    def runtime(self) -> dict[str, str]:
        """Name and version of what drives it."""
        return {
            "name": SIMULATOR if self.simulated else HAILORT,
            "version": str(getattr(self.platform, "__version__", "unknown")),
        }

    def attached(self) -> bool:
        """Whether a scan, which opens nothing, finds the device that is named, or any where none is.

        What the scan raises is raised; it has to be called on a worker's thread.
        """
        found = [_place(str(name)) for name in self.platform.Device.scan()]
        if self.device_id is None:
            return bool(found)
        asked = _place(self.device_id)
        return any(asked in (place, place[1:]) for place in found)

    @property
    def lock_path(self) -> Path:
        """The lock's file: one a machine for chips, one a cache folder for the simulator.

        Its name does not tell the device: HailoRT's choice and an id may be the same chip.
        """
        if self.simulated:
            return cache_root() / "hailo" / "simulated.lock"
        folder = os.environ.get("CARDEMBED_LOCKS") or tempfile.gettempdir()
        return Path(folder) / "cardembed-hailo.lock"


def _place(device_id: str) -> tuple[int, ...] | tuple[str]:
    """An id as HailoRT compares them: numbers, of which the first, the PCIe domain, may be left out."""
    try:
        return tuple(int(part, 16) for part in re.split("[:.]", device_id))
    except ValueError:  # "[integrated]" is no place on a bus
        return (device_id,)


class Ownership:
    """The right to use a machine's chip, however it is named, held by one embedder of one process at a time.

    It is an advisory lock (flock) of the operating system, which frees it when the process dies, however it
    dies. A child that was forked without exec inherits it.
    """

    def __init__(self, resource: ChipResource) -> None:
        self._path = resource.lock_path
        # FileLock is no singleton here: two embedders of one process exclude each other as those of two do.
        # thread_local is off: any thread may give it back.
        self._lock = FileLock(self._path, mode=0o666, thread_local=False)

    def acquire(self, deadline: Deadline) -> None:
        """Wait for it until the deadline.

        Raises:
            DeviceBusyError: Somebody else owns the chip, or the lock's file belongs to another user.
            InfrastructureError: The lock's file cannot be written there.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._no_place(error) from error
        try:
            self._lock.acquire(timeout=deadline.left, poll_interval=0.02)
        except (Timeout, PermissionError) as error:
            raise DeviceBusyError(
                self._path,
                expected=f"the Hailo chip to be free within {deadline.seconds:g} s",
                found="another owner" if isinstance(error, Timeout) else f"no permission ({error})",
                action="close the other embedder, or end its process"
                if isinstance(error, Timeout)
                else "let its owner remove it when no embedder of theirs is open",
            ) from error
        except OSError as error:
            raise self._no_place(error) from error

    def _no_place(self, error: OSError) -> InfrastructureError:
        return InfrastructureError(
            self._path,
            expected="a folder for the lock that says who uses the chip",
            found=str(error),
            action="name one in CARDEMBED_LOCKS (CARDEMBED_CACHE for the simulator's)",
        )

    def release(self) -> None:
        """Give it back; nothing happens where it is not held."""
        self._lock.release()


def hailo_platform() -> ModuleType:
    """HailoRT's Python module.

    Raises:
        UnavailableError: It is not installed.
        DriverMismatchError: It is, and does not fit its own library.
    """
    try:
        return importlib.import_module("hailo_platform")
    except ModuleNotFoundError as error:
        if error.name != "hailo_platform":
            raise _broken(error) from error
        raise UnavailableError(
            "hailo_platform",
            expected="HailoRT's Python module and a Hailo-8L",
            found="no such module",
            action="on a Raspberry Pi: sudo apt install hailo-all (it is not on PyPI)",
        ) from error
    except Exception as error:  # its __init__ raises several kinds where library and module differ
        raise _broken(error) from error


def _broken(error: Exception) -> DriverMismatchError:
    return DriverMismatchError(
        "hailo_platform",
        expected="a module that fits the HailoRT library",
        found=f"{type(error).__name__}: {error}",
        action="install library, driver and module of one version: sudo apt install hailo-all",
    )


def simulated_platform() -> ModuleType:
    """The simulator's stand-in for `hailo_platform`."""
    return importlib.import_module("cardembed.hailo.simulator.hailo_platform")
