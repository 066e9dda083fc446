"""The files of an `.mlpackage`: found through its manifest, and nowhere outside of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cardembed.errors import ArtefactError

__all__ = ["LARGEST_FILE", "Package", "open_package"]

LARGEST_FILE = 4 << 30
"""Bytes; the largest of the profiles' models has 1.2 GB."""
_LARGEST_MANIFEST = 1 << 20
_SPECIFICATION = "model.mlmodel"


@dataclass(frozen=True, slots=True)
class Package:
    """Where a package's parts lie."""

    root: Path
    """The `.mlpackage`."""
    specification: Path
    """The model's protobuf."""

    def weights(self, name: str) -> Path:
        """The file that a value calls `@model_path/…`.

        Raises:
            ArtefactError: It is called otherwise, or is no plain file within the package.
        """
        prefix = "@model_path/"
        if not name.startswith(prefix):
            raise bad(self.root, "weights below @model_path", repr(name[:80]))
        return _contained(self.root, self.specification.parent, name.removeprefix(prefix))


def open_package(root: Path) -> Package:
    """Find a package's specification.

    Raises:
        ArtefactError: No package, a manifest that is not one, or files that are links or lie outside.
    """
    manifest = root / "Manifest.json"
    if not root.is_dir() or root.is_symlink():
        raise bad(root, "an .mlpackage, which is a folder", "something else" if root.exists() else "nothing")
    if manifest.is_symlink() or not manifest.is_file() or manifest.stat().st_size > _LARGEST_MANIFEST:
        raise bad(root, "a Manifest.json of at most 1 MiB", "none")
    try:
        content = json.loads(manifest.read_bytes())
        entries = content["itemInfoEntries"]
        item = entries[content["rootModelIdentifier"]]["path"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise bad(root, "a manifest that names its model", f"{type(error).__name__}: {error}") from error
    if not isinstance(item, str):
        raise bad(root, "a manifest that names its model", f"a path of type {type(item).__name__}")
    return Package(root, _contained(root, root / "Data", item))


def _contained(root: Path, folder: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    if (
        not parts
        or PurePosixPath(name).is_absolute()
        or {"..", "."} & set(parts)
        or "\\" in name
        or "\0" in name
    ):
        raise bad(root, "a path inside of the package", repr(name[:80]))
    path = folder
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise bad(root, "files, and no links", f"a link {part!r}")
    if not path.is_file():
        raise bad(root, f"the file {name[:80]}", "none")
    if path.stat().st_size > LARGEST_FILE:
        raise bad(root, f"files of at most {LARGEST_FILE} bytes", f"{path.stat().st_size}")
    return path


def bad(path: Path, expected: str, found: str) -> ArtefactError:
    """What is wrong with a Core ML artefact."""
    return ArtefactError(path, expected=expected, found=found, action="export it: cardembed export coreml")
