"""Whether what a release says of its origin fits what it ships: trained weights, teachers, cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cardembed.cards.catalogue import load_catalogue
from cardembed.cards.printer import PRINTER_VERSION
from cardembed.errors import DigestMismatchError
from cardembed.release import MANIFEST, Release

__all__ = ["check_lineage"]


def check_lineage(release: Release, *, record: Path | None = None) -> None:
    """Compare the digests in a release's record with each other, and with cards that can be dealt again.

    Targets whose training is not recorded are left out, and so are cards of a folder, which only its owner
    has, and of another version of the printer, which only that version prints.

    Args:
        release: On disk.
        record: The file that errors name; its release.json without.

    Raises:
        CatalogueError: A reference that names no cards.
        DigestMismatchError: Weights are not those that the record tells of, a student had another teacher
            than the one that is shipped, or the cards' digests are others.
    """
    record = record or release.root / MANIFEST
    shipped = {target: release.artefact(target, "safetensors") for target in release.targets}
    for target, entry in release.training.items():
        if target not in shipped or not isinstance(entry, dict):
            continue
        weights, teacher = shipped[target], shipped.get("teacher")
        if weights is not None:
            _same(record, f"the weights of {target}", entry.get("sha256"), weights.sha256)
        if target != "teacher" and teacher is not None:
            _same(record, f"the teacher of {target}", entry.get("teacher"), teacher.sha256)
    for what, reference, digest in (
        ("the catalogue", release.catalogue, release.catalogue_digest),
        ("the gallery", release.gallery, release.gallery_digest),
    ):
        if reference is not None and _can_be_dealt(reference):
            _same(record, what, digest, load_catalogue(reference).digest)


def _can_be_dealt(reference: dict[str, Any]) -> bool:
    """Whether all parts of a catalogue's reference are dealt from seeds and printed by this version."""
    parts = [reference]
    if reference.get("kind") == "gallery":
        parts = [part for name, part in reference.items() if name != "kind"]
    return all(
        isinstance(part, dict)
        and part.get("kind") == "synthetic"
        and part.get("printer", PRINTER_VERSION) == PRINTER_VERSION
        for part in parts
    )


def _same(record: Path, what: str, said: object, found: str) -> None:
    if said is not None and said != found:
        raise DigestMismatchError(
            record,
            expected=f"{what} with SHA-256 {str(said)[:16]}…, as it is recorded",
            found=f"{found[:16]}…",
            action="build the release again from the weights and the cards of one training",
        )
