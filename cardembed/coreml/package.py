"""The files of an artefact: a model package's folder, or one `.mlmodel`; nothing outside of it is read."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from cardembed.coreml.limits import Limits
from cardembed.coreml.problems import artefact_error

__all__ = ["Package", "open_regular", "read_file"]

_FORMAT = "1.0.0"
"""Of a package's manifest; the only one that there is (`ModelPackage.cpp` in coremltools)."""


@dataclass(frozen=True, slots=True)
class Package:
    """Where an artefact's files are.

    Args:
        path: The `.mlpackage` folder or the `.mlmodel` file.
        specification: The file with the `Model` message.
        weights: The folder that blob references start from; None for a `.mlmodel`.
    """

    path: Path
    specification: Path
    weights: Path | None

    @classmethod
    def open(cls, path: Path | str, limits: Limits | None = None) -> Package:
        """Find the files; nothing but Manifest.json is parsed.

        Raises:
            ArtefactError: No such artefact, a manifest of another version, missing items, or paths
                that lead out of it, links included.
        """
        path = Path(path)
        limits = limits or Limits()
        if path.is_dir():
            return _open_folder(path, limits)
        if path.suffix != ".mlmodel" or not path.is_file():
            raise artefact_error(
                path,
                expected="an .mlpackage folder or an .mlmodel file",
                found="something else" if path.exists() else "nothing",
                action="name a Core ML artefact",
            )
        return cls(path, path, None)

    def blob_file(self, name: str) -> Path:
        """The file that a blob reference such as "@model_path/weights/weight.bin" names.

        Raises:
            ArtefactError: Outside of the package, a link, or missing.
        """
        prefix = "@model_path/"
        if self.weights is None or not name.startswith(prefix):
            raise artefact_error(self.path, expected=f"blob files under {prefix}", found=repr(name))
        return _contained(self.path, self.weights, name.removeprefix(prefix))


def read_file(path: Path, limit: int) -> bytes:
    """A regular file's bytes.

    Raises:
        ArtefactError: Not a regular file, unreadable, or longer than `limit` bytes.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit:
                raise artefact_error(path, expected=f"a file of at most {limit} bytes", found=f"{size} bytes")
            return file.read(limit + 1)[:limit]
    except OSError as error:
        raise artefact_error(path, expected="a readable file", found=error.strerror or error) from error


def open_regular(path: Path) -> BinaryIO:
    """A regular file for reading; ArtefactError for a pipe, device or folder, OSError as `open` raises it."""
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - Path.open takes no opener
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise artefact_error(path, expected="a regular file", found="something else")
    return file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe without a writer would block


def _open_folder(path: Path, limits: Limits) -> Package:
    manifest_file = _contained(path, path, "Manifest.json")
    data = read_file(manifest_file, limits.manifest_bytes)
    try:
        manifest: Any = json.loads(data)
        version, root = manifest["fileFormatVersion"], manifest["rootModelIdentifier"]
        entries = manifest["itemInfoEntries"]
        names = {key: entry["path"] for key, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise artefact_error(
            manifest_file, expected="a model package's manifest", found=f"{type(error).__name__}: {error}"
        ) from error
    if version != _FORMAT:
        raise artefact_error(manifest_file, expected=f"fileFormatVersion {_FORMAT}", found=repr(version)[:40])
    if not isinstance(root, str) or not all(isinstance(name, str) for name in names.values()):
        raise artefact_error(manifest_file, expected="identifiers and paths as strings", found="others")
    if root not in names:
        raise artefact_error(manifest_file, expected="the root model among the items", found=repr(root))
    data_folder = path / "Data"
    for name in names.values():
        _contained(path, data_folder, name)
    specification = _contained(path, data_folder, names[root])
    if not specification.is_file():
        raise artefact_error(specification, expected="the root model's file", found="something else")
    return Package(path, specification, specification.parent)


def _contained(package: Path, base: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name or "\\" in name or ":" in name:
        raise artefact_error(package, expected="paths inside of the package", found=repr(name))
    place = base
    try:
        for part in (None, *parts):
            place = place if part is None else place / part
            if place != package and stat.S_ISLNK(place.lstat().st_mode):
                raise artefact_error(package, expected="no symbolic links", found=repr(name))
        outside = not place.resolve().is_relative_to(package.resolve())
    except (OSError, ValueError) as error:
        raise artefact_error(
            package, expected=f"an item {name!r}", found=f"none ({type(error).__name__})"
        ) from error
    if outside:
        raise artefact_error(package, expected="paths inside of the package", found=repr(name))
    return place
