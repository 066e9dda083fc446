"""The photos to look at first: what a verdict got most wrong, beside what it was taken for."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cardembed.conformance.samples import (
    AlignmentSamples,
    CensusSamples,
    PairSamples,
    RetrievalSamples,
    Samples,
    UnknownSamples,
)

if TYPE_CHECKING:
    from cardembed.conformance.measure.target import TargetMeasurements

__all__ = ["WORST", "Worst", "worst_photos"]

WORST = 3
"""How many of a cell are shown."""
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Worst:
    """One of them."""

    photo: bytes
    """JPEG."""
    matched: bytes | None
    """JPEG of the card (or other photo) beside it."""
    caption: str
    """What happened, in one line."""


def jpeg(image: Image.Image) -> bytes:
    """As JPEG, quality 85: for people, not for measuring."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def worst_photos(target: TargetMeasurements, samples: Samples, count: int = WORST) -> list[Worst]:
    """The worst samples with their images, the worst first."""
    if isinstance(samples, CensusSamples):
        return _nearest_cards(target)
    return [_shown(target, samples, int(index)) for index in _order(samples)[:count]]


def _order(samples: Samples) -> NDArray[np.int64]:
    if isinstance(samples, RetrievalSamples):
        return np.lexsort((-np.asarray(samples.distance), -np.asarray(samples.rank)))
    if isinstance(samples, UnknownSamples):
        return np.argsort(np.asarray(samples.nearest_distance), kind="stable")
    if isinstance(samples, PairSamples | AlignmentSamples):
        return np.argsort(np.asarray(samples.similarity), kind="stable")
    return np.empty(0, np.int64)


def _shown(target: TargetMeasurements, samples: Samples, index: int) -> Worst:
    photo = target.photo_of(samples.photo[index])  # type: ignore[union-attr]
    if isinstance(samples, RetrievalSamples):
        caption = (
            f"{samples.card[index]}: rank {samples.rank[index]}, distance {samples.distance[index]:.3f}; "
            f"nearest {samples.nearest[index]} at {samples.nearest_distance[index]:.3f}"
        )
        return Worst(jpeg(photo), jpeg(target.catalogue.image(samples.nearest[index])), caption)
    if isinstance(samples, UnknownSamples):
        caption = (
            f"{samples.family[index] or 'unknown card'}: {samples.answer[index]}; "
            f"nearest {samples.nearest[index]} at {samples.nearest_distance[index]:.3f}"
        )
        return Worst(jpeg(photo), jpeg(target.catalogue.image(samples.nearest[index])), caption)
    if isinstance(samples, PairSamples):
        other = target.photo_of(samples.other_photo[index])
        return Worst(
            jpeg(photo),
            jpeg(other),
            f"{samples.card[index]} twice: similarity {samples.similarity[index]:.3f}",
        )
    assert isinstance(samples, AlignmentSamples)
    caption = (
        f"{samples.card[index]}: similarity to the teacher {samples.similarity[index]:.4f}, "
        f"its own photo's embedding is number {samples.teacher_rank[index]}"
    )
    return Worst(jpeg(photo), None, caption)


def _nearest_cards(target: TargetMeasurements) -> list[Worst]:
    """The two cards with different artwork that are most alike."""
    _, artwork = np.unique(np.asarray(target.catalogue.artworks), return_inverse=True)
    best, pair = -np.inf, (0, 0)
    for start in range(0, len(artwork), _BLOCK):
        rows = slice(start, start + _BLOCK)
        similarity = target.gallery[rows] @ target.gallery.T
        similarity[artwork[rows][:, None] == artwork[None, :]] = -np.inf
        place = int(similarity.argmax())
        if similarity.flat[place] > best:
            best = float(similarity.flat[place])
            pair = (start + place // len(artwork), place % len(artwork))
    if not np.isfinite(best):
        return []
    one, other = (target.catalogue.ids[row] for row in pair)
    caption = f"{one} and {other}: similarity {best:.3f}, the highest of different artwork"
    return [Worst(jpeg(target.catalogue.image(one)), jpeg(target.catalogue.image(other)), caption)]
