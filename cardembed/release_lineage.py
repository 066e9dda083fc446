"""Whether what a release says of its origin fits what it ships: trained weights, teachers, cards."""

from __future__ import annotations

from typing import Any

from cardembed.cards.catalogue import load_catalogue
from cardembed.cards.gallery import load_gallery
from cardembed.errors import DigestMismatchError
from cardembed.release import MANIFEST, Release

__all__ = ["check_lineage"]


def check_lineage(release: Release) -> None:
    """Compare the digests in a release's record with each other, and with cards that can be dealt again.

    Targets whose training is not recorded, and cards of a folder, which only its owner has, are left out.

    Raises:
        DigestMismatchError: Weights are not those that the record tells of, a student had another teacher
            than the one that is shipped, or the cards' digests are others.
    """
    shipped = {target: release.artefact(target, "safetensors") for target in release.targets}
    for target, entry in release.training.items():
        if target not in shipped or not isinstance(entry, dict):
            continue
        weights, teacher = shipped[target], shipped.get("teacher")
        if weights is not None:
            _same(release, f"the weights of {target}", entry.get("sha256"), weights.sha256)
        if target != "teacher" and teacher is not None:
            _same(release, f"the teacher of {target}", entry.get("teacher"), teacher.sha256)
    _same_cards(release, "the catalogue", release.catalogue, release.catalogue_digest)
    if release.gallery is not None:
        _same_cards(release, "the gallery", release.gallery, release.gallery_digest)


def _same_cards(release: Release, what: str, reference: dict[str, Any], digest: str | None) -> None:
    if not _in_a_folder(reference):
        opened = load_gallery(reference) if reference.get("kind") == "gallery" else load_catalogue(reference)
        _same(release, what, digest, opened.digest)


def _in_a_folder(reference: Any) -> bool:  # noqa: ANN401 - of a JSON file
    """Whether any part of a catalogue's reference is a folder."""
    if not isinstance(reference, dict):
        return False
    return reference.get("kind") == "folder" or any(_in_a_folder(part) for part in reference.values())


def _same(release: Release, what: str, said: str | None, found: str) -> None:
    if said is not None and said != found:
        raise DigestMismatchError(
            release.root / MANIFEST,
            expected=f"{what} with SHA-256 {said[:16]}…, as it is recorded",
            found=f"{found[:16]}…",
            action="build the release again from the weights and the cards of one training",
        )
