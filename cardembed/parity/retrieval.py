"""What a compressed artefact costs where it matters: in the card that is found, and by how much.

Numbers that were rounded on purpose agree with their weights to no fixed cosine: unrelated images of an
untrained network reach .94, and an INT8 network that finds every card may lie at .995. Photos are searched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cardembed.cards.catalogue import load_catalogue
from cardembed.cards.photo_conditions import simulate_photo
from cardembed.embedders.base import Embedder
from cardembed.errors import EmbeddingError

if TYPE_CHECKING:
    from cardembed.embedders.preprocessing import Preprocessing

__all__ = [
    "CARDS",
    "COMPRESSED",
    "COMPRESSED_FEATURES",
    "RetrievalClass",
    "RetrievalCost",
    "SearchInputs",
    "embed_inputs",
    "nearest",
    "retrieval_cost",
    "search_inputs",
]

CARDS = "synthetic:4003"
"""Cards whose photos are searched among their scans, without their number; no release learns them."""


@dataclass(frozen=True, slots=True)
class SearchInputs:
    """Photos and the scans that they are searched among, preprocessed."""

    gallery: NDArray[np.float32]
    """(N, 3, S, S): scans."""
    queries: NDArray[np.float32]
    """(N, 3, S, S): a clean photo of each, in the same order."""


@dataclass(frozen=True, slots=True)
class RetrievalCost:
    """How a compressed artefact finds cards, beside what it was made of."""

    queries: int
    """Photos."""
    found: int
    """Photos whose own scan is the nearest to the uncompressed model."""
    kept: int
    """Those of them for which the artefact says so, too."""
    margin: float
    """Median over photos of cos(own scan) − cos(best other scan), by the uncompressed model."""
    margin_kept: float
    """The artefact's, as a share of it."""
    one_minus_cosine: float
    """The largest 1 − cos between the two embeddings of a photo or scan."""


@dataclass(frozen=True, slots=True)
class RetrievalClass:
    """Limits that a compressed artefact keeps."""

    name: str
    """What was done to the numbers."""
    kept: float
    """At least this share of `RetrievalCost.found` is kept."""
    margin: float
    """At least this share of the margin is kept."""
    one_minus_cosine: float
    """`RetrievalCost.one_minus_cosine` stays below it. Among its own scans, a network that reads BGR for
    RGB finds every card."""
    basis: float = 0.9
    """At least this share of the photos is found by the uncompressed model, or nothing is judged by what is
    kept of them. Untrained weights find half of 32 cards, by so small a margin that compression raised it to
    2.3 times itself in one run and lowered it to .4 in another."""
    length: float | None = 1e-2
    """The bare outputs' lengths differ from 1 by less. None: the host divides by the length."""

    def broken(self, cost: RetrievalCost, rows: NDArray[np.floating]) -> str:
        """Which limit is not kept, in words; "" where all are. NaN keeps none.

        What is kept of cards and margin counts only where there is enough to keep: see `unjudged`.

        Args:
            cost: What it costs to search with the artefact.
            rows: (N, D) its bare outputs. A search scales them to length 1, and sees no length.
        """
        away = float(np.abs(np.linalg.norm(rows.astype(np.float64), axis=1) - 1).max())
        if self.length is not None and not away < self.length:
            return f"lengths up to {away:.2g} away from 1 where {self.length:g} is the limit"
        kept = bool(self.unjudged(cost)) or (
            cost.kept >= self.kept * cost.found and cost.margin_kept >= self.margin
        )
        if kept and cost.one_minus_cosine < self.one_minus_cosine:
            return ""
        return (
            f"{cost.kept} of {cost.found} nearest cards kept where {self.kept:.0%} are the limit, "
            f"{cost.margin_kept:.1%} of the margin where {self.margin:.0%} are, "
            f"1 − cos {cost.one_minus_cosine:.2g} where {self.one_minus_cosine:g} is"
        )

    def unjudged(self, cost: RetrievalCost) -> str:
        """Why what is found cannot be judged, in words; "" where it can."""
        if cost.found and cost.found >= self.basis * cost.queries:
            return ""
        return (
            f"the weights themselves find {cost.found} of {cost.queries} cards, and only from "
            f"{self.basis:.0%} on what compression keeps of them says anything"
        )


COMPRESSED = RetrievalClass("compressed", kept=0.98, margin=0.9, one_minus_cosine=0.1)
"""A house reading; the PRD names none. A photo in fifty may go to another card, and a tenth of the distance
between the own card and the next: beyond it, compression alone uses up what AC-1 and AC-7 leave. Compression
moved an embedding by 2e-2 at most; BGR for RGB moves it by 1.2. A length is the contract's: float16 rounds it
by 1e-3 at most."""

COMPRESSED_FEATURES = replace(COMPRESSED, length=None)
"""Of a network that ends before the division by the length, which its host does."""


def search_inputs(preprocessing: Preprocessing, cards: int) -> SearchInputs:
    """As many scans and a clean photo of each, the same everywhere."""
    catalogue = load_catalogue(f"{CARDS}:{cards}")
    scans = [catalogue.image(card.id) for card in catalogue]
    photos = [
        simulate_photo(scan, finish=card.finish, condition="clean", severity=2, seed=number).image
        for number, (card, scan) in enumerate(zip(catalogue, scans, strict=True))
    ]
    return SearchInputs(preprocessing.batch(scans), preprocessing.batch(photos))


def embed_inputs(embedder: Embedder, inputs: SearchInputs) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(N, D) unit vectors of the gallery and of the queries."""
    return embedder.embed_preprocessed(inputs.gallery), embedder.embed_preprocessed(inputs.queries)


def nearest(gallery: NDArray[np.floating], queries: NDArray[np.floating]) -> NDArray[np.intp]:
    """(queries,) the number of the scan whose embedding is nearest, of unit vectors."""
    return np.asarray((queries @ gallery.T).argmax(1))


def retrieval_cost(
    reference: tuple[NDArray[np.floating], NDArray[np.floating]],
    candidate: tuple[NDArray[np.floating], NDArray[np.floating]],
) -> RetrievalCost:
    """Compare two models on the same scans and photos.

    Args:
        reference: The uncompressed model's unit vectors of gallery and queries, (N, D) each; photo i is of
            scan i.
        candidate: The compressed one's.

    Raises:
        EmbeddingError: Other shapes, or fewer than two rows.
    """
    shapes = {rows.shape for rows in (*reference, *candidate)}
    if len(shapes) != 1 or len(reference[0]) < 2:
        raise EmbeddingError(
            "embeddings to search",
            expected="four arrays of the same shape (N, D), with two rows or more",
            found=", ".join(map(str, sorted(shapes))),
            action="run both models on the same scans and photos",
        )
    own = np.arange(len(reference[0]))
    found = nearest(*reference) == own
    margin = _margin(*reference)
    one, other = (np.concatenate(pair).astype(np.float64) for pair in (reference, candidate))
    cosine = (one * other).sum(1)
    return RetrievalCost(
        queries=len(own),
        found=int(found.sum()),
        kept=int((found & (nearest(*candidate) == own)).sum()),
        margin=margin,
        margin_kept=_margin(*candidate) / margin if margin > 0 else float("nan"),
        one_minus_cosine=float(max(1 - cosine.min(), 0.0)),
    )


def _margin(gallery: NDArray[np.floating], queries: NDArray[np.floating]) -> float:
    cosines = queries.astype(np.float64) @ gallery.T.astype(np.float64)
    own = cosines.diagonal().copy()
    np.fill_diagonal(cosines, -np.inf)
    return float(np.median(own - cosines.max(1)))
