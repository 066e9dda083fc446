"""The match threshold of an artefact, from development photos.

The rule, deterministic. The PRD lets a correct card lie up to .4 away under occlusion (AC-2) and an unknown
no nearer than .5 (AC-4), so a threshold belongs between. With TPR(t) the share of card photos whose nearest
card has the right artwork and lies within t, and FPIR(t) the share of unknowns that match within t in the
worst family:

1. Of t = .400, .405, …, .500 with FPIR(t) ≤ 5 %, those with the largest TPR(t) − FPIR(t) are taken, and of
   their longest run the middle (the lower middle of two).
2. Where not even .400 keeps FPIR within 5 %, the release does not allow such a threshold: the largest
   t < .400 that does is taken if TPR(t) is at least one half there, else .400. `in_range` is then false.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cardembed.errors import EmbeddingError, UsageError
from cardembed.retrieval.metrics import nearest

if TYPE_CHECKING:
    from cardembed.cards.catalogue import Catalogue
    from cardembed.cards.photo_set import PhotoSet
    from cardembed.embedders.base import Embedder
    from cardembed.embedders.cache import Progress
    from cardembed.release import Release

__all__ = [
    "KNOWN_CONDITIONS",
    "Calibration",
    "calibrate_embedder",
    "calibrate_release",
    "choose_threshold",
    "refuse_verdict_photos",
]

LOWEST, HIGHEST, STEP = 400, 500, 5
"""The range and grid of the rule, in thousandths."""
MAX_FPIR = 0.05
KNOWN_CONDITIONS = ("clean", "occluded", "glare")
SEVERITY = 2


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold and what it does on the photos that it was chosen on."""

    threshold: float
    """Largest cosine distance that is a match."""
    in_range: bool
    """Whether it lies between .4 and .5 with at most 5 % of the worst family accepted."""
    tpr: float
    """Share of card photos that match, at the right artwork."""
    fpir: float
    """Share of the worst family of unknowns that matches."""
    tpr_by_condition: dict[str, float]
    """The same, a condition."""
    fpir_by_family: dict[str, float]
    """The same, a family."""
    known: int
    """Photos of cards."""
    unknown: int
    """Photos of what is no card of the catalogue."""
    photos_digest: str | None = None
    """The photo set's digest."""
    photos: tuple[str, ...] = ()
    """SHA-256 of each photo, sorted, where a camera made them: no verdict is given on any of them. Seeds keep
    simulated ones apart."""

    def figures(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def choose_threshold(
    known: Mapping[str, ArrayLike], unknown: Mapping[str, ArrayLike], *, photos_digest: str | None = None
) -> Calibration:
    """Apply the rule.

    Args:
        known: By condition, each photo's distance to its nearest card where that has the right artwork, and
            infinity where it has not.
        unknown: By family, each photo's distance to its nearest card.
        photos_digest: Kept in the result.

    Raises:
        EmbeddingError: No photos of one of both kinds, or NaN.
    """
    by_condition = {name: _distances(name, values) for name, values in known.items()}
    by_family = {name: _distances(name, values) for name, values in unknown.items()}
    if not by_condition or not by_family:
        raise EmbeddingError(
            "calibration",
            expected="photos of cards and photos of unknowns",
            found=f"{len(by_condition)} conditions and {len(by_family)} families",
            action="use a development photo set that has both",
        )
    cards = np.concatenate(list(by_condition.values()))

    def tpr(t: int) -> float:
        return _share(cards, t)

    def fpir(t: int) -> float:
        return max(_share(values, t) for values in by_family.values())

    allowed = [t for t in range(LOWEST, HIGHEST + STEP, STEP) if fpir(t) <= MAX_FPIR]
    if allowed:
        chosen = _middle_of_best(allowed, [tpr(t) - fpir(t) for t in allowed])
    else:
        lower = [t for t in range(STEP, LOWEST, STEP) if fpir(t) <= MAX_FPIR]
        chosen = lower[-1] if lower and tpr(lower[-1]) >= 0.5 else LOWEST
    return Calibration(
        threshold=chosen / 1000,
        in_range=bool(allowed),
        tpr=tpr(chosen),
        fpir=fpir(chosen),
        tpr_by_condition={name: _share(values, chosen) for name, values in by_condition.items()},
        fpir_by_family={name: _share(values, chosen) for name, values in by_family.items()},
        known=len(cards),
        unknown=sum(len(values) for values in by_family.values()),
        photos_digest=photos_digest,
    )


def calibrate_embedder(
    embedder: Embedder,
    catalogue: Catalogue,
    photos: PhotoSet,
    *,
    use_cache: bool = True,
    progress: Progress | None = None,
) -> Calibration:
    """Embed gallery and photos with the same artefact and apply the rule.

    Args:
        embedder: The artefact.
        catalogue: The gallery.
        photos: A development set; its verdict severity (2) is used, or all of a captured set.
        use_cache: See `embed_cached`.
        progress: See `embed_cached`.

    Raises:
        UsageError: Photos that verdicts are given on.
    """
    from cardembed.embedders.cache import embed_cached
    from cardembed.embedders.sources import GallerySource

    refuse_verdict_photos(photos)
    gallery = embed_cached(embedder, GallerySource(catalogue), use_cache=use_cache, progress=progress)
    queries = embed_cached(embedder, photos, use_cache=use_cache, progress=progress)
    rows, distances = nearest(queries, gallery)
    artworks = catalogue.artworks
    known: dict[str, list[float]] = {}
    unknown: dict[str, list[float]] = {}
    for record, row, distance in zip(photos.records, rows.tolist(), distances.tolist(), strict=True):
        if record.provenance == "simulated" and record.severity != SEVERITY:
            continue
        if record.condition in KNOWN_CONDITIONS and record.card is not None:
            right = artworks[row] == catalogue.by_id(record.card).artwork
            known.setdefault(record.condition, []).append(distance if right else np.inf)
        elif record.condition == "unknown":
            unknown.setdefault(record.family or "unknown", []).append(distance)
    found = choose_threshold(known, unknown, photos_digest=photos.digest)
    if photos.provenance != "captured":
        return found
    return replace(found, photos=tuple(sorted({record.sha256 for record in photos.records})))


def refuse_verdict_photos(photos: PhotoSet) -> None:
    """Refuse photos that verdicts are given on.

    Raises:
        UsageError: They are such.
    """
    if photos.split != "development":
        raise UsageError(
            photos.root,
            expected="a development photo set",
            found=f"split {photos.split!r}",
            action="calibrate on other photos than those that judge",
        )


def calibrate_release(
    release: Release,
    catalogue: Catalogue,
    photos: PhotoSet,
    *,
    targets: Iterable[str] | None = None,
    threads: int | None = None,
    use_cache: bool = True,
    progress: Progress | None = None,
) -> dict[str, Calibration]:
    """Calibrate targets of a release, all without `targets`, each with its own embedder."""
    from cardembed.embedders.registry import open_embedder

    found = {}
    for target in targets if targets is not None else release.targets:
        with open_embedder(release, target, threads=threads) as embedder:
            found[target] = calibrate_embedder(
                embedder, catalogue, photos, use_cache=use_cache, progress=progress
            )
    return found


def _share(distances: NDArray[np.float64], thousandths: int) -> float:
    return float(np.mean(distances <= thousandths / 1000))


def _middle_of_best(grid: Sequence[int], scores: Sequence[float]) -> int:
    best = max(scores) - 1e-12
    runs: list[list[int]] = []
    for t, score in zip(grid, scores, strict=True):
        if score < best:
            continue
        if runs and runs[-1][-1] == t - STEP:
            runs[-1].append(t)
        else:
            runs.append([t])
    longest = max(runs, key=len)
    return longest[(len(longest) - 1) // 2]


def _distances(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size or np.isnan(array).any():
        raise EmbeddingError(
            f"distances of {name}",
            expected="numbers, at least one",
            found=f"{array.shape}",
            action="check them",
        )
    return array
