"""Line charts as inline SVG: shares over severity, and latency over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from cardembed.conformance.report.numbers import decimal
from cardembed.conformance.report.svg import element, figure, scale, ticks

__all__ = ["Series", "severity_lines", "timeline"]

_SHAPES = ("circle", "square", "triangle", "diamond")


@dataclass(frozen=True, slots=True)
class Series:
    """Shares by severity: `points` of (severity, share in [0, 1]), rising severity."""

    name: str
    points: tuple[tuple[int, float], ...]


def severity_lines(series: Sequence[Series], *, label: str, verdict_severity: int = 2) -> Markup:
    """Draw one line a condition, told apart by marker, dashes and a label at its end."""
    width, height, left, right, top, bottom = 360.0, 228.0, 44.0, 88.0, 14.0, 42.0
    severities = sorted({severity for one in series for severity, _ in one.points})
    x = scale((min(severities, default=1), max(severities, default=5)), (left + 10, width - right - 8))
    y = scale((0, 1), (height - bottom, top))
    parts: list[Markup] = []
    if verdict_severity in severities:
        at = x(verdict_severity)
        parts.append(element("rect", class_="band", x=at - 9, y=top, width=18, height=height - bottom - top))
    for value in (0, 0.25, 0.5, 0.75, 1):
        parts.append(element("line", class_="grid", x1=left, x2=width - right, y1=y(value), y2=y(value)))
        parts.append(
            element("text", f"{value:.0%}", class_="tick", x=left - 7, y=y(value) + 4, text_anchor="end")
        )
    for severity in severities:
        place = {"x": x(severity), "y": height - bottom + 17}
        parts += [element("text", str(severity), class_="tick", text_anchor="middle", **place)]
    middle = (left + width - right) / 2
    parts.append(element("text", "severity", class_="axis", x=middle, y=height - 6, text_anchor="middle"))
    for index, one in enumerate(series):
        dots = [(x(severity), y(share)) for severity, share in one.points]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in dots)
        parts.append(element("polyline", class_=f"line line-{index % 4}", points=path))
        parts += [_marker(_SHAPES[index % 4], a, b, index) for a, b in dots]
    for (index, text), at in zip(_names(series), _spread(series, y), strict=True):
        parts.append(element("text", text, class_=f"name name-{index % 4}", x=width - right + 17, y=at + 4))
        parts.append(_marker(_SHAPES[index % 4], width - right + 8, at, index))
    return figure(width, height, label, parts, kind="lines")


def timeline(
    milliseconds: NDArray[Any],
    threshold: float | None,
    *,
    label: str,
    temperatures: NDArray[Any] | None = None,
) -> Markup:
    """Draw latency in the order of measurement: the middle and the extremes of each of 120 stretches."""
    width, height, left, right, top, bottom = 520.0, 200.0, 46.0, 46.0, 22.0, 40.0
    values = np.asarray(milliseconds, dtype=np.float64)
    groups = [g for g in np.array_split(values, min(120, max(values.size, 1))) if g.size]
    high = float(max([*(g.max() for g in groups), threshold or 0.0, 1e-9])) * 1.05
    x = scale((0, max(len(groups) - 1, 1)), (left, width - right))
    y = scale((0, high), (height - bottom, top))
    parts: list[Markup] = []
    for value in ticks(0, high, 4):
        parts.append(element("line", class_="grid", x1=left, x2=width - right, y1=y(value), y2=y(value)))
        parts.append(
            element("text", decimal(value), class_="tick", x=left - 7, y=y(value) + 4, text_anchor="end")
        )
    upper = [f"{x(i):.1f},{y(float(g.max())):.1f}" for i, g in enumerate(groups)]
    lower = [f"{x(i):.1f},{y(float(g.min())):.1f}" for i, g in enumerate(groups)]
    parts.append(element("polygon", class_="range", points=" ".join([*upper, *reversed(lower)])))
    middle = " ".join(f"{x(i):.1f},{y(float(np.median(g))):.1f}" for i, g in enumerate(groups))
    parts.append(element("polyline", class_="line line-0", points=middle))
    if temperatures is not None and temperatures.size:
        parts += _temperature(
            np.asarray(temperatures, dtype=np.float64), (left, width - right), height - bottom, top
        )
    if threshold is not None:
        at = y(threshold)
        parts.append(element("line", class_="limit", x1=left, x2=width - right, y1=at, y2=at))
        text = f"must be < {decimal(threshold)} ms"
        parts.append(element("text", text, class_="limit-label", x=left + 6, y=at - 5))
    centre = (left + width - right) / 2
    text = "queries in the order of measurement; left: milliseconds"
    parts.append(element("text", text, class_="axis", x=centre, y=height - 12, text_anchor="middle"))
    return figure(width, height, label, parts, kind="timeline")


def _temperature(
    values: NDArray[np.float64], span: tuple[float, float], base: float, top: float
) -> list[Markup]:
    low, high = float(values.min()), float(values.max())
    x = scale((0, max(values.size - 1, 1)), span)
    y = scale((low - 5, high + 5), (base, top))
    path = " ".join(f"{x(i):.1f},{y(float(v)):.1f}" for i, v in enumerate(values))
    return [
        element("polyline", class_="line line-1", points=path),
        element("text", f"{decimal(high, 0)} °C", class_="tick", x=span[1] + 5, y=y(high) + 4),
    ]


def _names(series: Sequence[Series]) -> list[tuple[int, str]]:
    return sorted(((i, s.name) for i, s in enumerate(series)), key=lambda item: -_last(series[item[0]]))


def _last(one: Series) -> float:
    return one.points[-1][1] if one.points else 0.0


def _spread(series: Sequence[Series], y: Any) -> list[float]:  # noqa: ANN401 - a scale
    """Heights of the labels: at the line's end, but 15 pixels apart from the one above."""
    heights: list[float] = []
    for index, _ in _names(series):
        at = y(_last(series[index]))
        heights.append(max(at, heights[-1] + 15) if heights else at)
    excess = heights[-1] - y(0) if heights else 0.0
    return [at - max(excess, 0.0) for at in heights]


def _marker(shape: str, x: float, y: float, index: int) -> Markup:
    kind = f"dot dot-{index % 4}"
    if shape == "circle":
        return element("circle", class_=kind, cx=x, cy=y, r=3.6)
    if shape == "square":
        return element("rect", class_=kind, x=x - 3.2, y=y - 3.2, width=6.4, height=6.4)
    r = 4.4
    corners = (
        [(x, y - r), (x + r, y + r * 0.8), (x - r, y + r * 0.8)]
        if shape == "triangle"
        else [(x, y - r), (x + r, y), (x, y + r), (x - r, y)]
    )
    return element("polygon", class_=kind, points=" ".join(f"{a:.1f},{b:.1f}" for a, b in corners))
