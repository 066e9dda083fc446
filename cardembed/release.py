"""A release: a directory with `release.json` and the artefacts that it names by digest.

Nothing in a release is opened before its bytes were compared with the digest in `release.json`, and no
path in it may leave the directory or pass a link.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from cardembed._io import atomic_write_bytes, canonical_json, json_bytes, sha256_artefact, sha256_bytes
from cardembed._sizes import check_size, size_of_artefact
from cardembed._validation import read_record
from cardembed.errors import ArtefactError, DigestMismatchError, ReleaseError, UnknownTargetError

__all__ = [
    "MANIFEST",
    "Artefact",
    "Compilation",
    "PreprocessingSpec",
    "Release",
    "TargetEntry",
    "default_release_dir",
    "read_verified",
]

MANIFEST = "release.json"
_MANIFEST_LIMIT = 4 << 20  # bytes; a release.json is a few kilobytes
_SHA256 = r"^[0-9a-f]{64}$"
_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _contained(path: str) -> str:
    pure = PurePosixPath(path)
    parts = path.split("/")
    if pure.is_absolute() or "\\" in path or ":" in path or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{path!r} is not a plain relative path inside the release")
    return path


class Compilation(BaseModel):
    """What is known of how a HEF came about."""

    model_config = _STRICT
    sdk_version: str = Field(max_length=200)
    """The compiler's version, as the HEF states it; empty where it states none."""
    contexts: int = Field(ge=0)
    """Configurations that the chip goes through for one frame; 1 where the whole network fits on it."""
    bottleneck_fps: float | None = Field(default=None, gt=0)
    """Frames a second of the slowest part, by the compiler's estimate; None where it states none."""
    kit_sha256: str | None = Field(default=None, pattern=_SHA256)
    """Of the manifest of the compile kit that it was made from; None where no compiled.json shows that."""
    emulated: dict[str, dict[str, float]] | None = None
    """By what of the compiler executed it ("native", "fp_optimized", "quantized"): "mean", "p5" and "min" of
    the cosine to the float student."""
    calibration_photos: tuple[Annotated[str, Field(pattern=_SHA256)], ...] | None = None
    """SHA-256 of the photos that the kit calibrates on; None where nobody showed one. The HEF changes the
    release's digest, and so its verdict photos: the kit was compared with those of before."""

    @model_serializer(mode="wrap")
    def _without_what_is_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)  # as of an artefact, below
        return {
            name: value
            for name, value in content.items()
            if value is not None or name != "calibration_photos"
        }


class Artefact(BaseModel):
    """One file of a release, or the folder of an `.mlpackage`."""

    model_config = _STRICT
    path: str
    """Relative to the release directory, with forward slashes."""
    sha256: str = Field(pattern=_SHA256)
    """Digest of the file's bytes; of a folder, over its files' digests and paths: see `sha256_artefact`."""
    format: Literal["safetensors", "onnx", "int8", "ort", "mlmodel", "mlpackage", "hef"]
    """What kind of file it is; an "mlpackage" is a folder."""
    bytes: int = Field(gt=0)
    """The file's size; of a folder, that of all its files."""
    normalised: Literal["chip", "host"] | None = None
    """Of a HEF: who subtracts the mean and divides by the deviation, the compiled network or the host."""
    compiled: Compilation | None = None
    """Of a HEF: how it came about."""

    _path = field_validator("path")(_contained)

    @model_validator(mode="after")
    def _about_a_hef(self) -> Self:
        if self.format != "hef" and (self.normalised is not None or self.compiled is not None):
            raise ValueError(f"normalised and compiled are about a hef, and {self.path} is {self.format}")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A release's digest is over what it says: fields that came later do not change those that lack them.
        content: dict[str, Any] = handler(self)
        return {
            name: value
            for name, value in content.items()
            if value is not None or name not in ("normalised", "compiled")
        }


