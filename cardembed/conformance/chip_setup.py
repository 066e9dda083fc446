"""What a run says about the chip that it is to judge on, before anything is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from cardembed._io import sha256_file
from cardembed._sizes import check_size
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
    "hef_normaliser",
    "prepare_setup",
]

_OPTION = "--hef-normalised"

CHIP_TARGET = "hailo8l"
"""The target that a Hailo chip executes."""
CHIP_ARCHITECTURE = "HAILO8L"
"""HailoRT's name of the chip whose latency AC-5 is about; a Hailo-8 runs the same network at its own pace."""
CHIP, SIMULATOR = "chip", "simulator"
"""What can be asked for, besides a device's id."""


class ChipSetup(BaseModel):
    """What the command line says about the chip, as workers get it; `prepare_setup` makes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    device: str
    """ "chip", "simulator", or a device's id."""
    hef: str | None = None
    """The compiled (or simulated) network; the release's without."""
    normalised: Normalised | None = None
    """Who normalises for `hef`, as `hef_normaliser` found; None where the release's network is executed."""
    timeout: float = 10.0
    """Seconds that a call may take."""
    open_timeout: float = 30.0
    """Seconds that opening may take, waiting for another owner included."""

    @property
    def simulated(self) -> bool:
        """Whether the simulator was asked for, by its name."""
        return self.device == SIMULATOR

    @model_validator(mode="after")
    def _says_who_normalises(self) -> Self:
        if (self.hef is None) != (self.normalised is None):
            raise ValueError("who normalises is said of a network by --hef, and of no other")
        return self


def prepare_setup(
    release: Release,
    device: str,
    *,
    hef: Path | None = None,
    normalised: Normalised | None = None,
    timeout: float = 10.0,
) -> ChipSetup:
    """A run's setup; what can be known to be wrong is refused before anything is opened.

    Args:
        release: The release that is judged.
        device: "chip", "simulator", or a device's id.
        hef: What is executed; the release's without.
        normalised: Who normalises for `hef`, as the user says; None where the user does not.
        timeout: Seconds that a call may take; opening three times as long.

    Raises:
        UsageError: No such file, a simulated network for the chip, a compiled one for the simulator, or
            nobody says who normalises.
        ReleaseError: As `hef_normaliser`.
        UnknownTargetError: The release has no target for the chip.
    """
    release.target(CHIP_TARGET)
    said = None
    if hef is not None:
        _check_kind(hef, for_simulator=device == SIMULATOR)
        said = hef_normaliser(hef, release, normalised)
    return ChipSetup(
        device=device,
        hef=None if hef is None else str(hef),
        normalised=said,
        timeout=timeout,
        open_timeout=3 * timeout,
    )


def _check_kind(hef: Path, *, for_simulator: bool) -> None:
    if not hef.is_file():
        raise UsageError(f"--hef {hef}", expected="a compiled network", found="no file", action="name one")
    simulated = is_simulated(hef)
    if simulated != for_simulator:
        raise UsageError(
            f"--hef {hef}",
            expected="a simulated network for the simulator" if for_simulator else "a compiled network",
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
    check_size(path)
    if known is None or known.sha256 != sha256_file(path):
        return who_normalises(path, given, option=_OPTION)
    recorded = recorded_normaliser(release, known)
    if given not in (None, recorded):
        raise UsageError(
            _OPTION, expected=f"{recorded}, as release.json says", found=str(given), action="leave it out"
        )
    return recorded
