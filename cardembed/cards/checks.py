"""What is wrong with a catalogue: duplicate ids, second scans, placeholders, unreadable files; and reprints.

Second scans of a card under another id push identical pictures apart in training, and a placeholder ("image
coming soon") attracts every query: both must be found before a model is trained or judged. Reprints are no
fault, only information.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cardembed.cards.card import Card
from cardembed.cards.catalogue import Catalogue, FolderCatalogue, load_catalogue
from cardembed.cards.folder import read_folder, unlisted_images
from cardembed.cards.images import open_image
from cardembed.errors import CatalogueError, ImageError

__all__ = ["CheckReport", "Finding", "check_catalogue"]

HASH_SIDE = 16
"""The perceptual hash has 16 x 16 = 256 bits."""
NEAR_BITS = 36
"""Near-duplicates differ in at most so many bits …"""
NEAR_TONE = 10.0
"""… and by at most so much in the mean of their small pictures (0 … 255)."""
FLAT_TONE = 7.0
"""A picture whose small form deviates by less (standard deviation, 0 … 255) shows nothing."""
_THUMB = (18, 25)
_MANY = 3

Progress = Callable[[Iterable[Card]], Iterable[Card]]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found in a catalogue.

    Args:
        kind: "duplicate-id", "missing-file", "bad-metadata", "unreadable", "near-duplicate" or "placeholder"
            (problems); "reprint" or "unlisted" (information).
        ids: The cards concerned; empty where it concerns none.
        text: One line for people.
        problem: Whether the catalogue should be mended.
    """

    kind: str
    ids: tuple[str, ...]
    text: str
    problem: bool = True


@dataclass(slots=True)
class CheckReport:
    """All findings about a catalogue.

    Args:
        catalogue: What was checked.
        cards: How many cards it has, those with problems included.
        findings: Problems first, then information.
    """

    catalogue: str
    cards: int
    findings: list[Finding] = field(default_factory=list)

    @property
    def problems(self) -> list[Finding]:
        """The findings that should be mended."""
        return [finding for finding in self.findings if finding.problem]

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def counts(self) -> dict[str, int]:
        """How many findings of each kind."""
        counts: dict[str, int] = defaultdict(int)
        for finding in self.findings:
            counts[finding.kind] += 1
        return dict(counts)

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        return {
            "catalogue": self.catalogue,
            "cards": self.cards,
            "ok": self.ok,
            "counts": self.counts(),
            "findings": [asdict(finding) for finding in self.findings],
        }


def check_catalogue(source: Catalogue | str | Path, *, progress: Progress = iter) -> CheckReport:
    """Check a catalogue or a folder that may be too faulty to load as one.

    Args:
        source: A catalogue, a folder, or "synthetic:SEED:COUNT".
        progress: Wraps the iteration over cards, for a progress bar.

    Raises:
        CatalogueError: Nothing to check: no folder, no or an unreadable table, no rows, no images.
    """
    if not isinstance(source, Catalogue):
        if not str(source).startswith("synthetic:"):
            return _check_folder(Path(source), progress)
        source = load_catalogue(str(source))
    if isinstance(source, FolderCatalogue):
        return _check_folder(source.root, progress)
    report = CheckReport(source.name, len(source))
    _check_pictures(report, source.cards, lambda card: source.image(card.id), progress)
    return report


def _check_folder(root: Path, progress: Progress) -> CheckReport:
    listing = read_folder(root)
    report = CheckReport(str(root), listing.rows)
    report.findings += [Finding(fault.kind, fault.ids, fault.text) for fault in listing.problems]
    files = listing.files
    _check_pictures(report, listing.cards, lambda card: open_image(root / files[card.id]), progress)
    report.findings += [
        Finding("unlisted", (), f"no card names the image {name!r}", problem=False)
        for name in unlisted_images(listing)
    ]
    return report


def _check_pictures(
    report: CheckReport,
    cards: Iterable[Card],
    picture: Callable[[Card], Image.Image],
    progress: Progress,
) -> None:
    readable: list[Card] = []
    bits: list[NDArray[np.bool_]] = []
    thumbs: list[NDArray[np.uint8]] = []
    listed = list(cards)
    for card in progress(listed):
        try:
            image = picture(card)
        except (ImageError, CatalogueError) as error:
            report.findings.append(Finding("unreadable", (card.id,), str(error)))
            continue
        readable.append(card)
        bits.append(imagehash.phash(image, hash_size=HASH_SIDE).hash.reshape(-1))
        thumbs.append(np.asarray(image.resize(_THUMB, Image.Resampling.BOX), dtype=np.uint8))
    if readable:
        report.findings += _alike(readable, np.stack(bits), np.stack(thumbs))
    report.findings += _reprints(listed)


def _alike(cards: list[Card], bits: NDArray[np.bool_], thumbs: NDArray[np.uint8]) -> Iterator[Finding]:
    """Placeholders and near-duplicates."""
    flat = thumbs.reshape(len(cards), -1, 3).std(axis=1).max(axis=1) < FLAT_TONE
    for place in np.flatnonzero(flat).tolist():
        yield Finding("placeholder", (cards[place].id,), f"card {cards[place].id!r} shows an empty picture")
    leaders = list(range(len(cards)))

    def leader(place: int) -> int:
        while leaders[place] != place:
            leaders[place] = leaders[leaders[place]]
            place = leaders[place]
        return place

    for first, second in _near_pairs(bits, thumbs):
        if not (flat[first] or flat[second] or _declared_reprints(cards[first], cards[second])):
            leaders[leader(second)] = leader(first)
    clusters: dict[int, list[Card]] = defaultdict(list)
    for place, card in enumerate(cards):
        clusters[leader(place)].append(card)
    for members in clusters.values():
        ids = tuple(card.id for card in members)
        if len({card.artwork for card in members}) >= _MANY:
            text = f"{len(ids)} cards of different artwork show the same picture: {_some(ids)}"
            yield Finding("placeholder", ids, text)
        elif len(ids) > 1:
            yield Finding("near-duplicate", ids, f"scans of the same card under {len(ids)} ids: {_some(ids)}")


def _declared_reprints(first: Card, second: Card) -> bool:
    """Whether the table itself says that these are two printings of one artwork."""
    printing = (first.set_code, first.number, first.finish), (second.set_code, second.number, second.finish)
    return first.artwork == second.artwork and printing[0] != printing[1]


def _near_pairs(bits: NDArray[np.bool_], thumbs: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    """Pairs of places, the smaller first, whose hashes and small pictures are near; exhaustive."""
    signs = bits.astype(np.float32) * 2 - 1  # the dot product of two is 256 - 2 x differing bits
    needed = signs.shape[1] - 2 * NEAR_BITS
    for start in range(0, len(signs), 512):
        dots = signs[start : start + 512] @ signs[start:].T
        for row, column in np.argwhere(dots >= needed):
            first, second = start + int(row), start + int(column)
            if first < second:
                difference = thumbs[first].astype(np.int16) - thumbs[second]
                if float(np.abs(difference).mean()) <= NEAR_TONE:
                    yield first, second


def _reprints(cards: Iterable[Card]) -> Iterator[Finding]:
    groups: dict[str, list[Card]] = defaultdict(list)
    for card in cards:
        groups[card.artwork].append(card)
    for members in groups.values():
        if len(members) > 1:
            ids = tuple(card.id for card in members)
            yield Finding("reprint", ids, f"{len(ids)} cards share an artwork: {_some(ids)}", problem=False)


def _some(ids: tuple[str, ...]) -> str:
    return ", ".join(ids[:5]) + (" …" if len(ids) > 5 else "")
