"""A cell in full: steps, claims, figures, photos, and what was measured."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping

from cardembed.conformance.report.charts import charts
from cardembed.conformance.report.claims import claim_rows, summary
from cardembed.conformance.report.marks import state_mark, step_mark
from cardembed.conformance.report.numbers import count, decimal, seconds
from cardembed.conformance.report.pictures import picture
from cardembed.conformance.report.run import Cell
from cardembed.conformance.report.source import Place
from cardembed.conformance.report.view import CellView, Fact, PairView, StepView
from cardembed.conformance.samples import Samples, UnknownSamples
from cardembed.conformance.states import State
from cardembed.retrieval.database import NO_MATCH

__all__ = ["Sources", "cell_anchor", "cell_name", "cell_view", "conditions"]

_HUBS = 3  # cards that are named
_CLOSED = (State.PASS, State.REPORTED, State.NOT_APPLICABLE)

_CONDITIONS = {
    "clean": "clean photos",
    "occluded": "photos with an occlusion",
    "glare": "photos with glare",
    "unknown": "photos of what is no card",
    "unknown-card": "photos of cards outside the catalogue",
    "zero-shot": "clean photos of cards that training never saw",
    "zero-shot-occluded": "photos with an occlusion of cards that training never saw",
    "clean+clean-second": "two clean photos of a card",
    "clean+occluded": "a clean and an occluded photo of a card",
    "clean+glare": "a clean photo of a card and one with glare",
    "gallery": "the gallery itself",
    "single": "single queries",
}


class Sources:
    """Where feature files stand in the page: their texts' places by path, and each file's number."""

    def __init__(self, places: Mapping[str, Mapping[int, tuple[Place, ...]]]) -> None:
        self._places = places
        self._numbers = {path: index for index, path in enumerate(places)}

    def steps(self, path: str, line: int) -> tuple[Place, ...]:
        """The steps of the scenario at `line`."""
        return self._places.get(path, {}).get(line, ())

    def href(self, path: str, line: int | None) -> str:
        """A link to a line; empty where the file is not in the page."""
        if path not in self._numbers or line is None:
            return ""
        return f"#feature-{self._numbers[path]}-{line}"


def cell_anchor(identity: str) -> str:
    """The id of a cell's place in the page: one a cell, whatever its name is made of."""
    plain = re.sub(r"[^A-Za-z0-9/-]", lambda found: f"_{ord(found[0]):x}_", identity)
    return f"cell-{plain.replace('/', '.')}"


def conditions(name: str) -> str:
    """A condition in words."""
    return _CONDITIONS.get(name, name)


def cell_view(cell: Cell, sources: Sources, read: Callable[[str], bytes | None], pairs: int) -> CellView:
    """Lay a cell open; `pairs` is how many of its worst photos there is room for."""
    verdict, samples, spec = cell.verdict, cell.load(), cell.spec
    shares = verdict.shares if verdict else []
    whole = [share for share in shares if share.family is None]
    families = [share for share in shares if share.family is not None]
    line = summary(verdict) if verdict else ""
    return CellView(
        id=cell.id,
        anchor=cell_anchor(cell.id),
        target=cell_name(cell),
        required=cell.required,
        mark=state_mark(cell.state),
        summary=line or cell.reason,
        reason=_reason(cell),
        fidelity=cell.fidelity or "no measurement",
        scenario=spec.scenario if spec else cell.id,
        place=f"{spec.feature}:{spec.line}" if spec else "",
        href=sources.href(spec.feature, spec.line) if spec else "",
        steps=_steps(cell, sources),
        claims=claim_rows(whole),
        families=claim_rows(families, _closest(samples)),
        charts=charts(spec, samples) if spec and samples and samples.size else (),
        pairs=tuple(_pairs(cell, read, pairs)),
        pairs_note=_pairs_note(len(cell.worst), pairs),
        facts=_facts(samples),
        attempts=tuple(f"{one.state}: {one.reason}" for one in cell.attempts),
        open=cell.required and cell.state not in _CLOSED,
    )


