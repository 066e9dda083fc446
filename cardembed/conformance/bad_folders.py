"""Folders that nobody can use: catalogues, releases and photo sets with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from cardembed._io import canonical_json
from cardembed._lookup import look_up
from cardembed.cards.photo_manifest import MANIFEST, PhotoManifest, PhotoRecord

__all__ = ["BAD_FOLDERS", "write_bad_folder"]

_DIGEST = "0" * 64


def _catalogue(folder: Path, *rows: str) -> None:
    (folder / "cards.csv").write_text("\n".join(["id,name,file", *rows]) + "\n")
    for name in ("a.png", "b.png"):
        Image.new("RGB", (180, 252), "teal").save(folder / name)


def _duplicate_ids(folder: Path) -> None:
    _catalogue(folder, "x-1,First,a.png", "x-1,Second,b.png")


def _missing_scan(folder: Path) -> None:
    _catalogue(folder, "x-1,First,a.png", "x-2,Second,none.png")


def _empty_catalogue(folder: Path) -> None:
    _catalogue(folder)


def _other_bytes(folder: Path) -> None:
    """A release whose artefact is not what release.json says, and a picture to embed."""
    artefact = {"path": "teacher.safetensors", "sha256": _DIGEST, "format": "safetensors", "bytes": 6}
    target = {"architecture": "dinov3_vit_tiny", "input_size": 128, "artefacts": [artefact]}
    release = {
        "schema_version": 1,
        "name": "other bytes",
        "profile": "reference",
        "created": "2026-01-01T00:00:00+00:00",
        "catalogue": {"kind": "synthetic", "seed": 1, "count": 4, "printer": "1"},
        "catalogue_digest": _DIGEST,
        "targets": {"teacher": target},
    }
    (folder / "release.json").write_bytes(canonical_json(release))
    (folder / "teacher.safetensors").write_bytes(b"others")
    Image.new("RGB", (180, 252), "teal").save(folder / "photo.png")


def _missing_photo(folder: Path) -> None:
    """A captured set whose manifest names a photo that is not there."""
    photo = PhotoRecord(
        id="p1", file="images/p1.jpg", sha256=_DIGEST, card=None, condition="unknown", severity=2,
        family="wood", provenance="captured",
    )  # fmt: skip
    manifest = PhotoManifest(
        name="missing photo", split="verdict", provenance="captured", catalogue_digest=_DIGEST, cards=1,
        photos=(photo,),
    )  # fmt: skip
    (folder / MANIFEST).write_bytes(manifest.to_bytes())


BAD_FOLDERS: dict[str, Callable[[Path], None]] = {
    "empty": lambda _: None,
    "duplicate-ids": _duplicate_ids,
    "missing-scan": _missing_scan,
    "empty-catalogue": _empty_catalogue,
    "other-bytes": _other_bytes,
    "missing-photo": _missing_photo,
}
"""Writes each, by the folder's name."""


def write_bad_folder(parent: Path, name: str) -> None:
    """Make one of `BAD_FOLDERS` below `parent`.

    Raises:
        UnknownTargetError: No bad folder has this name.
    """
    write = look_up(BAD_FOLDERS, name, "bad folder")
    folder = parent / name
    folder.mkdir()
    write(folder)
