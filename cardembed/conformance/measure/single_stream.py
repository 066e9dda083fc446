"""Latency of single queries, by the rules of MLPerf Inference's SingleStream scenario.

One query after the other over a least time and a least number; photos drawn by a seed from a library of them;
answers checked within the run; and, as in MLPerf's compliance test of caching, a stretch with one input again
and again, which must not be faster than inputs that are new.

MLPerf forbids caches, and lets its samples repeat. Here no input that is timed, but for that stretch's, was
ever asked before: each is a photo changed by a pixel level here and there, so that what remembers inputs has
nothing to answer from. It is made between two queries, within nobody's time. Of a changed input nobody knows
the right answer, only about which it is; so now and then a photo as it is comes between, whose answer is
compared with the one before the run, and whose time does not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cardembed._seeds import rng
from cardembed.conformance.measure.query_inputs import QueryInputs
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
    check_every: int = 8
    """After the first counted query and every so many, a known input is asked, and its answer checked."""
    smallest_cosine: float = 0.999
    """Every known input's answer is so near to the one that it had before the run."""
    smallest_near: float = 0.95
    """And every changed input's to that of the photo that it was made of: the reference release's INT8
    network stays above .99. It tells nonsense from an answer; whether answers move, the known inputs tell."""
    smallest_ratio: float = 0.9
    """Time of quick repeated queries over that of quick new ones; below it, something answers from memory."""
    seed: int = 0
    """Decides the order of photos and how they are changed."""
    watch_every: float = 5.0
    """Seconds of queries between two looks at the device."""


@dataclass(frozen=True, slots=True)
class SingleStreamRun:
    """What came of it."""

    milliseconds: list[float]
    """One a counted query, in their order; from the input in memory to the embedding in memory."""
    seconds: float
    """From the first counted query's begin to the last one's end, with what is not counted between them."""
    checked: int
    """Known inputs that were asked within the run."""
    smallest_cosine: float
    """Of a known input's answer within the run and its answer before it."""
    smallest_near: float
    """Of a counted query's answer and that of the photo that it was made of."""
    changed: int
    """Known inputs' answers that were not byte for byte the ones before the run."""
    repeated_ratio: float
    """Of queries that repeat the one before over new ones, each by its quickest tenth; about 1 without a
    cache."""
    percentiles: dict[str, float] = field(default_factory=dict)
    """Milliseconds by "p50", "p90" and "p99"; their bounds are the verdict's."""


def run_single_stream(
    query: Callable[[Batch], NDArray[np.float32]],
    inputs: Batch,
    moved: Batch,
    asked: SingleStream | None = None,
    *,
    watch: Callable[[], object] = lambda: None,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> SingleStreamRun:
    """Run queries one after the other and time each.

    Args:
        query: One input (1, 3, S, S) float32 to its embedding (1, D), end to end.
        inputs: (N, 3, S, S) float32: the library of photos that queries are drawn from.
        moved: The same photos with every pixel a level away, see `QueryInputs`.
        asked: Lengths and limits.
        watch: Called now and then between two queries, to read temperature and clock; no query's time.
        clock: Monotonic, in nanoseconds.

    Raises:
        UsageError: No inputs, or two arrays that are not a level apart.
        EmbeddingError: An answer within the run is another one than before it, or not finite.
        InfrastructureError: The clock stood still or ran backwards, or one input alone is answered faster.
    """
    asked = asked or SingleStream()
    library = QueryInputs(inputs, moved, asked.seed)
    golden = [np.array(query(row)) for row in library.known]
    order = rng("single-stream", asked.seed)
    for _ in range(asked.warm_up):
        query(library.changed(int(order.integers(len(library)))))
    taken: list[int] = []
    near: list[float] = []
    cosines: list[float] = []
    changed, busy, looked = 0, 0, 0
    begin = end = clock()
    while len(taken) < asked.queries or busy < asked.seconds * 1e9:
        place = int(order.integers(len(library)))
        elapsed, answer = _timed(query, library.changed(place), clock)
        end = clock()
        taken.append(elapsed)
        near.append(_cosine(answer, golden[place]))
        busy += elapsed
        if busy - looked >= asked.watch_every * 1e9:
            looked = busy
            watch()
        if (len(taken) - 1) % asked.check_every == 0:
            place = int(order.integers(len(library)))
            answer = query(library.known[place])
            cosines.append(_cosine(answer, golden[place]))
            changed += answer.tobytes() != golden[place].tobytes()
    seconds = (end - begin) / 1e9
    nearest, nearest_changed = float(np.min(cosines)), float(np.min(near))  # NaN where any is
    _check(asked, taken, nearest, nearest_changed)
    ratio = _unremembered(query, library, asked, clock)
    milliseconds = [value / _NANOSECONDS for value in taken]
    at = np.percentile(milliseconds, (50, 90, 99))
    return SingleStreamRun(
        milliseconds=milliseconds,
        seconds=seconds,
        checked=len(cosines),
        smallest_cosine=nearest,
        smallest_near=nearest_changed,
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
    library: QueryInputs,
    asked: SingleStream,
    clock: Callable[[], int],
) -> float:
    """The ratio of `_repeated`; an error where repeated queries are noticeably faster each time."""
    for _ in range(_COMPARED):
        ratio, saved = _repeated(query, library, asked.repeated, clock)
        if saved <= _NOTICEABLE or ratio >= asked.smallest_ratio:
            return ratio
    raise InfrastructureError(
        "latency",
        expected=f"one input again and again to take as long as new ones (ratio ≥ {asked.smallest_ratio:g})",
        found=f"{ratio:.3f} each time: answers come from memory",
        action="switch off what caches results",
    )


def _repeated(
    query: Callable[[Batch], NDArray[np.float32]],
    library: QueryInputs,
    count: int,
    clock: Callable[[], int],
) -> tuple[float, float]:
    """Ratio and difference (ns) of the quick ones, in turns: a device warms up, and a host has other work.

    The others are inputs that were never asked: a memory of all that was would answer known ones as quickly.
    """
    again, others = [], []
    for number in range(count):
        # Made first, so that both timed queries come right after another query, with the host's caches alike.
        new = library.changed(number % len(library))
        query(library.known[0])
        again.append(_timed(query, library.known[0], clock)[0])
        others.append(_timed(query, new, clock)[0])
    if not count:
        return 1.0, 0.0
    same, other = float(np.quantile(again, _QUICK)), float(np.quantile(others, _QUICK))
    return same / other, other - same


def _cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    a, b = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def _check(asked: SingleStream, taken: list[int], nearest: float, nearest_changed: float) -> None:
    if min(taken) <= 0:
        raise InfrastructureError(
            "latency",
            expected="a monotonic clock that moves within a query",
            found=f"{min(taken)} ns",
            action="give a finer clock",
        )
    for found, limit, whose in (
        (nearest, asked.smallest_cosine, "those of the same inputs before it"),
        (nearest_changed, asked.smallest_near, "about those of the photos that its inputs were made of"),
    ):
        if not found >= limit:
            raise EmbeddingError(
                "answers of the latency run",
                expected=f"{whose} (cosine ≥ {limit:g})",
                found=f"cosine {found:.4f}",
                action="look at the device's determinism before its speed",
            )
