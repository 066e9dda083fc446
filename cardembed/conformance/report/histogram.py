"""Distributions as inline SVG: values with the thresholds that decide about them, and ranks.

A threshold always falls on an edge between two bars, so every bar lies wholly on one side of it: bars
that satisfy the predicate are filled, bars that do not are hatched, whatever colours can be told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from cardembed.conformance.report.numbers import count, decimal, percent
from cardembed.conformance.report.svg import element, figure, scale, ticks

__all__ = ["Bins", "Line", "Threshold", "bins", "histogram", "rank_bars"]

_WIDTH, _HEIGHT = 520.0, 216.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 12.0, 34.0, 40.0


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a predicate demands of a value: below (<) or above (>) `value`, strictly."""

    side: Literal["<", ">"]
    value: float


@dataclass(frozen=True, slots=True)
class Line:
    """A further value to mark, such as the match threshold; it decides nothing in this figure."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Bins:
    """Counted values: `counts` (B,) int, `edges` (B + 1,) rising, `outside` values that are no number."""

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    outside: int = 0


def bins(
    values: NDArray[Any],
    threshold: Threshold | None,
    *,
    also: Sequence[float] = (),
    about: int = 40,
    limits: tuple[float, float] | None = None,
) -> Bins:
    """Count `values` ((N,) float) in about `about` bars of equal width, one edge at the threshold.

    Bars are half-open so that a value equal to the threshold counts on the side that does not satisfy it.
    `also` are values that must be within the figure, `limits` replaces the values' own range (the end
    bars then take what lies beyond).
    """
    numbers = np.asarray(values, dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]
    outside = int(numbers.size - finite.size)
    marked = [*also, *([threshold.value] if threshold else [])]
    if limits is not None:
        low, high = limits
    elif finite.size or marked:
        low = float(min([*([finite.min()] if finite.size else []), *marked]))
        high = float(max([*([finite.max()] if finite.size else []), *marked]))
    else:
        return Bins(np.array([0.0, 1.0]), np.array([0], dtype=np.int64), outside)
    width = (high - low) / about or 1.0
    origin = threshold.value if threshold else low
    first = int(np.floor((low - origin) / width + 1e-9)) - 1
    last = int(np.ceil((high - origin) / width - 1e-9)) + 1
    steps = np.arange(first, last + 1, dtype=np.float64)
    edges = origin + steps * width
    edges[steps == 0] = origin  # exactly: 0.2 must compare as 0.2
    side: Literal["left", "right"] = "left" if threshold and threshold.side == ">" else "right"
    index = np.clip(np.searchsorted(edges, finite, side=side) - 1, 0, edges.size - 2)
    return Bins(edges, np.bincount(index, minlength=edges.size - 1).astype(np.int64), outside)


def histogram(
    data: Bins,
    threshold: Threshold | None,
    *,
    axis: str,
    label: str,
    lines: Sequence[Line] = (),
    ghost: NDArray[Any] | None = None,
) -> Markup:
    """Draw counted values.

    Args:
        data: The bars.
        threshold: What the values have to satisfy.
        axis: Names the horizontal axis.
        label: The text alternative.
        lines: Further values to mark.
        ghost: Other values, (M,) float, drawn as an outline with a height of its own.
    """
    x = scale((float(data.edges[0]), float(data.edges[-1])), (_LEFT, _WIDTH - _RIGHT))
    base = _HEIGHT - _BOTTOM
    top = _TOP if lines else _TOP - 8
    peak = max(int(data.counts.max()), 1)
    y = scale((0, peak), (base, top + 6))
    parts: list[Markup] = []
    for value in (v for v in ticks(0, peak, 4) if v == int(v)):
        parts.append(element("line", class_="grid", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y(value), y2=y(value)))
        parts.append(
            element("text", count(int(value)), class_="tick", x=_LEFT - 7, y=y(value) + 4, text_anchor="end")
        )
    middles = (data.edges[:-1] + data.edges[1:]) / 2
    for start, end, middle, size in zip(data.edges[:-1], data.edges[1:], middles, data.counts, strict=True):
        if not size:
            continue
        kind = "plain" if threshold is None else "good" if _satisfies(float(middle), threshold) else "bad"
        left, right, top = x(float(start)), x(float(end)), min(y(int(size)), base - 1.5)
        parts.append(
            element(
                "rect", class_=f"bar {kind}", x=left + 0.4, y=top, width=max(right - left - 0.8, 0.6),
                height=base - top,
            )
        )  # fmt: skip
    if ghost is not None:
        parts += _outline(data.edges, ghost, x, base)
    parts.append(element("line", class_="rule", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=base, y2=base))
    for value in ticks(float(data.edges[0]), float(data.edges[-1]), 6):
        parts.append(element("line", class_="rule", x1=x(value), x2=x(value), y1=base, y2=base + 4))
        parts.append(
            element("text", decimal(value), class_="tick", x=x(value), y=base + 17, text_anchor="middle")
        )
    parts.append(
        element(
            "text", axis, class_="axis", x=(_LEFT + _WIDTH - _RIGHT) / 2, y=_HEIGHT - 5, text_anchor="middle"
        )
    )
    for line in lines:
        parts += _mark(x(line.value), base, line.label, "note", 12)
    if threshold is not None:
        text = f"must be {threshold.side} {decimal(threshold.value, 6)}"
        parts += _mark(x(threshold.value), base, text, "limit", 27 if lines else 22)
    return figure(_WIDTH, _HEIGHT, label, parts, kind="histogram")


def rank_bars(ranks: NDArray[Any], limits: Sequence[int], *, label: str) -> Markup:
    """Draw how often the correct card came first, up to third, … ; `limits` are the ranks claimed (1, 5)."""
    wide = max(limits, default=1)
    groups = [(1, 1), (2, 3), (4, 5), (6, 10), (11, None)]
    rows: list[tuple[str, int, bool]] = []
    for first, last in groups:
        inside = (ranks >= first) & (ranks <= last) if last else ranks >= first
        name = f"{first}" if first == last else f"{first} to {last}" if last else f"{first} and more"
        rows.append((name, int(inside.sum()), last is not None and last <= wide))
    total = max(int(ranks.size), 1)
    width, left, right, step = 520.0, 96.0, 112.0, 27.0
    x = scale((0, max(*(r[1] for r in rows), 1)), (left, width - right))
    parts: list[Markup] = []
    for index, (name, size, claimed) in enumerate(rows):
        top = 5 + index * step
        parts.append(element("text", name, class_="tick", x=left - 10, y=top + 14, text_anchor="end"))
        if size:
            length = max(x(size) - left, 1.5)
            kind = "good" if claimed else "bad"
            parts.append(element("rect", class_=f"bar {kind}", x=left, y=top, width=length, height=step - 8))
        text = f"{count(size)} ({percent(size / total)})"
        parts.append(element("text", text, class_="tick", x=x(size) + 8, y=top + 14))
    height = 5 + len(rows) * step
    parts.append(element("line", class_="rule", x1=left, x2=left, y1=2, y2=height - 6))
    return figure(width, height, label, parts, kind="ranks")


def _satisfies(value: float, threshold: Threshold) -> bool:
    return value < threshold.value if threshold.side == "<" else value > threshold.value


def _outline(
    edges: NDArray[np.float64], values: NDArray[Any], x: Callable[[float], float], base: float
) -> list[Markup]:
    finite = np.asarray(values, np.float64)
    counts, _ = np.histogram(finite[np.isfinite(finite)], bins=edges)
    if not counts.any():
        return []
    y = scale((0, int(counts.max())), (base, base - (base - _TOP) * 0.55))
    path = [f"{x(float(edges[0])):.1f},{base:.1f}"]
    for start, end, size in zip(edges[:-1], edges[1:], counts, strict=True):
        path += [f"{x(float(start)):.1f},{y(int(size)):.1f}", f"{x(float(end)):.1f},{y(int(size)):.1f}"]
    path.append(f"{x(float(edges[-1])):.1f},{base:.1f}")
    return [element("polyline", class_="ghost", points=" ".join(path))]


def _mark(x: float, base: float, text: str, kind: str, top: float) -> list[Markup]:
    """A vertical line with its label, which turns to the left where there is no room at the right."""
    flip = x > _WIDTH - 150
    return [
        element("line", class_=kind, x1=x, x2=x, y1=top - 9, y2=base),
        element(
            "text", text, class_=f"{kind}-label", x=x - 6 if flip else x + 6, y=top,
            text_anchor="end" if flip else "start",
        ),
    ]  # fmt: skip
