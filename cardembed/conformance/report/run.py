"""A bundle as the report reads it: each cell beside what the features in the bundle ask of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cardembed.conformance.evidence import Bundle
from cardembed.conformance.judge import judge
from cardembed.conformance.predicate import Attempt, BundleCell, BundlePredicate, StepRecord, WorstSample
from cardembed.conformance.report.source import feature_name
from cardembed.conformance.samples import CensusSamples, Samples
from cardembed.conformance.spec import CellSpec, parse_feature
from cardembed.conformance.states import State
from cardembed.conformance.verdicts import CellVerdict
from cardembed.errors import FeatureError

__all__ = ["Cell", "Run", "open_run"]

_BESIDE_THE_NUMBERS = (State.ERROR, State.NOT_RUN)
"""States that a recorder may know of while the numbers alone would say something better; as in the gate."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the run."""

    id: str
    criterion: str
    aspect: str
    target: str
    required: bool
    state: State
    reason: str
    fidelity: str | None
    steps: tuple[StepRecord, ...]
    verdict: CellVerdict | None
    load: Callable[[], Samples | None]
    """Read the raw numbers; those of a gallery are large, so they are read again each time."""
    worst: tuple[WorstSample, ...]
    attempts: tuple[Attempt, ...]
    spec: CellSpec | None
    """What the feature asks; None where the bundle has a cell that its own features do not name."""


@dataclass(frozen=True, slots=True)
class Run:
    """All cells, in the order of the features, and what the bundle says about the run."""

    predicate: BundlePredicate
    cells: tuple[Cell, ...]
    texts: Mapping[str, str]
    """Feature texts by path."""
    titles: Mapping[str, str]
    """Each criterion's title."""
    image: Callable[[str], bytes | None]
    """An image's bytes by its name in the bundle."""


def open_run(bundle: Bundle) -> Run:
    """Read every cell; one whose recorded state differs from what its steps and numbers give is an error.

    Raises:
        EvidenceError: Raw numbers that are none.
    """
    predicate = bundle.predicate
    texts = {path: feature.text for path, feature in sorted(predicate.features.items())}
    specs = _specs(texts)
    titles: dict[str, str] = {}
    for spec in specs.values():
        if spec.criterion not in titles:
            title = feature_name(texts[spec.feature])
            titles[spec.criterion] = title.removeprefix(spec.criterion).strip(" :")
    recorded = {cell.id: cell for cell in predicate.cells}
    cells = [
        _cell(bundle, recorded[name], spec) if name in recorded else _absent(spec)
        for name, spec in specs.items()
    ]
    cells += [_cell(bundle, cell, None) for name, cell in recorded.items() if name not in specs]
    known = {ref.path for ref in predicate.images}

    def image(name: str) -> bytes | None:
        return bundle.image(name) if name in known else None

    return Run(predicate, tuple(cells), texts, titles, image)


def _specs(texts: Mapping[str, str]) -> dict[str, CellSpec]:
    """Every cell that the features name; a feature that cannot be judged names none."""
    found: dict[str, CellSpec] = {}
    for path, text in texts.items():
        try:
            found |= {spec.id: spec for spec in parse_feature(text, path)}
        except FeatureError:
            continue
    return found


def _absent(spec: CellSpec) -> Cell:
    return Cell(
        id=spec.id,
        criterion=spec.criterion,
        aspect=spec.aspect,
        target=spec.target,
        required=spec.required,
        state=State.NOT_RUN,
        reason="the bundle does not mention this cell",
        fidelity=None,
        steps=(),
        verdict=None,
        load=lambda: None,
        worst=(),
        attempts=(),
        spec=spec,
    )


def _cell(bundle: Bundle, cell: BundleCell, spec: CellSpec | None) -> Cell:
    load = _loader(bundle, cell)
    state, reason, verdict = cell.state, cell.reason, cell.verdict
    required = cell.required
    if spec is None:
        reason = f"no feature of the bundle has this cell; {reason}".removesuffix("; ")
    else:
        required = spec.required
        found = _judged(cell, spec, load)
        if found is not None and found.state is not cell.state and cell.state not in _BESIDE_THE_NUMBERS:
            state = State.ERROR
            reason = f"recorded as {cell.state}, but its steps and numbers give {found.state}: {found.reason}"
        verdict = found if found is not None and found.shares else verdict
    return Cell(
        id=cell.id,
        criterion=cell.criterion,
        aspect=cell.aspect,
        target=cell.target,
        required=required,
        state=state,
        reason=reason,
        fidelity=cell.fidelity,
        steps=tuple(cell.steps),
        verdict=verdict,
        load=load,
        worst=tuple(cell.worst),
        attempts=tuple(cell.attempts),
        spec=spec,
    )


def _judged(cell: BundleCell, spec: CellSpec, load: Callable[[], Samples | None]) -> CellVerdict | None:
    """The verdict once more; None for cells that never began, and for pairs of a whole gallery.

    Counting all pairs takes a while; the gate does it, the report shows what was recorded.
    """
    if not cell.steps or spec.kind == "census" or cell.state is State.WAIVED:
        return None
    return judge(spec, cell.steps, load())


def _loader(bundle: Bundle, cell: BundleCell) -> Callable[[], Samples | None]:
    kept: list[Samples | None] = []

    def load() -> Samples | None:
        if kept:
            return kept[0]
        samples = bundle.samples(cell)
        if not isinstance(samples, CensusSamples):
            kept.append(samples)
        return samples

    return load
