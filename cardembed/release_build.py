"""Assembling a release from weight files; nothing stands at the destination until all of it does."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from cardembed._io import sha256_file
from cardembed.cards.catalogue import Catalogue
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import DigestMismatchError, ReleaseError, UsageError
from cardembed.models.profiles import PROFILES, TargetProfile, profile
from cardembed.release import PreprocessingSpec, Release
from cardembed.release_exports import copy_artefact, exports_beside
from cardembed.release_lineage import check_lineage

__all__ = [
    "TRAINING_RECORD",
    "assemble_release",
    "read_training",
    "recorded_catalogue",
    "refuse_occupied",
]

TRAINING_RECORD = "training.json"
"""What the trainer records beside the weights."""


def assemble_release(
    weights: Path | str,
    out: Path | str,
    *,
    name: str,
    catalogue: Catalogue,
    gallery: Catalogue | None = None,
    profile_name: str | None = None,
    notes: str = "",
    seal: Callable[[Release], Release] | None = None,
) -> Release:
    """Copy weights to a new release directory and write its `release.json`.

    Args:
        weights: A folder with `<target>.safetensors` for every target that has weights of its own, and with
            `training.json`, as `cardembed train` leaves them. Exports of these weights beside them are
            shipped, too, and judged in place of exports made at first use: `server.onnx`, `android.onnx`,
            `ios.mlpackage`; and beside these `android.ort`, `ios.mlmodel`.
        out: The directory to make; it must not exist, or be empty.
        name: Of the release.
        catalogue: What it was trained on.
        gallery: What verdicts search; the catalogue alone without.
        profile_name: "prd" or "reference"; what `training.json` says without.
        notes: For people.
        seal: Called with the release before it is moved to `out`, to calibrate it; returns it with
            thresholds, which are written.

    Raises:
        ReleaseError: Weights are missing, or of another architecture, catalogue or gallery; see
            `exports_beside` for exports.
        DigestMismatchError: Weights are not those that `training.json` tells of, or a student's teacher is
            another than the folder's.
        UsageError: See `refuse_occupied`.
    """
    source, destination = Path(weights), Path(out)
    refuse_occupied(destination, source)
    training = read_training(source)
    chosen = _profile_of(source, training, profile_name)
    for target, entry in training.items():
        if entry.get("catalogue_digest", catalogue.digest) != catalogue.digest:
            raise ReleaseError(
                source / TRAINING_RECORD,
                expected=f"weights trained on the catalogue {catalogue.name}",
                found=f"{target} trained on another",
                action="pass the catalogue of the training with --catalogue",
            )
        distractors = None if gallery is None else gallery.reference.get("distractors")
        if (known := entry.get("distractors")) is not None and known != distractors:
            raise ReleaseError(
                source / TRAINING_RECORD,
                expected=f"a gallery with the distractors that {target} was trained among",
                found="none" if distractors is None else "others",
                action="build with the --recipe of the training, or name them with --distractors",
            )
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=f".{destination.name}.") as temporary:
        staged = Path(temporary) / "release"
        staged.mkdir()
        release = Release(
            name=name,
            profile=chosen,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            catalogue=catalogue.reference,
            catalogue_digest=catalogue.digest,
            gallery=None if gallery is None else gallery.reference,
            gallery_digest=None if gallery is None else gallery.digest,
            preprocessing=PreprocessingSpec(),
            targets=_targets(source, staged, chosen, training),
            training=training,
            notes=notes,
        ).write(staged)
        check_lineage(release, record=source / TRAINING_RECORD)  # before calibration's minutes
        if seal is not None:
            release = seal(release).write(staged)
        release.verify()
        if destination.exists():
            destination.rmdir()
        staged.rename(destination)
    return Release.load(destination)


def refuse_occupied(out: Path, weights: Path) -> None:
    """Refuse a destination that holds something, will hold the weights, or that no folder can be made at.

    Args:
        out: The directory to make.
        weights: Where training leaves its files.

    Raises:
        UsageError: It is such a one.
    """
    standing = next((place for place in (out, *out.parents) if place.exists()), None)
    filled = weights.resolve()
    if out.resolve() in (filled, *filled.parents):
        found = "the folder of the weights, or one around it"
    elif standing is not None and not standing.is_dir():
        found = f"a file at {standing}"
    elif standing == out and any(out.iterdir()):
        found = "something there"
    else:
        return
    raise UsageError(out, expected="a new directory", found=found, action="choose another --out")


def recorded_catalogue(weights: Path | str) -> dict[str, Any]:
    """The reference of the catalogue that weights were trained on, from their `training.json`.

    Raises:
        ReleaseError: There is none, or it is a folder, which only the user can name.
    """
    source = Path(weights)
    references = [entry.get("catalogue") for entry in read_training(source).values()]
    for reference in references:
        if isinstance(reference, dict) and reference.get("kind") != "folder":
            return reference
    file = source / TRAINING_RECORD
    raise ReleaseError(
        source if not file.is_file() else file,
        expected=f"a folder of weights with the {TRAINING_RECORD} that training leaves",
        found="no such file" if not file.is_file() else "no catalogue in it that can be made from it",
        action="name the folder that `cardembed train` wrote, or pass --catalogue",
    )


def _targets(source: Path, staged: Path, profile_name: str, training: dict[str, Any]) -> dict[str, Any]:
    targets: dict[str, Any] = {}
    for target, row in profile(profile_name).items():
        artefacts, built = [], row.architecture.name
        if row.shares_weights_with is None:
            file = source / f"{target}.safetensors"
            built = _check_weights(file, row, training.get(target, {}).get("sha256"))
            artefacts.append(copy_artefact(file, staged, "safetensors"))
        own = source / f"{row.shares_weights_with or target}.safetensors"
        preprocessing = Preprocessing.of(PreprocessingSpec(), row.input_size)
        for file, form in exports_beside(own, target, preprocessing):
            artefacts.append(copy_artefact(file, staged, form))
        targets[target] = {
            "architecture": built,
            "input_size": row.input_size,
            "artefacts": artefacts,
            "shares_weights_with": row.shares_weights_with,
        }
    return targets


def _check_weights(file: Path, row: TargetProfile, sha256: str | None) -> str:
    """The architecture that the weights are of: the target's own, or a fallback."""
    if not file.is_file():
        raise ReleaseError(
            file, expected="the target's weights", found="no such file", action="train it: cardembed train"
        )
    if sha256 is not None and (digest := sha256_file(file)) != sha256:
        raise DigestMismatchError(
            file,
            expected=f"SHA-256 {sha256[:16]}…, as {TRAINING_RECORD} says",
            found=f"{digest[:16]}…",
            action="train again, or restore the file",
        )
    try:
        with safe_open(file, framework="numpy") as opened:
            header = opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ReleaseError(
            file, expected="safetensors", found=str(error), action="name a file of cardembed train"
        ) from error
    known = [one.name for one in (row.architecture, *row.fallbacks)]
    if header.get("architecture") not in known:
        raise ReleaseError(
            file,
            expected=f"weights of {' or '.join(known)}",
            found=f"{header.get('architecture', 'no architecture')}",
            action="choose the profile that was trained with --profile",
        )
    return str(header["architecture"])


