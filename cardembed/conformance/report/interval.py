"""A share with its confidence interval and its target, small enough for a table's row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cardembed.conformance.report.svg import element, figure, scale

__all__ = ["Interval", "domain", "interval"]

_WIDTH, _HEIGHT, _EDGE = 168.0, 22.0, 5.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A share, its one-sided bounds (None where no claim is made about a population) and its target."""

    share: float
    lower: float | None
    upper: float | None
    target: float | None


def domain(intervals: Sequence[Interval]) -> tuple[float, float]:
    """The range that rows of one table share: from a tenth below the lowest number to 1."""
    numbers = [n for i in intervals for n in (i.share, i.lower, i.target) if n is not None]
    low = min(numbers, default=0.0)
    return (max(0.0, int(low * 10 - 0.3) / 10), 1.0)


def interval(value: Interval, within: tuple[float, float]) -> Markup:
    """Draw `value` on a line from `within[0]` to `within[1]`; the table's cells say it in numbers."""
    x = scale(within, (_EDGE, _WIDTH - _EDGE))
    middle = _HEIGHT / 2
    lower = value.share if value.lower is None else value.lower
    upper = value.share if value.upper is None else value.upper
    parts = [element("line", class_="rule", x1=_EDGE, x2=_WIDTH - _EDGE, y1=middle, y2=middle)]
    if value.target is not None:
        start = x(value.target)
        parts.append(
            element("rect", class_="zone", x=start, y=3, width=_WIDTH - _EDGE - start, height=_HEIGHT - 6)
        )
        parts.append(element("line", class_="limit", x1=start, x2=start, y1=1, y2=_HEIGHT - 1))
    kind = "plain" if value.target is None else "short" if lower < value.target else "reached"
    parts.append(element("line", class_=f"bar {kind}", x1=x(lower), x2=x(upper), y1=middle, y2=middle))
    parts.append(
        element("line", class_=f"end {kind}", x1=x(lower), x2=x(lower), y1=middle - 5, y2=middle + 5)
    )
    parts.append(element("circle", class_=f"point {kind}", cx=x(value.share), cy=middle, r=3.5))
    return figure(_WIDTH, _HEIGHT, "", parts, kind="interval")
