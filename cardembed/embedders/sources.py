"""Where images to embed come from: anything with a digest, a length and images by number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import PIL
from PIL import Image

from cardembed._io import canonical_json, sha256_bytes, sha256_file

if TYPE_CHECKING:
    from cardembed.cards.catalogue import Catalogue

__all__ = ["FileSource", "GallerySource", "PhotoSource"]


class PhotoSource(Protocol):
    """What `embed_cached` reads, one image at a time; a `PhotoSet` is one."""

    @property
    def digest(self) -> str:
        """SHA-256 over everything that decides the images and their order."""

    def __len__(self) -> int: ...

    def image(self, index: int, /) -> Image.Image:
        """The image with this number."""


class GallerySource:
    """A catalogue's pictures in the order of its ids."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    @cached_property
    def digest(self) -> str:
        """Of the catalogue and Pillow, which prints synthetic cards: their last bits may depend on it."""
        return sha256_bytes(canonical_json(["gallery", self._catalogue.digest, PIL.__version__]))

    def __len__(self) -> int:
        return len(self._catalogue)

    def image(self, index: int, /) -> Image.Image:
        """The picture of the card in this row."""
        return self._catalogue.image(self._catalogue.ids[index])


class FileSource:
    """Image files, opened as `open_image` does."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)

    @cached_property
    def digest(self) -> str:
        """Of the files' bytes in order."""
        return sha256_bytes(canonical_json(["files", *(sha256_file(path) for path in self._paths)]))

    def __len__(self) -> int:
        return len(self._paths)

    def image(self, index: int, /) -> Image.Image:
        """The picture in this file."""
        from cardembed.cards.images import open_image

        return open_image(self._paths[index])
