"""Which code of ours computed a thing: what is kept of its results must not outlive a change of it."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from cardembed._io import sha256_bytes, sha256_listing

__all__ = ["code_digest", "package_version"]


@functools.cache
def code_digest(*packages: str) -> str:
    """SHA-256 of all files of some packages, by their paths; 64 hex digits.

    A number that somebody has to raise would be forgotten. A changed comment changes this one, too, which
    costs some minutes of computing anew.

    Args:
        packages: Such as "cardembed.coreml".
    """
    listing = [
        (f"{package}/{path}", sha256_bytes(file.read_bytes()))
        for package in packages
        for path, file in _files(files(package))
    ]
    return sha256_listing(listing)


def package_version(name: str) -> str | None:
    """The version of an installed package; None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _files(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    """As they are installed, in a folder or an archive; without what Python compiles as it goes."""
    for item in folder.iterdir():
        if item.is_file():
            yield f"{above}{item.name}", item
        elif item.name != "__pycache__":
            yield from _files(item, f"{above}{item.name}/")
