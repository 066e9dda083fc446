"""Shares by severity, a figure a target: the verdict's own severity from its cell, the others beside it."""

from __future__ import annotations

from collections.abc import Sequence

from cardembed.conformance.report.lines import Series, severity_lines
from cardembed.conformance.report.numbers import count, percent
from cardembed.conformance.report.overview import targets_of
from cardembed.conformance.report.run import Cell
from cardembed.conformance.report.view import CurveView, Table
from cardembed.conformance.samples import Samples

__all__ = ["curves"]


def curves(cells: Sequence[Cell]) -> tuple[CurveView, ...]:
    """One figure for each target that was measured at more than one severity."""
    found = []
    for target in targets_of(cells):
        points = _points([cell for cell in cells if cell.target == target])
        if len({severity for _, severity in points}) < 2:
            continue
        names = list(dict.fromkeys(name for name, _ in points))
        series = [
            Series(name, tuple((s, k / n) for (of, s), (k, n) in sorted(points.items()) if of == name))
            for name in names
        ]
        severities = sorted({severity for _, severity in points})
        rows = tuple((name, *(_text(points.get((name, s))) for s in severities)) for name in names)
        table = Table(
            f"{target}: photos that satisfy the criterion, by severity",
            ("Condition", *(f"severity {s}" for s in severities)),
            rows,
        )
        ends = ", ".join(f"{one.name} {percent(one.points[-1][1])}" for one in series)
        label = (
            f"{target}, share by severity {severities[0]} to {severities[-1]}; at {severities[-1]}: {ends}."
        )
        found.append(CurveView(target, severity_lines(series, label=label), table))
    return tuple(found)


def _points(cells: Sequence[Cell]) -> dict[tuple[str, int], tuple[int, int]]:
    """(k, n) by condition and severity."""
    points: dict[tuple[str, int], tuple[int, int]] = {}
    for cell in cells:
        samples = _samples(cell)
        for point in samples.curves if samples else ():
            if point.n > 0 and 0 <= point.k <= point.n:
                points.setdefault((point.condition, point.severity), (point.k, point.n))
    for cell in cells:
        first = cell.verdict.shares[0] if cell.verdict and cell.verdict.shares else None
        samples = _samples(cell)
        context = samples.context if samples else None
        if first is None or context is None or context.severity is None or not cell.required:
            continue
        if cell.spec and cell.spec.kind == "retrieval" and any(of == context.condition for of, _ in points):
            points[context.condition, context.severity] = (first.k, first.n)
    return points


def _samples(cell: Cell) -> Samples | None:
    """The raw numbers, but not those of a whole gallery."""
    return None if cell.spec is None or cell.spec.kind == "census" else cell.load()


def _text(point: tuple[int, int] | None) -> str:
    if point is None:
        return "not measured"
    k, n = point
    return f"{count(k)} / {count(n)} ({percent(k / n)})"
