"""Catalogues: the cards that an embedding is compared with, each with its picture.

A catalogue is a sequence of `Card`. `SyntheticCatalogue` prints its cards from a seed, `FolderCatalogue`
reads scans with a table beside them; `load_catalogue` opens whichever a text, path or reference names.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from PIL import Image

from cardembed._io import canonical_json, sha256_bytes
from cardembed.cards.card import FINISHES, Card
from cardembed.cards.folder import FolderListing, digest_of_files, read_folder
from cardembed.cards.images import open_image
from cardembed.cards.printer import PRINTER_VERSION, print_card
from cardembed.cards.synthetic import deal
from cardembed.errors import CatalogueError

__all__ = [
    "FINISHES",
    "MAX_SYNTHETIC",
    "Card",
    "Catalogue",
    "FolderCatalogue",
    "SyntheticCatalogue",
    "load_catalogue",
    "read_spec",
]

MAX_SYNTHETIC = 1_000_000
"""Most cards of a synthetic catalogue."""


class Catalogue(Sequence[Card]):
    """Cards in a fixed order, with unique ids and a picture each.

    Args:
        cards: At least one card.
        name: What errors call the catalogue.

    Raises:
        CatalogueError: No cards, or ids that several cards share.
    """

    def __init__(self, cards: Sequence[Card], *, name: str) -> None:
        if not cards:
            raise CatalogueError(
                name, expected="at least one card", found="none", action="give a catalogue that has cards"
            )
        self.cards: tuple[Card, ...] = tuple(cards)
        self.name = name
        self._places = {card.id: place for place, card in enumerate(self.cards)}
        if len(self._places) < len(self.cards):
            counts = Counter(card.id for card in self.cards)
            twice = [card_id for card_id, times in counts.items() if times > 1]
            raise CatalogueError(
                name,
                expected="every id once",
                found=f"{len(twice)} ids several times: {', '.join(twice[:3])}{' …' * (len(twice) > 3)}",
                action="give each card an id of its own (see: cardembed cards check)",
            )

    @overload
    def __getitem__(self, index: int) -> Card: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Card, ...]: ...
    def __getitem__(self, index: int | slice) -> Card | tuple[Card, ...]:
        return self.cards[index]

    def __len__(self) -> int:
        return len(self.cards)

    @cached_property
    def ids(self) -> list[str]:
        """The cards' ids, in order."""
        return [card.id for card in self.cards]

    @cached_property
    def artworks(self) -> list[str]:
        """Every card's artwork group, in order: as long as the catalogue, equal where cards are reprints."""
        return [card.artwork for card in self.cards]

    @property
    def photographed(self) -> list[str]:
        """Ids of the cards that a photo set shows; all of them, unless a subclass tells parts apart."""
        return self.ids

    @property
    def enrolled_later(self) -> list[str]:
        """Ids of the cards that training never saw and that have photos of their own; none here."""
        return []

    def index_of(self, card_id: str) -> int:
        """Where the card stands in the catalogue.

        Raises:
            CatalogueError: No such id.
        """
        try:
            return self._places[card_id]
        except KeyError:
            raise CatalogueError(
                self.name,
                expected="the id of one of its cards",
                found=repr(card_id),
                action=f"ids look like {self.cards[0].id!r}",
            ) from None

    def by_id(self, card_id: str) -> Card:
        """The card with that id.

        Raises:
            CatalogueError: No such id.
        """
        return self.cards[self.index_of(card_id)]

    @abstractmethod
    def image(self, card_id: str) -> Image.Image:
        """The card's picture, mode "RGB", of whatever size the catalogue has.

        Raises:
            CatalogueError: No such id.
            ImageError: The picture cannot be read.
        """

    @property
    @abstractmethod
    def digest(self) -> str:
        """SHA-256 (64 hex digits) of the cards' metadata and of how or from what bytes pictures come."""

    @property
    @abstractmethod
    def reference(self) -> dict[str, Any]:
        """What `load_catalogue` needs to find the catalogue again, as JSON can hold it."""


class SyntheticCatalogue(Catalogue):
    """Invented cards from the project's own printer, 180 x 252 pixels each.

    The digest covers the metadata and the printer's version. Pixels come from Pillow and may differ in last
    bits between its releases, so photo sets carry digests of their bytes.

    Args:
        seed: Any integer from 0; another seed gives a wholly other catalogue.
        count: How many cards, 1 … 1,000,000. A longer catalogue begins with the same cards.

    Raises:
        CatalogueError: A seed below 0 or a count out of range.
    """

    def __init__(self, seed: int, count: int) -> None:
        name = f"synthetic:{seed}:{count}"
        if seed < 0 or not 0 <= count <= MAX_SYNTHETIC:
            raise CatalogueError(
                name,
                expected=f"synthetic:SEED:COUNT with SEED >= 0 and COUNT of 1 to {MAX_SYNTHETIC}",
                found=f"seed {seed}, count {count}",
                action="choose numbers in these ranges",
            )
        super().__init__(deal(seed, count), name=name)
        self.seed = seed

    def __reduce__(self) -> tuple[object, ...]:
        return SyntheticCatalogue, (self.seed, len(self))  # workers get two numbers, not the cards

    def image(self, card_id: str) -> Image.Image:
        """Print the card: 180 x 252 pixels, mode "RGB", the same at every call."""
        return print_card(self.by_id(card_id), self.seed)

    @cached_property
    def digest(self) -> str:  # noqa: D102 - as in Catalogue
        return sha256_bytes(
            canonical_json(
                {
                    "kind": "synthetic",
                    "printer": PRINTER_VERSION,
                    "seed": self.seed,
                    "cards": [card.as_dict() for card in self.cards],
                }
            )
        )

    @property
    def reference(self) -> dict[str, Any]:  # noqa: D102 - as in Catalogue
        return {"kind": "synthetic", "seed": self.seed, "count": len(self), "printer": PRINTER_VERSION}


