"""What a run says about the chip that it is to judge on, before anything is opened."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from cardembed._io import sha256_file
from cardembed.embedders.exports import recorded_normaliser
from cardembed.embedders.normaliser import who_normalises
from cardembed.errors import UsageError
from cardembed.hailo.protocol import Normalised
from cardembed.hailo.simulator.container import is_simulated
from cardembed.release import Release

__all__ = [
    "CHIP",
    "CHIP_ARCHITECTURE",
    "CHIP_TARGET",
    "SIMULATOR",
    "ChipSetup",
    "check_setup",
    "hef_normaliser",
]

_OPTION = "--hef-normalised"

CHIP_TARGET = "hailo8l"
"""The target that a Hailo chip executes."""
CHIP_ARCHITECTURE = "HAILO8L"
"""HailoRT's name of the chip whose latency AC-5 is about; a Hailo-8 runs the same network at its own pace."""
CHIP, SIMULATOR = "chip", "simulator"
"""What can be asked for, besides a device's id."""


class ChipSetup(BaseModel):
    """What the command line says about the chip, as workers get it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    device: str
    """ "chip", "simulator", or a device's id."""
    hef: str | None = None
    """The compiled (or simulated) network; the release's without."""
    normalised: Normalised | None = None
    """Who normalises for `hef`, as the user says; what the compile kit around it says, without."""
    timeout: float = 10.0
    """Seconds that a call may take."""
    open_timeout: float = 30.0
    """Seconds that opening may take, waiting for another owner included."""

    @property
    def simulated(self) -> bool:
        """Whether the simulator was asked for, by its name."""
        return self.device == SIMULATOR


def check_setup(setup: ChipSetup) -> None:
    """Refuse what can be known to be wrong before anything is opened.

    Raises:
        UsageError: No such file, or a simulated network for the chip, or a compiled one for the simulator.
    """
    if setup.hef is None:
        return
    if not Path(setup.hef).is_file():
        raise UsageError(
            f"--hef {setup.hef}", expected="a compiled network", found="no file", action="name one"
        )
    simulated = is_simulated(setup.hef)
    if simulated != setup.simulated:
        raise UsageError(
            f"--hef {setup.hef}",
            expected="a simulated network for the simulator" if setup.simulated else "a compiled network",
            found="a simulated one" if simulated else "another file",
            action="--device simulator runs a .simhef alone, and the chip none of them",
        )


def hef_normaliser(path: Path, release: Release, given: Normalised | None) -> Normalised:
    """Who normalises for a network that was named by `--hef`; nobody assumes it.

    Args:
        path: The network.
        release: Says it of its own HEF.
        given: What the user says; None where nothing.

    Raises:
        UsageError: Nobody says, or two say different things.
        ReleaseError: It is the release's own, and release.json does not say; a damaged simulated HEF.
    """
    known = release.artefact(CHIP_TARGET, "hef")
    if known is None or known.sha256 != sha256_file(path):
        return who_normalises(path, given, option=_OPTION)
    recorded = recorded_normaliser(release, known)
    if given not in (None, recorded):
        raise UsageError(
            _OPTION, expected=f"{recorded}, as release.json says", found=str(given), action="leave it out"
        )
    return recorded
