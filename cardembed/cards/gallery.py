"""The gallery of a verdict: the cards that were learned, cards enrolled after training, distractors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

from PIL import Image

from cardembed._io import canonical_json, sha256_bytes
from cardembed.cards.card import Card
from cardembed.cards.catalogue import (
    Catalogue,
    FolderCatalogue,
    SyntheticCatalogue,
    load_catalogue,
    read_spec,
)
from cardembed.errors import CatalogueError

__all__ = ["Gallery", "gallery_of", "load_gallery", "shared_cards"]

_LEARNED: Final = "learned"
_ZERO_SHOT: Final = "zero-shot"
_DISTRACTORS: Final = "distractors"


class Gallery(Catalogue):
    """Cards of up to three catalogues, one after the other.

    Catalogues that are dealt from different seeds repeat each other's ids and artwork groups, so those of the
    second and third carry their part's name in front ("zero-shot/pra-001").

    Args:
        learned: The cards that training saw; verdict photos of AC-1 … AC-3 show these.
        zero_shot: Cards that training never saw, with photos of their own; judged apart.
        distractors: Cards that training never saw and no photo shows: further wrong answers.
    """

    def __init__(
        self,
        learned: Catalogue,
        *,
        zero_shot: Catalogue | None = None,
        distractors: Catalogue | None = None,
    ) -> None:
        parts = {"": learned, _ZERO_SHOT: zero_shot, _DISTRACTORS: distractors}
        self._parts = {name: part for name, part in parts.items() if part is not None}
        cards = [_renamed(card, name) for name, part in self._parts.items() for card in part]
        super().__init__(cards, name=" + ".join(part.name for part in self._parts.values()))

    @property
    def learned(self) -> Catalogue:
        """The cards that training saw; they come first."""
        return self._parts[""]

    @property
    def zero_shot(self) -> Catalogue | None:
        """The cards that joined after training."""
        return self._parts.get(_ZERO_SHOT)

    @property
    def distractors(self) -> Catalogue | None:
        """The cards that only stand in the gallery."""
        return self._parts.get(_DISTRACTORS)

    @cached_property
    def photographed(self) -> list[str]:  # noqa: D102 - as in Catalogue
        return self.ids[: len(self.learned)]

    @cached_property
    def enrolled_later(self) -> list[str]:  # noqa: D102 - as in Catalogue
        start = len(self.learned)
        return self.ids[start : start + len(self.zero_shot or ())]

    def image(self, card_id: str) -> Image.Image:  # noqa: D102 - as in Catalogue
        self.index_of(card_id)  # refuses what is not here
        part, separator, rest = card_id.partition("/")
        if separator and part in self._parts:
            return self._parts[part].image(rest)
        return self.learned.image(card_id)

    @cached_property
    def digest(self) -> str:  # noqa: D102 - as in Catalogue
        parts = {name: part.digest for name, part in self._parts.items()}
        return sha256_bytes(canonical_json({"kind": "gallery", "parts": parts}))

    @property
    def reference(self) -> dict[str, Any]:  # noqa: D102 - as in Catalogue
        parts = {name or _LEARNED: part.reference for name, part in self._parts.items()}
        return {"kind": "gallery", **parts}

    def __reduce__(self) -> tuple[object, ...]:
        # Workers get the parts, not the cards.
        return partial(Gallery, zero_shot=self.zero_shot, distractors=self.distractors), (self.learned,)

    def with_distractors(self, count: int) -> Gallery:
        """The same gallery with `count` distractors, dealt from the seed of those that it has.

        Raises:
            CatalogueError: It has none, or they are not dealt from a seed.
        """
        known = self.distractors
        if not isinstance(known, SyntheticCatalogue):
            raise CatalogueError(
                "number of distractors",
                expected="a gallery whose distractors are dealt from a seed",
                found="none" if known is None else "a folder of scans",
                action="leave the number out",
            )
        more = SyntheticCatalogue(known.seed, count)
        return Gallery(self.learned, zero_shot=self.zero_shot, distractors=more)


def _renamed(card: Card, part: str) -> Card:
    if not part:
        return card
    return replace(card, id=f"{part}/{card.id}", artwork=f"{part}/{card.artwork}")


def gallery_of(
    learned: Catalogue | str, zero_shot: str | None = None, distractors: str | None = None
) -> Gallery | None:
    """The gallery that a recipe or a command line names; None where it is the catalogue alone.

    Args:
        learned: The cards that training sees; opened only where there is more.
        zero_shot: Cards that join later, as `load_catalogue` reads it.
        distractors: Cards that only stand in the gallery, likewise.
    """
    if zero_shot is None and distractors is None:
        return None
    later, others = (None if spec is None else load_catalogue(spec) for spec in (zero_shot, distractors))
    cards = load_catalogue(learned) if isinstance(learned, str) else learned
    return Gallery(cards, zero_shot=later, distractors=others)


def shared_cards(named: Mapping[str, Catalogue | str | None]) -> tuple[str, str] | None:
    """The first two catalogues that are dealt from the same seed, or are the same folder; None without.

    Cards that were learned would be judged as cards that joined later, or stand among their own distractors.

    Args:
        named: Opened, or as `load_catalogue` reads it, by what the user calls it; None for one that is not
            there.

    Returns:
        What the user calls them, the later one first.

    Raises:
        CatalogueError: One that `load_catalogue` could not read.
    """
    seen: dict[int | Path, str] = {}
    for name, cards in named.items():
        source = None if cards is None else _source(cards)
        if source is None:
            continue
        if source in seen:
            return name, seen[source]
        seen[source] = name
    return None


def _source(cards: Catalogue | str) -> int | Path | None:
    """The seed that cards are dealt from, or their folder wherever its name leads."""
    if isinstance(cards, SyntheticCatalogue):
        return cards.seed
    if isinstance(cards, FolderCatalogue):
        return cards.root.resolve()
    if not isinstance(cards, str):
        return None
    named = read_spec(cards)
    return named.resolve() if isinstance(named, Path) else named[0]


def load_gallery(reference: Mapping[str, Any], *, learned: Catalogue | None = None) -> Gallery:
    """Open a gallery.

    Args:
        reference: What `Gallery.reference` gave: "learned", and maybe "zero-shot" and "distractors", each as
            `load_catalogue` reads it.
        learned: That part, opened: a folder's reference does not say where the folder is.

    Raises:
        CatalogueError: An unknown part, or a catalogue that cannot be opened.
    """
    parts = {name: value for name, value in reference.items() if name != "kind"}
    if _LEARNED not in parts or not set(parts) <= {_LEARNED, _ZERO_SHOT, _DISTRACTORS}:
        raise CatalogueError(
            "gallery reference",
            expected=f"the part {_LEARNED}, and maybe {_ZERO_SHOT} and {_DISTRACTORS}",
            found=", ".join(sorted(parts)) or "nothing",
            action="write the reference as the gallery gave it",
        )
    opened = {
        name: learned if learned is not None and name == _LEARNED else load_catalogue(value)
        for name, value in parts.items()
    }
    return Gallery(opened[_LEARNED], zero_shot=opened.get(_ZERO_SHOT), distractors=opened.get(_DISTRACTORS))