class FolderCatalogue(Catalogue):
    """Scans in a folder, with their metadata in its `cards.csv` or `cards.json`.

    Columns (CSV) or keys (JSON, a list of objects or {"cards": [...]}): `id` and `file` (relative to the
    folder) are needed; `name`, `set_code`, `number`, `finish`, `artwork`, `hp`, `rarity`, `element`, `layout`
    may be absent or empty. A card without `artwork` has one of its own.

    Args:
        path: The folder.

    Raises:
        CatalogueError: No such folder, no metadata, no cards, no images, duplicate ids, missing files, bad
            values; the message holds the first few problems.
    """

    def __init__(self, path: Path | str) -> None:
        self.root = Path(path)
        listing: FolderListing = read_folder(self.root)
        listing.refuse_problems()
        super().__init__(listing.cards, name=str(path))
        self._files = dict(listing.files)

    def file(self, card_id: str) -> Path:
        """The card's image file."""
        return self.root / self._files[self.by_id(card_id).id]

    def image(self, card_id: str) -> Image.Image:
        """Read the card's scan, see `open_image`."""
        return open_image(self.file(card_id))

    @cached_property
    def digest(self) -> str:  # noqa: D102 - as in Catalogue
        return sha256_bytes(
            canonical_json(
                {
                    "kind": "folder",
                    "cards": [card.as_dict() for card in self.cards],
                    "images": digest_of_files(self.root, [self._files[card.id] for card in self.cards]),
                }
            )
        )

    @property
    def reference(self) -> dict[str, Any]:  # noqa: D102 - as in Catalogue
        return {"kind": "folder", "digest": self.digest}


def load_catalogue(spec: str | Path | Mapping[str, Any]) -> Catalogue:
    """Open a catalogue.

    Args:
        spec: "synthetic:SEED:COUNT", a folder, or what `Catalogue.reference` gave (of a synthetic one, or
            with the folder's place added under "path").

    Raises:
        CatalogueError: Nothing such, or a reference that does not fit what was found.
    """
    if isinstance(spec, Mapping):
        return _from_reference(spec)
    named = read_spec(spec) if isinstance(spec, str) else spec
    return FolderCatalogue(named) if isinstance(named, Path) else SyntheticCatalogue(*named)


def read_spec(spec: str) -> tuple[int, int] | Path:
    """What a text names, without opening it: seed and count of a synthetic catalogue, or a folder.

    Raises:
        CatalogueError: It begins as a synthetic one does, and does not go on so.
    """
    if not spec.startswith("synthetic:"):
        return Path(spec)
    parts = spec.split(":")
    if len(parts) == 3 and all(part.isascii() and part.isdigit() for part in parts[1:]):
        return int(parts[1]), int(parts[2])
    raise CatalogueError(
        spec,
        expected="synthetic:SEED:COUNT",
        found="something else",
        action="write two whole numbers, such as synthetic:1:384",
    )


def _from_reference(reference: Mapping[str, Any]) -> Catalogue:
    kind = reference.get("kind")
    if kind == "gallery":
        from cardembed.cards.gallery import load_gallery

        return load_gallery(reference)
    if kind == "synthetic":
        seed, count = reference.get("seed"), reference.get("count")
        if type(seed) is not int or type(count) is not int:
            raise CatalogueError(
                "catalogue reference",
                expected="whole numbers under seed and count",
                found=f"{seed!r} and {count!r}",
                action="write the reference as the catalogue gave it",
            )
        version = reference.get("printer", PRINTER_VERSION)
        if version != PRINTER_VERSION:
            raise CatalogueError(
                f"synthetic:{seed}:{count}",
                expected=f"a catalogue of printer version {PRINTER_VERSION}",
                found=f"version {version!r}",
                action="use the cardembed version that made it, or make its release anew",
            )
        return SyntheticCatalogue(seed, count)
    if kind == "folder" and isinstance(reference.get("path"), str):
        catalogue = FolderCatalogue(reference["path"])
        if reference.get("digest", catalogue.digest) != catalogue.digest:
            raise CatalogueError(
                catalogue.name,
                expected=f"the catalogue with digest {reference['digest']}",
                found=catalogue.digest,
                action="give the folder as it was, or make a release for this one",
            )
        return catalogue
    raise CatalogueError(
        "catalogue reference",
        expected="a synthetic catalogue, or a folder with its path",
        found=f"kind {kind!r} without a path" if kind == "folder" else f"kind {kind!r}",
        action="name the folder of scans with --catalogue DIR",
    )
