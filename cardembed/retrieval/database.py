"""The reference database: every card's embedding, searched exactly; it may also say "No match found"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.errors import DatabaseError, EmbeddingError

__all__ = ["NO_MATCH", "Match", "ReferenceDatabase", "Tie", "load_reference_database"]

NO_MATCH = "No match found"
"""The PRD's words."""
_UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Tie:
    """Another card that is about as near as the nearest."""

    card_id: str
    """Its id."""
    distance: float
    """Its cosine distance."""


@dataclass(frozen=True, slots=True)
class Match:
    """The answer to one query."""

    card_id: str | None
    """The nearest card, None where it is farther than the threshold."""
    distance: float
    """Cosine distance to the nearest card, in [0, 2], whether it matched or not."""
    text: str
    """The card's id, or "No match found"."""
    nearest: str
    """The nearest card's id, whether it matched or not."""
    ties: tuple[Tie, ...] = ()
    """Other cards within the threshold and the tie margin, the nearest first: reprints, mostly."""


class ReferenceDatabase:
    """Card ids and their embeddings, with exact search (faiss, inner product).

    Args:
        ids: One a row, all different.
        embeddings: (N, 768) float, finite; rows whose norm is within 1e-3 of 1 are scaled to 1.
        artworks: The artwork group of each card, if known.
        metadata: What the embeddings were made from (artefact, preprocessing, catalogue digests).

    Raises:
        DatabaseError: Empty, duplicate ids, NaN, another dimension, a row that is no unit vector.
    """

    def __init__(
        self,
        ids: Sequence[str],
        embeddings: NDArray[np.floating],
        artworks: Sequence[str] | None = None,
        *,
        metadata: Mapping[str, str] | None = None,
        source: str = "reference database",
    ) -> None:
        self.ids = tuple(ids)
        self.artworks = None if artworks is None else tuple(artworks)
        self.metadata = dict(metadata or {})
        self.embeddings = _checked(self.ids, np.asarray(embeddings), self.artworks, source)
        """(N, 768) float32 unit rows, in the order of `ids`; read-only."""

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def row(self) -> dict[str, int]:
        """Row by card id."""
        return {card_id: row for row, card_id in enumerate(self.ids)}

    @cached_property
    def _index(self) -> Any:  # noqa: ANN401 - faiss publishes no types
        import faiss

        index = faiss.IndexFlatIP(self.embeddings.shape[1])
        index.add(self.embeddings)
        return index

    def search(
        self, queries: NDArray[np.floating], k: int = 5
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The k nearest cards of each query.

        Args:
            queries: (Q, 768) or (768,) float; scaled to norm 1.
            k: At most this many; all cards where there are fewer.

        Returns:
            Rows of the database (Q, k) int64, nearest first, and their cosine distances (Q, k) float64; equal
            distances in the order of the rows.

        Raises:
            EmbeddingError: NaN, zero vectors or another dimension.
        """
        if k < 1:
            raise EmbeddingError(
                "k", expected="at least 1", found=str(k), action="ask for one neighbour or more"
            )
        wanted = _queries(queries, self.embeddings.shape[1])
        similarity, rows = self._index.search(wanted, min(k, len(self)))
        order = np.lexsort((rows, -similarity), axis=1)
        rows = np.take_along_axis(rows, order, axis=1).astype(np.int64)
        distances = 1.0 - np.take_along_axis(similarity, order, axis=1).astype(np.float64)
        return rows, np.clip(distances, 0.0, 2.0)

    def find_nearest(self, embedding: NDArray[np.floating]) -> str:
        """The id of the nearest card of one embedding, (768,) or (1, 768), however far it is."""
        rows, _ = self.search(_single(embedding), 1)
        return self.ids[int(rows[0, 0])]

    def match(self, embedding: NDArray[np.floating], threshold: float, tie_margin: float = 0.02) -> Match:
        """Name the card, or say "No match found".

        Args:
            embedding: (768,) or (1, 768).
            threshold: Largest cosine distance that is a match.
            tie_margin: Cards farther than the nearest by no more than this are reported as ties.
        """
        return self.match_all(_single(embedding), threshold, tie_margin)[0]

    def match_all(
        self, embeddings: NDArray[np.floating], threshold: float, tie_margin: float = 0.02, *, ties: int = 8
    ) -> list[Match]:
        """`match` for (Q, 768) at once; at most `ties` ties each."""
        rows, distances = self.search(embeddings, 1 + ties)
        return [
            self._match(*both, threshold, tie_margin)
            for both in zip(rows.tolist(), distances.tolist(), strict=True)
        ]

    def _match(self, rows: list[int], distances: list[float], threshold: float, tie_margin: float) -> Match:
        nearest, best = self.ids[rows[0]], distances[0]
        if not best <= threshold:
            return Match(None, best, NO_MATCH, nearest)
        limit = min(threshold, best + tie_margin)
        ties = tuple(
            Tie(self.ids[row], distance)
            for row, distance in zip(rows[1:], distances[1:], strict=True)
            if distance <= limit
        )
        return Match(nearest, best, nearest, nearest, ties)

    def save(self, path: Path | str) -> None:
        """Write `.npz` (compact) or `.json` (the PRD's card_embeddings.json), atomically."""
        from cardembed.retrieval.database_files import write_database

        write_database(self, Path(path))

    @classmethod
    def load(cls, path: Path | str) -> ReferenceDatabase:
        """Read what `save` wrote, or a plain JSON object of card id to 768 numbers.

        Raises:
            DatabaseError: Unreadable, empty, NaN, another dimension, vectors that are no unit vectors.
        """
        from cardembed.retrieval.database_files import read_database

        return read_database(Path(path))


def load_reference_database(path: Path | str) -> ReferenceDatabase:
    """`ReferenceDatabase.load`, under the PRD's name."""
    return ReferenceDatabase.load(path)


def _checked(
    ids: tuple[str, ...], embeddings: NDArray[Any], artworks: tuple[str, ...] | None, source: str
) -> NDArray[np.float32]:
    from cardembed.embedders.base import EMBEDDING_DIM

    def bad(found: str) -> DatabaseError:
        return DatabaseError(
            source,
            expected=f"one finite unit vector of {EMBEDDING_DIM} numbers for each of some different card ids",
            found=found,
            action="build it with `cardembed index build`",
        )

    if not ids:
        raise bad("no cards")
    if len(set(ids)) != len(ids):
        twice = next(card_id for row, card_id in enumerate(ids) if card_id in ids[:row])
        raise bad(f"the id {twice!r} more than once")
    if embeddings.shape != (len(ids), EMBEDDING_DIM) or embeddings.dtype.kind != "f":
        raise bad(f"{len(ids)} ids and an array {embeddings.shape} {embeddings.dtype}")
    if artworks is not None and len(artworks) != len(ids):
        raise bad(f"{len(artworks)} artwork groups for {len(ids)} ids")
    wide = embeddings.astype(np.float64)
    norms = np.sqrt(np.einsum("nd,nd->n", wide, wide))
    wrong = ~(np.abs(norms - 1) <= _UNIT_TOLERANCE)  # NaN is wrong, too
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise bad(f"norm {norms[first]:.6g} for {ids[first]!r} ({int(wrong.sum())} such)")
    unit = np.ascontiguousarray(wide / norms[:, None], dtype=np.float32)
    unit.flags.writeable = False
    return unit


def _single(embedding: NDArray[np.floating]) -> NDArray[np.floating]:
    array = np.asarray(embedding)
    if array.ndim == 1:
        array = array[None]
    if len(array) != 1:
        raise EmbeddingError(
            "embedding", expected="one vector", found=f"shape {array.shape}", action="use search or match_all"
        )
    return array


def _queries(queries: NDArray[np.floating], dimension: int) -> NDArray[np.float32]:
    from cardembed.embedders.base import unit_rows

    array = np.asarray(queries)
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2 or array.shape[1] != dimension or array.dtype.kind != "f":
        raise EmbeddingError(
            "queries",
            expected=f"floats (Q, {dimension})",
            found=f"{array.shape} {array.dtype}",
            action="pass what an embedder returned",
        )
    return unit_rows(array, what="queries")
