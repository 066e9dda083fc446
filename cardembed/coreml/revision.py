"""Which code of ours executes: what is kept of its results must not outlive a change of it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from cardembed._io import sha256_bytes, sha256_listing

__all__ = ["executor_digest"]


@functools.cache
def executor_digest() -> str:
    """SHA-256 of this package's files, by their paths; 64 hex digits.

    A number that somebody has to raise would be forgotten. A changed comment changes this one, too, which
    costs some minutes of embedding anew.
    """
    found = _files(files(__package__))
    return sha256_listing((path, sha256_bytes(file.read_bytes())) for path, file in found)


def _files(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    """As they are installed, in a folder or an archive; without what Python compiles as it goes."""
    for item in folder.iterdir():
        if item.is_file():
            yield f"{above}{item.name}", item
        elif item.name != "__pycache__":
            yield from _files(item, f"{above}{item.name}/")
