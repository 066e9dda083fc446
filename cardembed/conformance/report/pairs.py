"""Similarities of the gallery's pairs, for a figure; the verdict counts them elsewhere, in float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cardembed.conformance.samples import CensusSamples, decode_embeddings
from cardembed.errors import EvidenceError

__all__ = ["pair_similarities"]

_ROWS = 1024
"""Rows of cards that a figure draws, evenly spread: with 17,592 cards 9 million pairs, in a second."""
_BLOCK = 64


def pair_similarities(samples: CensusSamples, *, same: bool) -> tuple[NDArray[np.float32], int]:
    """Similarities of unordered pairs with the same or with different artwork.

    Returns:
        The pairs to draw, (P,) float32, and how many pairs there are in all. Of different artwork, those of
        evenly spread cards with all later ones. Empty where the embeddings cannot be read.
    """
    try:
        vectors = decode_embeddings(samples)
    except EvidenceError:
        return np.empty(0, np.float32), 0
    if not vectors.size or not np.isfinite(vectors).all():
        return np.empty(0, np.float32), 0
    _, artwork, sizes = np.unique(np.asarray(samples.artworks), return_inverse=True, return_counts=True)
    within = int((sizes * (sizes - 1) // 2).sum())
    if same:
        return _within(vectors, artwork), within
    cards = len(samples.ids)
    return _across(vectors, artwork), cards * (cards - 1) // 2 - within


def _across(vectors: NDArray[np.float32], artwork: NDArray[np.int64]) -> NDArray[np.float32]:
    cards = vectors.shape[0]
    rows = np.arange(0, cards - 1, max(1, -(-cards // _ROWS)))
    columns = np.arange(cards)
    found = [np.empty(0, np.float32)]
    for start in range(0, rows.size, _BLOCK):
        block = rows[start : start + _BLOCK]
        wanted = (columns[None, :] > block[:, None]) & (artwork[None, :] != artwork[block][:, None])
        found.append((vectors[block] @ vectors.T)[wanted])
    return np.concatenate(found)


def _within(vectors: NDArray[np.float32], artwork: NDArray[np.int64]) -> NDArray[np.float32]:
    order = np.argsort(artwork, kind="stable")
    starts = np.flatnonzero(np.diff(artwork[order], prepend=-1))
    found = [np.empty(0, np.float32)]
    for group in np.split(order, starts[1:]):
        if group.size > 1:
            similarity = vectors[group] @ vectors[group].T
            found.append(similarity[np.triu_indices(group.size, 1)])
    return np.concatenate(found)
