"""Feature texts: where a scenario's steps stand in the file, and what changed between two files."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gherkin.errors import CompositeParserException, ParserError
from gherkin.parser import Parser

from cardembed.conformance.report.view import FeatureView, LineView

__all__ = ["Place", "difference", "feature_name", "feature_view", "places"]


@dataclass(frozen=True, slots=True)
class Place:
    """A step's keyword and line."""

    keyword: str
    line: int


def _parse(text: str) -> Mapping[str, Any] | None:
    try:
        document: Mapping[str, Any] = Parser().parse(text)
    except (CompositeParserException, ParserError):
        return None
    feature: Mapping[str, Any] | None = document.get("feature")
    return feature


def feature_name(text: str) -> str:
    """The feature's name; empty where the text is no Gherkin."""
    feature = _parse(text)
    return str(feature["name"]) if feature else ""


def places(text: str) -> dict[int, tuple[Place, ...]]:
    """The steps of each scenario by the scenario's line, those of the background first."""
    feature = _parse(text)
    found: dict[int, tuple[Place, ...]] = {}
    if feature:
        _collect(feature["children"], (), found)
    return found


def _collect(children: Any, before: tuple[Place, ...], found: dict[int, tuple[Place, ...]]) -> None:  # noqa: ANN401
    for child in children:
        if "background" in child:
            before = (*before, *_steps(child["background"]))
        elif "scenario" in child:
            found[int(child["scenario"]["location"]["line"])] = (*before, *_steps(child["scenario"]))
        elif "rule" in child:
            _collect(child["rule"]["children"], before, found)


def _steps(node: Mapping[str, Any]) -> tuple[Place, ...]:
    return tuple(Place(str(step["keyword"]).strip(), int(step["location"]["line"])) for step in node["steps"])


def feature_view(index: int, path: str, text: str, digest: str) -> FeatureView:
    """A feature file with an anchor a line; `index` keeps the anchors of two files apart."""
    lines = tuple(
        LineView(number, line, f"feature-{index}-{number}")
        for number, line in enumerate(text.splitlines(), 1)
    )
    return FeatureView(path, f"feature-{index}", digest, lines)


def difference(path: str, before: str, after: str) -> FeatureView:
    """What changed in a feature file, with two lines around each change."""
    lines: list[LineView] = []
    number = 0
    for row in difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2):
        if row.startswith(("---", "+++")) and not lines:
            continue
        if row.startswith("@@"):
            number = int(re.findall(r"\+(\d+)", row)[0])
            lines.append(LineView(None, ""))
            continue
        sign = {"+": "+", "-": "−"}.get(row[0], "")
        lines.append(LineView(None if sign == "−" else number, row[1:], sign=sign))
        number += sign != "−"
    return FeatureView(path, "", "", tuple(lines))
