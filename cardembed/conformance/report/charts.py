"""Which figures a cell's raw numbers give: the distributions that its predicates are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.conformance.claims import Predicate
from cardembed.conformance.decide import satisfies
from cardembed.conformance.phrases import ClaimKind
from cardembed.conformance.report.histogram import Line, Threshold, bins, histogram, rank_bars
from cardembed.conformance.report.lines import timeline
from cardembed.conformance.report.numbers import count, decimal
from cardembed.conformance.report.pairs import pair_similarities
from cardembed.conformance.report.view import ChartView
from cardembed.conformance.samples import (
    AlignmentSamples,
    CensusSamples,
    LatencySamples,
    RetrievalSamples,
    Samples,
    UnknownSamples,
)
from cardembed.conformance.spec import CellSpec

__all__ = ["charts"]

_AXES = {
    "distance": ("Distance to the correct card", "cosine distance to the correct card"),
    "nearest_distance": ("Distance to the nearest card", "cosine distance to the nearest card"),
    "similarity": ("Similarity", "cosine similarity"),
    "milliseconds": ("Latency", "milliseconds, one query each"),
}


def charts(spec: CellSpec, samples: Samples) -> tuple[ChartView, ...]:
    """The figures of a cell, the most telling first; none where there is not one finite number."""
    if isinstance(samples, CensusSamples):
        return _census(spec, samples)
    found: list[ChartView] = []
    if any(claim.kind is ClaimKind.PARITY for claim in spec.claims) and isinstance(samples, AlignmentSamples):
        found += _parity(spec, samples)
    else:
        found += _distribution(spec, samples)
    if isinstance(samples, RetrievalSamples):
        found += _ranks(spec, samples.rank, "rank", "Rank of the correct card")
    if isinstance(samples, AlignmentSamples):
        found += _ranks(spec, samples.teacher_rank, "teacher_rank", "Rank of the teacher's own embedding")
    if isinstance(samples, LatencySamples):
        found += _over_time(spec, samples)
    return tuple(found)


def _column(samples: Samples) -> str:
    if isinstance(samples, RetrievalSamples):
        return "distance"
    if isinstance(samples, UnknownSamples):
        return "nearest_distance"
    return "milliseconds" if isinstance(samples, LatencySamples) else "similarity"


def _predicate(predicates: Sequence[Predicate], column: str) -> tuple[Predicate, Threshold] | None:
    for one in predicates:
        if one.column == column and one.operator in ("<", ">") and not isinstance(one.value, str):
            return one, Threshold("<" if one.operator == "<" else ">", one.value)
    return None


def _distribution(spec: CellSpec, samples: Samples) -> list[ChartView]:
    column = _column(samples)
    title, axis = _AXES[column]
    values = np.asarray(getattr(samples, column), np.float64)
    found = _predicate(spec.predicates, column)
    threshold = found[1] if found else None
    lines: list[Line] = []
    match = samples.context.match_threshold
    if column.endswith("distance") and match is not None and np.isfinite(match):
        lines.append(Line(match, f"match threshold {decimal(match)}"))
    beside = getattr(samples, "wrong_similarity", [])
    ghost = np.asarray(beside, np.float64) if beside else None
    within = [line.value for line in lines]
    if ghost is not None and np.isfinite(ghost).any():
        finite = ghost[np.isfinite(ghost)]
        within += [float(finite.min()), float(finite.max())]
    data = bins(values, threshold, also=within)
    if not data.counts.sum():
        return []
    words = _words(values)
    if found:
        mask = satisfies(samples, [found[0]])
        share = (
            f"{count(int(mask.sum()))} of {count(mask.size)} are {found[1].side} {decimal(found[1].value, 6)}"
        )
        words = f"{share}; {words}"
    if ghost is not None:
        words += ". Outlined: the similarity to a wrong card's teacher embedding"
    if data.outside:
        words += f". {count(data.outside)} are no number"
    label = f"Histogram of the {axis}: {words}."
    svg = histogram(data, threshold, axis=axis, label=label, lines=lines, ghost=ghost)
    return [ChartView(title, svg, f"{_capital(words)}.")]


def _ranks(spec: CellSpec, ranks: Sequence[int], column: str, title: str) -> list[ChartView]:
    predicates = [*spec.predicates, *(p for claim in spec.claims for p in claim.predicates)]
    limits = [int(p.value) for p in predicates if p.column == column and not isinstance(p.value, str)]
    if not limits or not ranks:
        return []
    values = np.asarray(ranks, np.int64)
    first, wide = min(limits), max(limits)
    inside = int((values <= wide).sum())
    demand = "first" if wide == 1 else f"among the first {wide}"
    words = f"{count(inside)} of {count(values.size)} are {demand}"
    if first != wide:
        near = "first" if first == 1 else f"among the first {first}"
        nearer = count(int((values <= first).sum()))
        words = f"{nearer} of {count(values.size)} are {near}, {count(inside)} {demand}"
    svg = rank_bars(values, limits, label=f"{title}: {words}.")
    return [ChartView(title, svg, f"{words}. Ties count against the correct one.")]


def _parity(spec: CellSpec, samples: AlignmentSamples) -> list[ChartView]:
    limit = next(claim.limit for claim in spec.claims if claim.kind is ClaimKind.PARITY)
    differences = 1 - np.asarray(samples.similarity, np.float64)
    if limit is None or not np.isfinite(differences).any():
        return []
    exponents = np.log10(np.clip(differences, 1e-16, None))
    threshold = Threshold("<", float(np.log10(limit)))
    largest = float(np.nanmax(differences))
    words = f"Largest 1 − cos {decimal(largest)}; it must be below {decimal(limit)} for every photo"
    axis = "power of ten of 1 − cos, cut off at −16"
    svg = histogram(bins(exponents, threshold), threshold, axis=axis, label=f"Histogram: {words}.")
    return [ChartView("Difference", svg, f"{words}.")]


def _census(spec: CellSpec, samples: CensusSamples) -> tuple[ChartView, ...]:
    same = any(claim.kind is ClaimKind.CENSUS_REPORTED for claim in spec.claims)
    found = _predicate(spec.predicates, "similarity")
    threshold = found[1] if found else None
    values, total = pair_similarities(samples, same=same)
    which = "the same" if same else "different"
    title = f"Similarity of cards with {which} artwork"
    if not values.size:
        return ()
    words = _words(values)
    if values.size < total:
        words += f"; {count(int(values.size))} of {count(total)} pairs are drawn"
    axis = "cosine similarity of two cards"
    svg = histogram(bins(values, threshold), threshold, axis=axis, label=f"Histogram, {title}: {words}.")
    return (ChartView(title, svg, f"{_capital(words)}."),)


def _over_time(spec: CellSpec, samples: LatencySamples) -> list[ChartView]:
    values = np.asarray(samples.milliseconds, np.float64)
    if not values.size or not np.isfinite(values).all():
        return []
    found = _predicate(spec.predicates, "milliseconds")
    raw = (samples.context.model_extra or {}).get("temperatures_celsius")
    temperatures = _numbers(raw)
    words = "The line is the median of each stretch, the band its extremes"
    if temperatures is not None:
        words += "; dashed, the device's temperature"
    label = f"Latency in the order of measurement, {count(int(values.size))} queries: {_words(values)}."
    svg = timeline(values, found[1].value if found else None, label=label, temperatures=temperatures)
    return [ChartView("Latency over time", svg, f"{words}.")]


def _numbers(raw: Any) -> NDArray[np.float64] | None:  # noqa: ANN401 - whatever a runner put there
    if not isinstance(raw, list) or not raw or not all(isinstance(v, int | float) for v in raw):
        return None
    values = np.asarray(raw, np.float64)
    return values if np.isfinite(values).all() else None


def _words(values: NDArray[Any]) -> str:
    finite = values[np.isfinite(values)]
    low, middle, high = (float(v) for v in np.percentile(finite, [0, 50, 100]))
    if high - low > 0.01:  # then three decimals say all, and −3.4e−06 is 0
        low, middle, high = round(low, 3), round(middle, 3), round(high, 3)
    return f"from {decimal(low)} to {decimal(high)}, median {decimal(middle)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
