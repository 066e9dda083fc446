"""What can be wrong with the simulated chip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from cardembed.errors import UsageError

__all__ = ["ARCHITECTURES", "FAULTS_VARIABLE", "Faults", "current_faults", "inject"]

FAULTS_VARIABLE = "CARDEMBED_HAILO_FAULTS"
"""Faults of a whole process, such as "busy" or "lost_after=3,throttled"."""
ARCHITECTURES = ("HAILO8_A0", "HAILO8", "HAILO8L", "HAILO15H", "HAILO15L", "HAILO15M", "HAILO10H")
"""In HailoRT's numbering."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults, each off unless set. Frames are counted from when the device was opened."""

    no_device: bool = False
    """Nothing is attached."""
    busy: bool = False
    """Another process has the device."""
    driver_mismatch: bool = False
    """The kernel driver is of another version than the library."""
    corrupt_hef: bool = False
    """The file's checksum does not fit."""
    nondeterministic: bool = False
    """Outputs differ by a step now and then."""
    throttled: bool = False
    """The chip is hot and runs at half its clock: 20 ms more a frame."""
    architecture: str = "HAILO8L"
    """Which chip is attached, one of `ARCHITECTURES`."""
    older_library: bool = False
    """HailoRT is 4.20 or older, and says status 26 of a HEF for another chip, not 93."""
    lost_after: int | None = None
    """The device is gone after this many frames, until it is opened in a process or `inject` of its own."""
    swapped_after: int | None = None
    """The device is gone after this many frames, and what is opened next is another one of its kind."""
    timeout_after: int | None = None
    """After this many frames none ends, and HailoRT's timeouts say so."""
    late_callback_after: int | None = None
    """After this many frames each ends shortly before HailoRT's timeout, and its callback never comes, nor a
    virtual stream's output. HailoRT says so after almost twice its timeout."""
    hang_after: int | None = None
    """After this many frames calls hang for 2 s, whatever their timeout."""

    @classmethod
    def parse(cls, text: str) -> Faults:
        """Comma-separated names, with values where they take one.

        Raises:
            UsageError: An unknown fault or a wrong value.
        """
        given: dict[str, Any] = {}
        kinds = {field.name: field.default for field in fields(cls)}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = part.partition("=")
            kind = kinds.get(name, ...)
            if kind is False and not value:
                given[name] = True
            elif kind is None and value.isdigit():
                given[name] = int(value)
            elif isinstance(kind, str) and value in ARCHITECTURES:
                given[name] = value
            else:
                of_a_name = f"{name}= one of {', '.join(ARCHITECTURES)}"
                raise UsageError(
                    FAULTS_VARIABLE,
                    expected=of_a_name if isinstance(kind, str) else f"faults among {', '.join(kinds)}",
                    found=repr(part),
                    action='write them as "lost_after=3,throttled"',
                )
        return cls(**given)


_injected: list[Faults] = []


def current_faults() -> Faults:
    """Those injected last, or those of the environment."""
    return _injected[-1] if _injected else Faults.parse(os.environ.get(FAULTS_VARIABLE, ""))


@contextmanager
def inject(**faults: Any) -> Iterator[Faults]:  # noqa: ANN401 - the fields of Faults
    """Faults of this process, in all threads, while the context lasts; the first chip is back after it."""
    chosen = Faults(**faults)
    from cardembed.hailo.simulator.chip import CHIP

    _injected.append(chosen)
    CHIP.restore()
    try:
        yield chosen
    finally:
        _injected.remove(chosen)
        CHIP.restore()
