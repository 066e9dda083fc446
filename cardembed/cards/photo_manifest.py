"""What a photo set's `manifest.json` holds, and how it is read without trusting it."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cardembed._io import canonical_json, sha256_bytes
from cardembed._validation import read_record
from cardembed.cards.photo_plan import PhotoPlan, Split
from cardembed.errors import PhotoSetError

__all__ = ["MANIFEST", "MAX_MANIFEST_BYTES", "PhotoManifest", "PhotoRecord", "TeacherRecord", "read_manifest"]

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 256 * 2**20
_SHA256 = r"^[0-9a-f]{64}$"
_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

Condition = Literal[
    "clean", "clean-second", "occluded", "glare", "unknown", "unknown-card", "zero-shot", "zero-shot-occluded"
]
Provenance = Literal["simulated", "captured"]


class PhotoRecord(BaseModel):
    """One photo of a set."""

    model_config = _STRICT
    id: str = Field(min_length=1, max_length=200)
    """Unique in its set."""
    file: str
    """Relative to the set's folder, with forward slashes."""
    sha256: str = Field(pattern=_SHA256)
    """Digest of the file's bytes."""
    card: str | None
    """Id of the card that it shows; None where the catalogue has no such card."""
    condition: Condition
    """What it is for. The i-th "clean-second" and the i-th "occluded" show the card of the i-th "clean"."""
    severity: int = Field(ge=1, le=5)
    """Strength of the nuisances; of a captured photo an estimate, 2 without one."""
    family: str = ""
    """Occluder, glare or kind of unknown; "" where the condition has none."""
    seed: int | None = Field(default=None, ge=0)
    """What it was simulated from; None for a captured photo."""
    provenance: Provenance
    """Whether a simulator or a camera made it."""
    device: str | None = None
    """The camera, where one was used."""
    occluded_fraction: float | None = Field(default=None, ge=0, le=1)
    """Share of the card's area in the crop that is covered, where known."""
    saturated_fraction: float | None = Field(default=None, ge=0, le=1)
    """Share of the photo that is saturated, where known."""

    @field_validator("file")
    @classmethod
    def _contained(cls, file: str) -> str:
        parts = file.split("/")
        bad = "\\" in file or ":" in file or "\0" in file or any(part in {"", ".", ".."} for part in parts)
        if bad or PurePosixPath(file).is_absolute():
            raise ValueError(f"{file!r} is not a plain relative path inside the photo set")
        return file

    @model_validator(mode="after")
    def _card_where_there_is_one(self) -> Self:
        if (self.card is None) != (self.condition in {"unknown", "unknown-card"}):
            raise ValueError(
                f"photo {self.id}: condition {self.condition} does not go with card {self.card!r}"
            )
        return self


class TeacherRecord(BaseModel):
    """The teacher's embeddings that lie with the photos."""

    model_config = _STRICT
    artefact_digest: str
    """Of the teacher that made them."""
    embeddings_sha256: str = Field(pattern=_SHA256)
    """Of the file with the photos' embeddings, (photos, 768) float16."""
    gallery_sha256: str = Field(pattern=_SHA256)
    """Of the file with the catalogue's embeddings, (cards, 768) float16."""

    @property
    def files(self) -> tuple[str, str]:
        """Names of both files; digests are in them, so that new ones never overwrite old ones."""
        return (
            f"teacher-embeddings-{self.embeddings_sha256[:16]}.npy",
            f"teacher-gallery-{self.gallery_sha256[:16]}.npy",
        )


class PhotoManifest(BaseModel):
    """The content of a `manifest.json`."""

    model_config = _STRICT
    schema_version: Literal[1] = 1
    """Of this format."""
    name: str = Field(min_length=1, max_length=200)
    """For people."""
    split: Split
    """What the photos may be used for."""
    provenance: Provenance
    """Of all its photos."""
    catalogue_digest: str = Field(pattern=_SHA256)
    """Digest of the catalogue whose cards it shows."""
    cards: int = Field(ge=1)
    """How many cards that catalogue has."""
    distractors: dict[str, Any] | None = None
    """Reference of the catalogue that the cards of "unknown-card" come from."""
    release_digest: str | None = Field(default=None, pattern=_SHA256)
    """The release whose verdict it was made for."""
    seed: int | str | None = None
    """What all photos' seeds derive from; None where a camera made them."""
    plan: PhotoPlan | None = None
    """How many photos of which kind were wanted."""
    simulator: int | None = None
    """Version of the photo simulator."""
    photos: tuple[PhotoRecord, ...] = Field(min_length=1)
    """In the order that embeddings follow."""
    teacher: TeacherRecord | None = None
    """The teacher's embeddings, where they lie with it."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for what, values in (
            ("id", [photo.id for photo in self.photos]),
            ("file", [photo.file for photo in self.photos]),
            # A picture that counts twice is no second sample.
            ("picture", [photo.sha256 for photo in self.photos]),
        ):
            twice = [value for value, times in Counter(values).items() if times > 1]
            if twice:
                raise ValueError(f"photos share the {what} {twice[0]!r} ({len(twice)} such)")
        other = next((photo.id for photo in self.photos if photo.provenance != self.provenance), None)
        if other is not None:
            raise ValueError(f"photo {other!r} is not {self.provenance}, as the manifest says of all")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the photos' records, which hold the files' digests; the teacher's part is left out."""
        return sha256_bytes(canonical_json([photo.model_dump(mode="json") for photo in self.photos]))

    def to_bytes(self) -> bytes:
        """The file: canonical JSON and a newline."""
        return canonical_json(self.model_dump(mode="json")) + b"\n"


def read_manifest(root: Path) -> PhotoManifest:
    """Read `root`/manifest.json; no photo is opened.

    Raises:
        PhotoSetError: No such folder or file, a link, too large, no JSON, or not of this schema.
    """
    file = root / MANIFEST
    if file.is_symlink() or not file.is_file():
        raise PhotoSetError(
            root,
            expected=f"a folder with a {MANIFEST} of its own",
            found="a link" if file.is_symlink() else "none",
            action="make one with: cardembed photos make --out DIR",
        )
    return read_record(PhotoManifest, file, partial(_unreadable, file), limit=MAX_MANIFEST_BYTES)


def _unreadable(file: Path, found: str) -> PhotoSetError:
    return PhotoSetError(
        file,
        expected="a photo set's manifest of schema 1",
        found=found,
        action="fetch the set again, or make it with: cardembed photos make --out DIR",
    )
