"""Taking a compiled artefact into a release: inspected, copied, and written down with how it came about."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cardembed._io import atomic_write_bytes, sha256_bytes
from cardembed.errors import ArtefactError, UsageError
from cardembed.export.hailo.manifest import KitManifest
from cardembed.hef import Finding, Hef, Stream, judge_hef, read_hef, requirement
from cardembed.models.profiles import EMBEDDING_DIM
from cardembed.release import Artefact, Compilation, Release
from cardembed.release_kit import ShownKit

__all__ = ["import_hef"]

Normalised = Literal["chip", "host"]


def import_hef(
    release: Release,
    target: str,
    file: Path,
    *,
    normalised: Normalised | None = None,
    kit: Path | None = None,
) -> tuple[Release, list[Finding]]:
    """Copy a HEF into a release and write it into `release.json`.

    The file is named by its digest and stands there before `release.json` names it; the one that it replaces
    is removed afterwards. So the release holds the earlier HEF or this one, whenever it is cut off.

    Args:
        release: On disk.
        target: Whose artefact it is, "hailo8l".
        file: The HEF.
        normalised: Who normalises; what the kit says, without.
        kit: The folder of the compile kit that it was made from, or its `kit.json`.

    Returns:
        The release as it was written, and what somebody should know of the HEF.

    Raises:
        UnknownTargetError: The release does not have the target, or its artefact is no HEF.
        ArtefactError: No intact HEF, or one that does not fit the target; no kit.
        ReleaseError: The kit is about other weights, another preprocessing or another network than the HEF's,
            or its compiler's emulation was not the student.
        DigestMismatchError: The kit's compiler wrote another HEF.
        UsageError: Nobody says who normalises, or two say different things.
    """
    entry = release.target(target)
    needed = requirement(
        target, profile=release.profile, input_size=entry.input_size, embedding_dim=EMBEDDING_DIM
    )
    hef = read_hef(file)
    findings = judge_hef(hef, needed)
    if misfits := [finding for finding in findings if finding.kind == "misfit"]:
        raise ArtefactError(
            file,
            expected=f"a HEF that fits {target} of this release",
            found="; ".join(f"{finding.subject}: {finding.message}" for finding in misfits),
            action=f"compile the kit of this release: cardembed export hailo --target {target}",
        )
    data = file.read_bytes()
    digest = sha256_bytes(data)
    shown = None if kit is None else ShownKit.read(kit)
    if shown is not None:
        shown.check_release(release, target)
        shown.check_hef(file, hef, digest)
        findings += shown.findings()
    manifest, record = (None, None) if shown is None else (shown.manifest, shown.record)
    who = _who_normalises(normalised, manifest)
    _check_input(file, hef, who)
    core_op = hef.network_groups[0].core_ops[0]
    artefact = Artefact(
        path=f"{target}-{digest[:16]}.hef",
        sha256=digest,
        format="hef",
        bytes=len(data),
        normalised=who,
        compiled=Compilation(
            sdk_version=hef.sdk_version,
            contexts=core_op.contexts,
            bottleneck_fps=core_op.bottleneck_fps,
            kit_sha256=None if shown is None else shown.proven_sha256,
            emulated=None if record is None else record.emulated,
            calibration_photos=None if manifest is None else manifest.calibration.photos,
        ),
    )
    before = release.artefact(target, "hef")
    atomic_write_bytes(release.root / artefact.path, data)
    written = release.with_artefact(target, artefact).write()
    if before is not None and before.path != artefact.path and not _named(written, before.path):
        (release.root / before.path).unlink(missing_ok=True)
    return written, [finding for finding in findings if finding.kind == "warning"]


def _who_normalises(given: Normalised | None, manifest: KitManifest | None) -> Normalised:
    recorded = None if manifest is None else manifest.normalised
    who = given or recorded
    if who is None:
        raise UsageError(
            "--normalised",
            expected="who subtracts the mean, chip or host: no HEF says it",
            found="neither it nor --kit",
            action="add --kit DIR, the kit that was compiled, or --normalised chip|host",
        )
    if recorded not in (None, who):
        raise UsageError(
            "--normalised", expected=f"{recorded}, as the kit says", found=who, action="leave it out"
        )
    return who


def _check_input(file: Path, hef: Hef, who: Normalised) -> None:
    """Inputs are pixels as they are where the chip normalises, and are not where the host does."""
    streams: list[Stream] = [
        stream for group in hef.network_groups for op in group.core_ops for stream in op.inputs
    ]
    for stream in streams:
        scale, zero_point = stream.quantisation.scale, stream.quantisation.zero_point
        found = f"{stream.data_bytes} byte a number, scale {scale:g}, zero-point {zero_point:g}"
        plain = (scale, zero_point, stream.data_bytes) == (1, 0, 1)
        if plain and who == "host":
            raise ArtefactError(
                file,
                expected="an input of normalised numbers, as --normalised host says",
                found=f"pixels of 0 to 255 ({found})",
                action="pass --normalised chip",
            )
        if not plain and who == "chip":
            raise ArtefactError(
                file,
                expected="pixels of 0 to 255 as they are (scale 1, zero-point 0), as --normalised chip says",
                found=found,
                action="pass --normalised host, or compile with the kit's model script, which normalises",
            )


def _named(release: Release, path: str) -> bool:
    return any(one.path == path for entry in release.targets.values() for one in entry.artefacts)