def _reason(cell: Cell) -> str:
    """Why the cell did not pass, unless its claims say it."""
    if cell.state in _CLOSED or (cell.verdict and cell.verdict.shares and cell.verdict.state is cell.state):
        return ""
    return cell.reason


def cell_name(cell: Cell) -> str:
    """The cell's name under its criterion: the target, with the aspect where there is one."""
    aspect = cell.aspect.replace("-", " ")
    if cell.target == "-":
        return aspect or cell.criterion
    return f"{cell.target}, {aspect}" if aspect else cell.target


def _steps(cell: Cell, sources: Sources) -> tuple[StepView, ...]:
    """The scenario's steps in full, whether they ran or not; what ran beyond them comes last."""
    spec = cell.spec
    texts = list(spec.steps) if spec else []
    places = sources.steps(spec.feature, spec.line) if spec else ()
    rest = list(cell.steps)
    views = []
    for index, text in enumerate(texts):
        place = places[index] if index < len(places) else None
        ran = rest.pop(0) if rest and rest[0].text == text else None
        views.append(
            StepView(
                keyword=place.keyword if place else "*",
                text=text,
                mark=step_mark(ran.status if ran else None),
                line=place.line if place else None,
                href=sources.href(spec.feature, place.line) if spec and place else "",
            )
        )
    views += [StepView("*", step.text, step_mark(step.status), None, "") for step in rest]
    return tuple(views)


def _closest(samples: Samples | None) -> dict[str, str]:
    if not isinstance(samples, UnknownSamples) or len(samples.family) != samples.size:
        return {}
    least: dict[str, float] = {}
    for family, distance in zip(samples.family, samples.nearest_distance, strict=True):
        least[family] = min(distance, least.get(family, distance))
    return {family: f"closest {decimal(distance)}" for family, distance in least.items()}


def _pairs(cell: Cell, read: Callable[[str], bytes | None], number: int) -> list[PairView]:
    two = cell.spec is not None and cell.spec.kind in ("pairs", "census")
    headings = ("one", "other") if two else ("photo", "matched")
    return [
        PairView(
            photo=picture(one.photo, read, f"{headings[0].capitalize()}: {one.caption}"),
            matched=picture(one.matched, read, f"{headings[1].capitalize()}: {one.caption}"),
            headings=headings,
            caption=one.caption,
        )
        for one in cell.worst[:number]
    ]


def _pairs_note(kept: int, shown: int) -> str:
    more = kept - shown
    return f"{count(more)} more in the bundle's images folder." if shown and more > 0 else ""


def _answers(samples: UnknownSamples) -> list[Fact]:
    """The cards that what is no card was taken for: one that lies badly answers for all of it (hubness)."""
    said = Counter(answer for answer in samples.answer if answer != NO_MATCH)
    if not said:
        return []
    most = ", ".join(f"{card} {count(times)}" for card, times in said.most_common(_HUBS))
    note = f"{count(len(said))} cards answered {count(said.total())} photos" if len(said) > _HUBS else ""
    return [Fact("Cards that answered, and how often", most, note=note)]


def _facts(samples: Samples | None) -> tuple[Fact, ...]:
    if samples is None:
        return ()
    context = samples.context
    about = conditions(context.condition)
    if context.severity is not None:
        about += f", severity {context.severity}"
    facts = [Fact("Samples", f"{count(samples.size)}, {about}")]
    if context.match_threshold is not None:
        facts.append(Fact("Match threshold", f"distance {decimal(context.match_threshold, 4)}"))
    if isinstance(samples, UnknownSamples):
        facts += _answers(samples)
    if context.inference_seconds is not None:
        note = "" if context.wall_seconds is None else f"{seconds(context.wall_seconds)} in all"
        facts.append(Fact("Bare inference", seconds(context.inference_seconds), note=note))
    if context.provenance != "simulated":
        facts.append(Fact("Photos", context.provenance))
    named = (("Artefact", context.artefact_digest), ("Teacher", context.teacher_digest))
    facts += [Fact(name, digest[:16], code=True) for name, digest in named if digest]
    return tuple(facts)
