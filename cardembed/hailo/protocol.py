"""What a chip does for us: it runs one network on frames, and says what it is and how it feels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from cardembed.hailo.deadline import Deadline

__all__ = ["Chip", "Health", "Identity", "NetworkShape", "Normalised", "OutputFormat"]

Normalised = Literal["chip", "host"]
"""Who subtracts the mean and divides by the deviation: the compiled network, or we before it."""
OutputFormat = Literal["float32", "quantised"]
"""Who dequantises: HailoRT, or we by the output's quantisation parameters."""


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """What the network takes and gives, a frame."""

    size: int
    """Side of the square RGB input, in pixels; frames are (size, size, 3)."""
    features: int
    """Length of the output vector."""
    pixels: bool | None = None
    """Whether its input's integers are pixels of 0 to 255 as they are (scale 1, zero-point 0), so that nobody
    but the network can normalise; None where it is not told."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the device says it is; empty where it does not tell."""

    architecture: str
    """HailoRT's name, such as "HAILO8L"."""
    firmware: str
    """Such as "4.23.0"."""
    serial_number: str
    """Of the board."""
    device_id: str
    """Where it is attached, such as "0000:01:00.0"."""
    simulated: bool = False
    """Whether the simulator says it, and no device is there."""

    def __str__(self) -> str:
        """For messages: what it tells, in one line."""
        return ", ".join(value for value in self.as_facts().values() if value) or "one that tells nothing"

    def as_facts(self) -> dict[str, str]:
        """For people and evidence: none of the simulator's claims reads as a device's."""
        said = {
            "architecture": self.architecture,
            "firmware": self.firmware,
            "serial_number": self.serial_number,
            "device_id": self.device_id,
        }
        if not self.simulated:
            return said
        marked = {name: f"{value} (simulated)" for name, value in said.items() if value}
        return {**said, **marked, "architecture": f"simulator of {self.architecture}"}


@dataclass(frozen=True, slots=True)
class Health:
    """How the device feels now; None where it does not tell."""

    temperature: float | None
    """Of the hotter sensor, in °C."""
    clock_hz: int | None
    """Of the neural network core."""
    throttled: bool | None
    """Whether the device runs slower now, to stay cool or within its current limit."""


class Chip(Protocol):
    """A device that is owned, with one network loaded."""

    shape: NetworkShape
    """Of the network."""

    def infer(self, frame: NDArray[Any], deadline: Deadline) -> NDArray[Any]:
        """(size, size, 3) C-ordered, uint8 or float32 as it was opened, to (features,) float32.

        Raises:
            EmbeddingError: Another shape, dtype or order.
            InfrastructureError: No answer.
        """

    def identify(self, deadline: Deadline) -> Identity:
        """What the device is."""

    def health(self, deadline: Deadline) -> Health:
        """How the device feels."""

    def close(self, deadline: Deadline) -> None:
        """Give the device back; errors are not raised."""
