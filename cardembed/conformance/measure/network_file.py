"""The compiled network that a chip is given in a run, and what goes on record about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from cardembed._io import sha256_file
from cardembed._sizes import check_size
from cardembed.conformance.chip_setup import CHIP_TARGET, ChipSetup
from cardembed.embedders.exports import compiled_hef, simulated_hef
from cardembed.embedders.normaliser import kit_around
from cardembed.errors import CardembedError
from cardembed.hailo.protocol import Normalised
from cardembed.release import Artefact, Release

__all__ = ["NetworkFile", "chosen_network"]


class NetworkFile(NamedTuple):
    """What is executed, and who normalises for it."""

    path: Path
    sha256: str
    """Of the file's bytes."""
    named_by: str | None
    """The digest that names the artefact, where it is not that of its bytes."""
    normalised: Normalised
    """Who normalises."""
    source: str
    """Where it comes from, for people."""
    calibrated_on: frozenset[str] | None = None
    """SHA-256 of the photos that a HEF was calibrated on; None where neither release nor kit tells."""

    def as_facts(self, *, compiled: bool) -> dict[str, Any]:
        """For evidence; `compiled`: with what a HEF states of itself, as far as it can be read."""
        return {
            "file": self.path.name,
            "sha256": self.sha256,
            "bytes": self.path.stat().st_size,
            "from": self.source,
            **(_stated(self.path) if compiled else {}),
        }


def chosen_network(setup: ChipSetup, release: Release) -> NetworkFile:
    """The network by `--hef`, else the release's.

    Raises:
        UnavailableError: The release has none, or none can be made here.
        ReleaseError: release.json does not say who normalises.
        ExportError: The simulator's cannot be made.
    """
    if setup.hef is not None:
        assert setup.normalised is not None  # the setup's own rule
        path = Path(setup.hef)
        check_size(path)
        digest = sha256_file(path)
        known = release.artefact(CHIP_TARGET, "hef")
        if known is not None and known.sha256 == digest:
            photos, source = _photos(known), "the release's, by --hef"
        else:
            kit = None if setup.simulated else kit_around(path)
            photos = None if kit is None else frozenset(kit.calibration.photos)
            source = "a file of its own (--hef)"
        return NetworkFile(path, digest, None, setup.normalised, source, photos)
    if setup.simulated:
        path, digest = simulated_hef(release, CHIP_TARGET)
        named_by = release.artefact(CHIP_TARGET, "int8") or release.weights(CHIP_TARGET)
        return NetworkFile(path, digest, named_by.sha256, "chip", "packed from the release's INT8 network")
    path, digest, normalised = compiled_hef(release, CHIP_TARGET)
    shipped = release.artefact(CHIP_TARGET, "hef")
    assert shipped is not None  # or there would be no path
    return NetworkFile(path, digest, None, normalised, "the release", _photos(shipped))


def _photos(hef: Artefact) -> frozenset[str] | None:
    said = None if hef.compiled is None else hef.compiled.calibration_photos
    return None if said is None else frozenset(said)


def _stated(path: Path) -> dict[str, Any]:
    from cardembed.hef import read_hef

    try:
        hef = read_hef(path)
    except CardembedError as error:
        return {"unreadable": str(error)}
    cores = [core for group in hef.network_groups for core in group.core_ops]
    return {
        "compiled_for": hef.architecture,
        "compiler": hef.sdk_version,
        "contexts": [core.contexts for core in cores],
        "bottleneck_fps": [core.bottleneck_fps for core in cores],
    }
