"""Who normalises for a compiled network that lies by itself, outside of a release: somebody has to say it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cardembed._io import sha256_file
from cardembed.errors import ArtefactError, UsageError
from cardembed.hailo.protocol import Normalised
from cardembed.hailo.simulator.container import Quant, is_simulated, read_simulated_hef

if TYPE_CHECKING:
    from cardembed.export.hailo.manifest import KitManifest

__all__ = ["kit_around", "who_normalises"]


def who_normalises(path: Path, given: Normalised | None, *, option: str) -> Normalised:
    """What the user says, the kit that the file lies in, or the manifest within a simulated HEF.

    Args:
        path: A HEF, or a simulated one.
        given: What the user says; None where nothing.
        option: Where the user says it, for errors, such as "--normalised".

    Raises:
        UsageError: Nobody says, or the user says something else than the file's makers.
        ReleaseError: A damaged simulated HEF.
    """
    recorded = _of_simulated(path) if is_simulated(path) else _of_kit(path)
    said = given or recorded
    if said is None:
        raise UsageError(
            option,
            expected=f"who subtracts the mean from what {path.name} is given, chip or host: no HEF says it",
            found="nothing, and no kit around the file that was compiled to it",
            action=f"add {option} chip where the model script normalises, as kits do, else {option} host",
        )
    if recorded not in (None, said):
        raise UsageError(
            option,
            expected=f"{recorded}, as its makers say",
            found=said,
            action="leave it out",
        )
    return said


def _of_simulated(path: Path) -> Normalised:
    manifest, _ = read_simulated_hef(path.read_bytes())
    return "chip" if manifest.input == Quant() else "host"


def _of_kit(path: Path) -> Normalised | None:
    kit = kit_around(path)
    return None if kit is None else kit.normalised


def kit_around(path: Path) -> KitManifest | None:
    """The compile kit that a HEF lies in; None without one, or where it tells of another file."""
    from cardembed.export.hailo.compiler import MANIFEST
    from cardembed.export.hailo.manifest import read_compiled, read_kit

    folder = path.parent
    if not (folder / MANIFEST).is_file():
        return None
    try:
        (kit, digest), record = read_kit(folder), read_compiled(folder)
    except ArtefactError:  # some other program's files of these names
        return None
    if record is None or record.kit_sha256 != digest or record.hef_sha256 != sha256_file(path):
        return None
    return kit
