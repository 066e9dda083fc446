"""Confidence bounds that decide: Clopper–Pearson for shares, order statistics for percentiles.

All bounds are one-sided. A share of samples `k / n` passes "at least `target`" when its lower bound meets
the target; it fails when both the share and its upper bound miss it; otherwise the samples cannot say.

Sources: Clopper & Pearson (1934); Korn & Graubard (1998) for samples in clusters, as NCHS applies it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from cardembed.conformance.states import State

__all__ = [
    "MAX_SAMPLES",
    "Share",
    "clopper_pearson_lower",
    "clopper_pearson_upper",
    "decide_share",
    "effective_sample_size",
    "percentile_rank",
    "percentile_upper_bound",
    "samples_needed",
    "smallest_n",
]

MAX_SAMPLES = 10_000_000
"""Above this many samples a question counts as not answerable by more samples."""


def _lower(k: ArrayLike, n: ArrayLike, confidence: float) -> NDArray[np.float64]:
    k, n = np.asarray(k, np.float64), np.asarray(n, np.float64)
    bound = special.betaincinv(np.maximum(k, 1e-12), n - k + 1, 1 - confidence)
    return np.where(k <= 0, 0.0, bound)


def _check(k: float, n: float, confidence: float) -> None:
    if not (0 <= k <= n and n > 0 and math.isfinite(n)):
        raise ValueError(f"expected 0 <= k <= n and n > 0, found k = {k}, n = {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"expected a confidence between 0 and 1, found {confidence}")


def clopper_pearson_lower(k: float, n: float, confidence: float = 0.95) -> float:
    """One-sided lower bound of a share; `k` and `n` need not be whole (effective sample sizes).

    Args:
        k: Samples that satisfy, 0 to n.
        n: Samples, above 0.
        confidence: Such as 0.95.

    Raises:
        ValueError: The numbers are outside these ranges.
    """
    _check(k, n, confidence)
    return float(_lower(k, n, confidence))


def clopper_pearson_upper(k: float, n: float, confidence: float = 0.95) -> float:
    """One-sided upper bound of a share, see `clopper_pearson_lower`."""
    _check(k, n, confidence)
    return 1 - float(_lower(n - k, n, confidence))


def smallest_n(target: float, failures: int = 0, confidence: float = 0.95) -> int:
    """The fewest samples that, with so many failures, show a share of at least `target` (0 to 1, below 1)."""
    if not 0 < target < 1:
        raise ValueError(f"expected a target between 0 and 1, found {target}")

    def shows(n: int) -> bool:
        return clopper_pearson_lower(n - failures, n, confidence) >= target

    low, high = failures, failures + 1  # `low` does not show it, `high` may
    while not shows(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    return high


def samples_needed(k: int, n: int, target: float, confidence: float = 0.95) -> int | None:
    """How many samples more than `n` would show `target` if samples went on failing at the rate seen.

    It sizes the next run, which replaces all samples; adding samples until a bound passes is no test.

    Returns:
        0 where `n` suffices; None where no number would (the rate seen misses the target or barely meets it).
    """
    _check(k, n, confidence)
    rate = (n - k) / n
    if clopper_pearson_lower(k, n, confidence) >= target:
        return 0
    if 1 - rate <= target:
        return None

    def shows(size: float) -> bool:
        return bool(_lower(size * (1 - rate), size, confidence) >= target)

    low, high = float(n), float(2 * n)
    while not shows(high):
        low, high = high, high * 2
        if high > MAX_SAMPLES:
            return None
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    # Failures come whole: the first size from here on that shows it with the failures rounded up.
    window = n if rate else 0  # within n the failures come out whole once
    sizes = np.arange(max(n + 1, math.floor(low)), math.ceil(high) + window + 2)
    failures = np.ceil(np.round(sizes * rate, 9))
    enough = np.flatnonzero(_lower(sizes - failures, sizes, confidence) >= target)
    return int(sizes[enough[0]]) - n


def effective_sample_size(
    satisfied: Sequence[bool] | NDArray[np.bool_], clusters: Sequence[str], confidence: float = 0.95
) -> float:
    """Korn and Graubard's effective number of samples, for samples that come in clusters (photos of a card).

    n / (design effect), at most n, times the squared ratio of Student's t for n − 1 and (clusters − 1)
    degrees of freedom: few clusters show little of how clusters differ, however alike they are. Where all
    samples agree the variance says nothing: then the number of clusters.

    Args:
        satisfied: One a sample.
        clusters: The cluster's name, one a sample.
        confidence: That of the bound which uses it.

    Raises:
        ValueError: No samples, or the two lengths differ.
    """
    values = np.asarray(satisfied, np.float64)
    n = values.size
    if n == 0 or n != len(clusters):
        raise ValueError(f"expected as many clusters as samples and some, found {len(clusters)} and {n}")
    _, member = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    groups = int(member.max()) + 1
    share = float(values.mean())
    if groups == 1:
        return 1.0
    if share in (0.0, 1.0):
        return float(groups)
    residuals = np.bincount(member, weights=values - share)
    variance = groups / (groups - 1) * float((residuals**2).sum()) / n**2
    size = float(n)
    if variance > 0:  # 0 where every cluster has the same share
        size = min(size, share * (1 - share) / variance)
    size *= float((special.stdtrit(n - 1, confidence) / special.stdtrit(groups - 1, confidence)) ** 2)
    return max(size, 1.0)


@dataclass(frozen=True, slots=True)
class Share:
    """What `decide_share` found."""

    k: int
    """Samples that satisfy."""
    n: int
    """Samples."""
    share: float
    """k / n, 0 to 1."""
    lower: float
    """Lower bound, 0 to 1."""
    upper: float
    """Upper bound, 0 to 1."""
    state: State
    """Pass, fail or inconclusive."""
    needed: int | None
    """Further samples needed, see `samples_needed`; 0 where it is decided."""


def decide_share(
    k: int, n: int, target: float, confidence: float = 0.95, *, effective: float | None = None
) -> Share:
    """Decide "at least `target`" of the samples satisfy.

    Args:
        k: Samples that satisfy.
        n: Samples, above 0.
        target: 0 to 1.
        confidence: One-sided.
        effective: Effective number of samples where they are not independent; n without.
    """
    size = float(n) if effective is None else effective
    share = k / n
    lower = clopper_pearson_lower(share * size, size, confidence)
    upper = clopper_pearson_upper(share * size, size, confidence)
    if lower >= target:
        return Share(k, n, share, lower, upper, State.PASS, 0)
    if share < target and upper < target:
        return Share(k, n, share, lower, upper, State.FAIL, 0)
    needed = samples_needed(k, n, target, confidence)
    if needed is not None and effective is not None:  # as many times more as independent samples would take
        whole = math.floor(share * size + 0.5)
        independent = samples_needed(min(whole, max(1, round(size))), max(1, round(size)), target, confidence)
        needed = None if independent is None else math.ceil(independent * n / size)
    return Share(k, n, share, lower, upper, State.INCONCLUSIVE, needed)


def percentile_rank(n: int, percentile: float, confidence: float = 0.95) -> int | None:
    """The smallest j so that the j-th smallest of n samples is an upper bound of the percentile.

    Args:
        n: Samples.
        percentile: 0 to 1, such as 0.99.
        confidence: One-sided.

    Returns:
        1 to n, or None where n is too small for any (fewer than 299 for the 99th at 95 %).
    """
    if n <= 0 or 1 - percentile**n < confidence:
        return None
    below = special.bdtr(np.arange(n), n, percentile)  # P(at most so many of the n lie below it)
    return min(int(np.searchsorted(below, confidence)) + 1, n)


def percentile_upper_bound(values: ArrayLike, percentile: float, confidence: float = 0.95) -> float | None:
    """Upper confidence bound of a percentile by order statistics; None where there are too few values."""
    ordered = np.sort(np.asarray(values, np.float64))
    rank = percentile_rank(ordered.size, percentile, confidence)
    return None if rank is None else float(ordered[rank - 1])