class PreprocessingSpec(BaseModel):
    """How an image becomes an input, apart from the size, which belongs to the target."""

    model_config = _STRICT
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    """Subtracted from R, G, B in [0, 1]."""
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """Divided by, after the mean was subtracted."""
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    """Antialiased resampling to the square input (the image is squashed, not cropped)."""

    @field_validator("std")
    @classmethod
    def _positive(cls, std: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(std) <= 0:
            raise ValueError("std must be positive")
        return std


class TargetEntry(BaseModel):
    """What a release ships for one target."""

    model_config = _STRICT
    architecture: str
    """The architecture's name in the profile table."""
    input_size: int = Field(ge=16, le=2048)
    """Side of the square input, in pixels."""
    artefacts: tuple[Artefact, ...] = ()
    """The target's files; may be empty where the weights are shared and the rest is derived."""
    match_threshold: float | None = Field(default=None, gt=0, le=2)
    """Largest cosine distance that is a match; None until the release was calibrated."""
    shares_weights_with: str | None = None
    """Another target of this release whose weights this one uses."""
    calibration: dict[str, Any] | None = None
    """The figures behind `match_threshold`, see `cardembed.retrieval.calibrate.Calibration`."""


class Release(BaseModel):
    """The content of a `release.json`, bound to its directory by `Release.load`."""

    model_config = _STRICT
    schema_version: Literal[1] = 1
    """Of this format."""
    name: str = Field(min_length=1, max_length=200)
    """For people."""
    profile: Literal["prd", "reference"]
    """The profile whose architectures these are."""
    created: str
    """When it was assembled, ISO 8601 in UTC."""
    catalogue: dict[str, Any]
    """The catalogue it was trained on, a reference that `load_catalogue` reads."""
    catalogue_digest: str = Field(pattern=_SHA256)
    """That catalogue's digest."""
    gallery: dict[str, Any] | None = None
    """What verdicts search, a reference that `load_catalogue` reads: the catalogue with cards that training
    never saw and distractors. None where it is the catalogue alone."""
    gallery_digest: str | None = Field(default=None, pattern=_SHA256)
    """The gallery's digest."""
    preprocessing: PreprocessingSpec = PreprocessingSpec()
    """Shared by all targets."""
    targets: dict[str, TargetEntry] = Field(min_length=1)
    """By target name."""
    training: dict[str, Any] = Field(default_factory=dict)
    """Provenance: seeds, schedules, durations, packages; what the trainer recorded."""
    notes: str = ""
    """For people."""

    _root: Path | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.gallery is None) != (self.gallery_digest is None):
            raise ValueError("gallery and gallery_digest stand together or not at all")
        if self.gallery is not None and self.gallery.get("learned") != self.catalogue:
            raise ValueError("the gallery's learned cards are the catalogue")
        for name, entry in self.targets.items():
            other = entry.shares_weights_with
            if other is not None:
                shared = self.targets.get(other)
                if other == name or shared is None or shared.shares_weights_with is not None:
                    raise ValueError(
                        f"target {name} shares weights with {other!r}, which has none of its own"
                    )
            elif not entry.artefacts:
                raise ValueError(f"target {name} has no artefact and shares no weights")
        return self

    @classmethod
    def load(cls, directory: Path | str) -> Release:
        """Read `release.json`; artefacts are not opened (see `verify`).

        Raises:
            ReleaseError: No such directory or file, no JSON, or not of this schema.
        """
        root = Path(directory)
        file = root / MANIFEST
        if not file.is_file():
            raise ReleaseError(
                root,
                expected=f"a release directory with a {MANIFEST}",
                found="none",
                action="pass --release DIR, or assemble one with `cardembed release build`",
            )
        release = read_record(cls, file, partial(_bad, file), limit=_MANIFEST_LIMIT)
        release._root = root
        return release

    @property
    def root(self) -> Path:
        """The directory. A release that was neither loaded nor written has none (ReleaseError)."""
        if self._root is None:
            raise ReleaseError(
                self.name, expected="a release on disk", found="only its content", action="write it"
            )
        return self._root

    @property
    def digest(self) -> str:
        """SHA-256 of the content's canonical JSON: it names artefacts, thresholds and provenance."""
        return sha256_bytes(canonical_json(self.model_dump(mode="json")))

    @property
    def searched(self) -> dict[str, Any]:
        """Reference of what verdicts search: the gallery, or the catalogue where there is none."""
        return self.catalogue if self.gallery is None else self.gallery

    @property
    def searched_digest(self) -> str:
        """That one's digest."""
        return self.catalogue_digest if self.gallery_digest is None else self.gallery_digest

    def target(self, target: str) -> TargetEntry:
        """The entry of `target`.

        Raises:
            UnknownTargetError: The release does not have it.
        """
        try:
            return self.targets[target]
        except KeyError:
            raise UnknownTargetError(
                target,
                expected=f"a target of the release {self.name} ({', '.join(self.targets)})",
                found="another name",
                action="choose one of these",
            ) from None

    def artefact(self, target: str, format: str) -> Artefact | None:  # noqa: A002 - the field's name
        """The target's file of a format; weights may be those of the target it shares them with."""
        entry = self.target(target)
        for artefact in entry.artefacts:
            if artefact.format == format:
                return artefact
        if format == "safetensors" and entry.shares_weights_with is not None:
            return self.artefact(entry.shares_weights_with, format)
        return None

    def weights(self, target: str) -> Artefact:
        """The safetensors file that `target` is made from.

        Raises:
            ReleaseError: The release does not ship it.
        """
        artefact = self.artefact(target, "safetensors")
        if artefact is None:
            raise ReleaseError(
                self._root or self.name,
                expected=f"weights (safetensors) of {target}",
                found="none in release.json",
                action="use a release that ships them, or a machine with the target's own runtime",
            )
        return artefact

    def path(self, artefact: Artefact) -> Path:
        """Where an artefact lies; refuses links, anything outside of the directory, and another size.

        Raises:
            ReleaseError: The file or folder is missing, is of the other kind, is a link or lies behind one.
            DigestMismatchError: It has other than as many bytes as release.json says; none was read.
        """
        path = self.root
        for part in PurePosixPath(artefact.path).parts:
            path = path / part
            if path.is_symlink():
                raise ReleaseError(
                    path, expected="a file of the release itself", found="a link", action="copy the file"
                )
        folder = artefact.format == "mlpackage"
        if not (path.is_dir() if folder else path.is_file()):
            raise ReleaseError(
                path,
                expected=f"the artefact that release.json names, a {'folder' if folder else 'file'}",
                found="something else" if path.exists() else "nothing",
                action="restore it from its source",
            )
        found = size_of_artefact(path)
        if found != artefact.bytes:
            raise DigestMismatchError(
                path,
                expected=f"{artefact.bytes} bytes, as release.json says",
                found=f"{found} bytes",
                action="restore it from its source",
            )
        return path

    def check(self, artefact: Artefact) -> Path:
        """Compare an artefact on disk with its size and digest; gives its place.

        Raises:
            ReleaseError: As `path`; a folder that holds a link, or no file.
            DigestMismatchError: The bytes are others.
        """
        path = self.path(artefact)
        try:
            _same_digest(path, artefact.sha256, sha256_artefact(path))
        except ArtefactError as error:
            raise ReleaseError(
                error.thing, expected=error.expected, found=error.found, action="restore it from its source"
            ) from error
        return path

    def read(self, artefact: Artefact) -> bytes:
        """A file's bytes, after they were compared with its size and digest; a folder has none of its own.

        Raises:
            ReleaseError: As `path`; it is a folder.
            DigestMismatchError: The bytes are others.
        """
        path = self.path(artefact)
        if path.is_dir():
            raise ReleaseError(path, expected="a file", found="a folder", action="open it as a package")
        return read_verified(path, artefact.sha256)

    def verify(self, target: str | None = None) -> None:
        """Compare the files of one target (its shared weights too), or of all, with their digests.

        Raises:
            DigestMismatchError: Bytes differ.
            ReleaseError: A file is missing or is a link.
            UnknownTargetError: The release does not have `target`.
        """
        names = list(self.targets) if target is None else [target]
        if target is not None and (shared := self.target(target).shares_weights_with) is not None:
            names.append(shared)
        for name in names:
            for artefact in self.targets[name].artefacts:
                self.check(artefact)

    def with_thresholds(self, thresholds: Mapping[str, tuple[float, dict[str, Any]]]) -> Release:
        """A copy with other match thresholds and their figures, by target. Nothing is written."""
        targets = dict(self.targets)
        for name, (threshold, figures) in thresholds.items():
            update = {"match_threshold": threshold, "calibration": figures}
            targets[name] = self.target(name).model_copy(update=update)
        return self._changed(targets)

    def with_artefact(self, target: str, artefact: Artefact) -> Release:
        """A copy in which `artefact` is the target's file of its format. Nothing is written.

        Raises:
            UnknownTargetError: The release does not have `target`.
        """
        entry = self.target(target)
        others = tuple(one for one in entry.artefacts if one.format != artefact.format)
        changed = entry.model_copy(update={"artefacts": (*others, artefact)})
        return self._changed({**self.targets, target: changed})

    def _changed(self, targets: dict[str, TargetEntry]) -> Release:
        copy = Release.model_validate(self.model_copy(update={"targets": targets}).model_dump())
        copy._root = self._root
        return copy

    def write(self, directory: Path | str | None = None) -> Release:
        """Write `release.json` atomically, into the release's own directory or another; artefacts stay.

        Raises:
            ReleaseError: More than could be read again; nothing was written.
        """
        root = Path(directory) if directory is not None else self.root
        data = json_bytes(self.model_dump(mode="json"))
        if len(data) > _MANIFEST_LIMIT:
            raise ReleaseError(
                root / MANIFEST,
                expected=f"at most {_MANIFEST_LIMIT} bytes",
                found=f"{len(data)}; nothing was written",
                action="calibrate on fewer photos",
            )
        atomic_write_bytes(root / MANIFEST, data)
        return Release.load(root)


def read_verified(path: Path, sha256: str) -> bytes:
    """A file's bytes, compared with a digest before anybody parses them.

    Raises:
        DigestMismatchError: They differ.
        ArtefactError: More bytes than any artefact of its kind has; none was read.
    """
    check_size(path)
    data = path.read_bytes()
    _same_digest(path, sha256, sha256_bytes(data))
    return data


def _same_digest(path: Path, sha256: str, found: str) -> None:
    if found != sha256:
        raise DigestMismatchError(
            path,
            expected=f"SHA-256 {sha256[:16]}…",
            found=f"{found[:16]}…",
            action="restore the file from its source",
        )


def default_release_dir() -> Path:
    """The reference release that the checkout ships (it need not exist in an installed wheel)."""
    chosen = os.environ.get("CARDEMBED_RELEASE")
    return Path(chosen) if chosen else Path(__file__).resolve().parent.parent / "fixtures" / "release"


def _bad(file: Path, found: str) -> ReleaseError:
    return ReleaseError(
        file, expected="a release.json of schema 1", found=found, action="assemble the release anew"
    )