def read_training(source: Path) -> dict[str, Any]:
    """What `training.json` in a folder of weights records, by target; empty where there is none.

    Raises:
        ReleaseError: It holds something else.
    """
    file = source / TRAINING_RECORD
    if not file.is_file():
        return {}
    try:
        training = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise _bad_training(file, f"no JSON ({error})") from error
    if not isinstance(training, dict) or not all(isinstance(entry, dict) for entry in training.values()):
        raise _bad_training(file, "something else than objects by target")
    return training


def _bad_training(file: Path, found: str) -> ReleaseError:
    return ReleaseError(
        file,
        expected="the record that cardembed train leaves",
        found=found,
        action="train again, or remove it",
    )


def _profile_of(source: Path, training: dict[str, Any], given: str | None) -> str:
    recorded = {entry["profile"] for entry in training.values() if "profile" in entry}
    names = {given} if given is not None else recorded
    if len(names) != 1 or (given is not None and recorded - {given}):
        raise ReleaseError(
            source / TRAINING_RECORD,
            expected="weights of one profile",
            found=", ".join(sorted(recorded)) or "no profile",
            action=f"pass --profile {'|'.join(PROFILES)}, the one that was trained",
        )
    name = str(names.pop())
    profile(name)  # an unknown one is an error of its own
    return name
