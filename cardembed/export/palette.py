"""Palettes for compressed weights: the few numbers that stand for all of a tensor's.

Core ML tools cluster every weight, or every different one, which takes a second a tensor with 256 numbers.
Weights are numbers on a line: they are counted in cells first, 16 or more for each number of the palette, and
the cells' means are clustered.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed._imports import require

__all__ = ["palette"]

_CELLS = 4096
_COARSE = 64


def palette(weights: NDArray[np.floating], bits: int) -> tuple[NDArray[np.floating], NDArray[np.uint8]]:
    """The numbers that stand for a tensor's, and which stands for each.

    Args:
        weights: Of any shape and float dtype, finite.
        bits: 1 to 8.

    Returns:
        2 ** `bits` numbers of the weights' dtype, in ascending order, the largest repeated where there are
        fewer different weights; and, for every weight in order, the place of the nearest of them.

    Raises:
        UnavailableError: scikit-learn is not installed.
    """
    flat = weights.reshape(-1).astype(np.float64)
    counts, edges = np.histogram(flat, _CELLS)
    sums, _ = np.histogram(flat, edges, weights=flat)
    means, counts = (part[counts > 0] for part in (sums / np.maximum(counts, 1), counts))
    chosen = np.sort(_centres(means, counts, min(1 << bits, len(means)))).astype(weights.dtype)
    chosen = np.concatenate([chosen, np.repeat(chosen[-1:], (1 << bits) - len(chosen))])
    between = (chosen[1:].astype(np.float64) + chosen[:-1].astype(np.float64)) / 2
    return chosen, np.searchsorted(between, flat).astype(np.uint8)


def _centres(means: NDArray[np.float64], counts: NDArray[np.integer], count: int) -> NDArray[np.float64]:
    """(count,): of the better of two clusterings."""
    tools: Any = require("sklearn.cluster", extra="coreml")
    found = [
        tools.KMeans(count, init=start, n_init=1, max_iter=100, tol=1e-7, random_state=0).fit(
            means.reshape(-1, 1), sample_weight=counts
        )
        for start in (_spread(means, counts, count).reshape(-1, 1), "k-means++")
    ]
    best: NDArray[np.float64] = min(found, key=lambda one: float(one.inertia_)).cluster_centers_[:, 0]
    return best


def _spread(means: NDArray[np.float64], counts: NDArray[np.integer], count: int) -> NDArray[np.float64]:
    """Numbers as dense as the cube root of the weights' density.

    So the best palette of many numbers lies (Panter and Dite), but where a few weights are far away from all
    others. Begun at quantiles, clustering ends with four to eight times the squared error.
    """
    coarse, edges = np.histogram(means, _COARSE, weights=counts)
    rising = np.concatenate([[0.0], np.cumsum(np.cbrt(coarse))])
    found: NDArray[np.float64] = np.interp((np.arange(count) + 0.5) / count * rising[-1], rising, edges)
    return found
