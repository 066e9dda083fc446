"""Latency of single queries, by the rules of MLPerf Inference's SingleStream scenario.

One query after the other, each begun when the last one ended, over a least time and a least number; inputs
drawn by a seed from a library of them; answers checked within the run; and, as in MLPerf's compliance test of
caching, a stretch with one input only, which must not be faster than the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cardembed._seeds import rng
from cardembed.errors import EmbeddingError, InfrastructureError

__all__ = ["SingleStream", "SingleStreamRun", "run_single_stream"]

Batch = NDArray[np.float32]
_NANOSECONDS = 1e6
"""In a millisecond."""
_NOTICEABLE = 500_000
"""Nanoseconds: less is what a processor's own caches save. Memory that answers for a device saves all."""
_QUICK = 0.1
"""The quantile at which repeated queries are compared with others: a host's other work only adds time, to
some queries of each kind, so the quick ones tell what the device takes; a memory shows in them, too."""
_COMPARED = 3
"""Times at most: a host without a free processor is a tenth off now and then, a memory every time."""


@dataclass(frozen=True, slots=True)
class SingleStream:
    """What is asked of a run."""

    seconds: float = 60.0
    """The counted queries together last at least so long; the verdict adds them up, too."""
    queries: int = 1024
    """And counts at least so many."""
    warm_up: int = 64
    """Queries before that are not counted."""
    repeated: int = 128
    """Queries with one and the same input after it, for the check of caching."""
    smallest_cosine: float = 0.999
    """Every answer is so near to the answer that the same input had before the run."""
    smallest_ratio: float = 0.9
    """Time of quick repeated queries over that of quick others; below it, something answers from memory."""
    seed: int = 0
    """Decides the order of inputs."""
    watch_every: float = 5.0
    """Seconds of queries between two looks at the device."""


@dataclass(frozen=True, slots=True)
class SingleStreamRun:
    """What came of it."""

    milliseconds: list[float]
    """One a counted query, in their order; from the input in memory to the embedding in memory."""
    seconds: float
    """From the first counted query's begin to the last one's end."""
    smallest_cosine: float
    """Of an answer within the run and the same input's answer before it."""
    changed: int
    """Answers within the run that were not byte for byte the ones before it."""
    repeated_ratio: float
    """Of queries that repeat the one before over others, each by its quickest tenth; about 1 where nothing is
    cached."""
    percentiles: dict[str, float] = field(default_factory=dict)
    """Milliseconds by "p50", "p90" and "p99"; their bounds are the verdict's."""


def run_single_stream(
    query: Callable[[Batch], NDArray[np.float32]],
    inputs: Batch,
    asked: SingleStream | None = None,
    *,
    watch: Callable[[], object] = lambda: None,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> SingleStreamRun:
    """Run queries one after the other and time each.

    Args:
        query: One input (1, 3, S, S) float32 to its embedding (1, D), end to end.
        inputs: (N, 3, S, S) float32: the library that queries are drawn from.
        asked: Lengths and limits.
        watch: Called now and then between two queries, to read temperature and clock; no query's time.
        clock: Monotonic, in nanoseconds.

    Raises:
        EmbeddingError: An answer within the run is another one than before it, or not finite.
        InfrastructureError: The clock stood still or ran backwards, or one input alone is answered faster.
    """
    asked = asked or SingleStream()
    rows = [np.ascontiguousarray(inputs[row : row + 1]) for row in range(len(inputs))]
    golden = [np.array(query(row)) for row in rows]
    order = rng("single-stream", asked.seed)
    for _ in range(asked.warm_up):
        query(rows[int(order.integers(len(rows)))])
    taken: list[int] = []
    cosines: list[float] = []
    changed, busy, looked, begin = 0, 0, 0, clock()
    while len(taken) < asked.queries or busy < asked.seconds * 1e9:
        place = int(order.integers(len(rows)))
        elapsed, answer = _timed(query, rows[place], clock)
        taken.append(elapsed)
        busy += elapsed
        if busy - looked >= asked.watch_every * 1e9:
            looked = busy
            watch()
        cosines.append(_cosine(answer, golden[place]))
        changed += answer.tobytes() != golden[place].tobytes()
    seconds = (clock() - begin) / 1e9
    nearest = float(np.min(cosines))  # NaN where any is
    _check(asked, taken, nearest)
    ratio = _unremembered(query, rows, asked, clock)
    milliseconds = [value / _NANOSECONDS for value in taken]
    at = np.percentile(milliseconds, (50, 90, 99))
    return SingleStreamRun(
        milliseconds=milliseconds,
        seconds=seconds,
        smallest_cosine=nearest,
        changed=changed,
        repeated_ratio=ratio,
        percentiles=dict(zip(("p50", "p90", "p99"), map(float, at), strict=True)),
    )


def _timed(
    query: Callable[[Batch], NDArray[np.float32]], row: Batch, clock: Callable[[], int]
) -> tuple[int, NDArray[np.float32]]:
    before = clock()
    answer = query(row)
    return clock() - before, answer


def _unremembered(
    query: Callable[[Batch], NDArray[np.float32]],
    rows: list[Batch],
    asked: SingleStream,
    clock: Callable[[], int],
) -> float:
    """The ratio of `_repeated`; an error where repeated queries are noticeably faster each time."""
    for _ in range(_COMPARED):
        ratio, saved = _repeated(query, rows, asked.repeated, clock)
        if saved <= _NOTICEABLE or ratio >= asked.smallest_ratio:
            return ratio
    raise InfrastructureError(
        "latency",
        expected=f"one input to take as long as others (ratio ≥ {asked.smallest_ratio:g})",
        found=f"{ratio:.3f} each time: answers come from memory",
        action="switch off what caches results",
    )


def _repeated(
    query: Callable[[Batch], NDArray[np.float32]], rows: list[Batch], count: int, clock: Callable[[], int]
) -> tuple[float, float]:
    """Ratio and difference (ns) of the quick ones, in turns: a device warms up, and a host has other work."""
    again, others = [], []
    for number in range(count):
        another = (rows[1:] or rows)[number % max(1, len(rows) - 1)]
        others.append(_timed(query, another, clock)[0])
        query(rows[0])
        again.append(_timed(query, rows[0], clock)[0])
    if not count:
        return 1.0, 0.0
    same, other = float(np.quantile(again, _QUICK)), float(np.quantile(others, _QUICK))
    return same / other, other - same


def _cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    a, b = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def _check(asked: SingleStream, taken: list[int], nearest: float) -> None:
    if min(taken) <= 0:
        raise InfrastructureError(
            "latency",
            expected="a monotonic clock that moves within a query",
            found=f"{min(taken)} ns",
            action="give a finer clock",
        )
    if not nearest >= asked.smallest_cosine:
        raise EmbeddingError(
            "answers of the latency run",
            expected=f"those of the same inputs before it (cosine ≥ {asked.smallest_cosine:g})",
            found=f"cosine {nearest:.4f}",
            action="look at the device's determinism before its speed",
        )
