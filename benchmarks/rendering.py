"""The card printer and the photo simulator against their limits in milliseconds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from benchmarks._timing import Comparison, seconds
from cardembed.cards.catalogue import SyntheticCatalogue
from cardembed.cards.photo_conditions import CONDITIONS, simulate_photo
from cardembed.cards.unknowns import UNKNOWNS, simulate_unknown

__all__ = ["run"]

CARD_LIMIT = 0.010
"""Seconds a card: the issue's limit."""
PHOTO_LIMIT = 0.010
"""Seconds a photo: what keeps a cold run of the features within its eight minutes."""
COUNT = 128


def _against_limit(name: str, work: Callable[[int], object], limit: float) -> Comparison:
    work(0)
    ours = sum(seconds(lambda index=index: work(index)) for index in range(COUNT)) / COUNT  # type: ignore[misc]
    return Comparison(name=name, ours=ours, peer=limit, ratio=limit / ours, rounds=COUNT, limit=1.0)


def run() -> Iterator[Comparison]:
    """Time one card, one photo of each condition, one unknown; the peer is the limit."""
    catalogue = SyntheticCatalogue(seed=1, count=COUNT)
    ids = catalogue.ids
    yield _against_limit("print a card / 10 ms", lambda index: catalogue.image(ids[index]), CARD_LIMIT)
    foil = next(card for card in catalogue if card.finish != "plain")
    image = catalogue.image(foil.id)
    for condition in CONDITIONS:
        yield _against_limit(
            f"simulate a photo, {condition} / 10 ms",
            lambda seed, condition=condition: simulate_photo(  # type: ignore[misc]
                image, finish=foil.finish, condition=condition, severity=2, seed=seed
            ),
            PHOTO_LIMIT,
        )
    families = list(itertools.islice(itertools.cycle(UNKNOWNS), COUNT))
    yield _against_limit(
        "simulate a photo of something else / 10 ms",
        lambda seed: simulate_unknown(families[seed], severity=2, seed=seed),
        PHOTO_LIMIT,
    )
