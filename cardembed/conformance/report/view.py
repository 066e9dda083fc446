"""What the page shows, in the order in which it shows it: texts and figures, ready to be laid out.

The templates decide nothing; every word, number and link is made here and in the modules that fill this in.
All `str` fields are plain text, which the templates escape; figures are `Markup` of our own making.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from cardembed.conformance.report.marks import Mark

__all__ = [
    "CellView",
    "ChangeView",
    "ChartView",
    "ClaimView",
    "CountView",
    "CriterionView",
    "CurveView",
    "DifferenceView",
    "Fact",
    "FeatureView",
    "LineView",
    "MatrixCell",
    "MatrixRow",
    "MatrixView",
    "OtherRow",
    "PairView",
    "Picture",
    "Reason",
    "ReportView",
    "StepView",
    "Table",
    "VerdictView",
]


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value; `code` sets the value in a fixed-width face, `note` is small print."""

    name: str
    value: str
    code: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A plain table: a caption, a heading a column, rows of text whose first cell heads the row."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    code: tuple[int, ...] = ()
    """Columns set in a fixed-width face."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the banner says what it says: a cell's state and a sentence, linked to the cell."""

    mark: Mark
    href: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class VerdictView:
    """The banner."""

    mark: Mark
    headline: str
    incomplete: str
    """The sentence that says what was not run; empty where every required cell was."""
    summary: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class CountView:
    """How many cells are in a state."""

    mark: Mark
    required: int
    reported: int


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One cell of the matrix: its state, k of n, the bound beside what is demanded, the fidelity."""

    href: str
    mark: Mark
    numbers: str
    bound: str
    detail: str
    """The family that decided, or why there are no numbers."""
    fidelity: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A criterion (and aspect) over the targets; None where no scenario joins the two."""

    name: str
    title: str
    href: str
    cells: tuple[MatrixCell | None, ...]


@dataclass(frozen=True, slots=True)
class MatrixView:
    """Criterion by target."""

    caption: str
    targets: tuple[str, ...]
    rows: tuple[MatrixRow, ...]


@dataclass(frozen=True, slots=True)
class OtherRow:
    """A feature that is no acceptance criterion (the model contract, bad input) with its cells."""

    name: str
    title: str
    href: str
    tally: str
    cells: tuple[tuple[Mark, str, str], ...]
    """Mark, name, link."""


@dataclass(frozen=True, slots=True)
class StepView:
    """One clause of the scenario with what became of it."""

    keyword: str
    text: str
    mark: Mark
    line: int | None
    href: str


@dataclass(frozen=True, slots=True)
class ClaimView:
    """One share (or percentile) with what was demanded of it; empty texts where a column does not apply."""

    name: str
    mark: Mark
    tally: str
    share: str
    bound: str
    """The lower bound of the share."""
    target: str
    margin: str
    needed: str
    interval: Markup
    note: str = ""
    """Small print under the name."""


@dataclass(frozen=True, slots=True)
class ChartView:
    """A figure with its caption."""

    title: str
    svg: Markup
    caption: str


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as a data URI (empty where it is missing), with its text alternative and size in pixels."""

    uri: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PairView:
    """A photo beside the card that it matched."""

    photo: Picture
    matched: Picture
    headings: tuple[str, str]
    caption: str


@dataclass(frozen=True, slots=True)
class CellView:
    """One criterion on one target, in full."""

    id: str
    anchor: str
    target: str
    required: bool
    mark: Mark
    summary: str
    """One line, shown while the cell is closed."""
    reason: str
    """Shown first where the cell did not pass."""
    fidelity: str
    scenario: str
    place: str
    """Feature file and line."""
    href: str
    """To that line."""
    steps: tuple[StepView, ...]
    claims: tuple[ClaimView, ...]
    families: tuple[ClaimView, ...]
    charts: tuple[ChartView, ...]
    pairs: tuple[PairView, ...]
    pairs_note: str
    facts: tuple[Fact, ...]
    attempts: tuple[str, ...]
    open: bool


@dataclass(frozen=True, slots=True)
class CriterionView:
    """A criterion: what is demanded, its required cells, then the ones that are only reported."""

    id: str
    anchor: str
    title: str
    required: tuple[CellView, ...]
    reported: tuple[CellView, ...]


@dataclass(frozen=True, slots=True)
class CurveView:
    """A target's shares by condition and severity, as a figure and as the numbers behind it."""

    target: str
    svg: Markup
    table: Table


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A cell that differs from the baseline's."""

    id: str
    href: str
    before: Mark | None
    after: Mark | None
    tally_before: str
    tally_after: str
    note: str


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """What changed since the baseline."""

    name: str
    summary: str
    facts: tuple[Fact, ...]
    changes: tuple[ChangeView, ...]
    """Cells whose state changed."""
    numbers: tuple[ChangeView, ...]
    """Cells whose numbers changed and whose state did not."""
    thresholds: Table | None
    features: tuple[FeatureView, ...]


@dataclass(frozen=True, slots=True)
class LineView:
    """One line of a feature file, or of a difference between two (`sign` is +, − or empty)."""

    number: int | None
    text: str
    anchor: str = ""
    sign: str = ""


@dataclass(frozen=True, slots=True)
class FeatureView:
    """A feature file as the run read it."""

    path: str
    anchor: str
    digest: str
    lines: tuple[LineView, ...]


@dataclass(frozen=True, slots=True)
class ReportView:
    """The whole page."""

    title: str
    subtitle: str
    verdict: VerdictView
    facts: tuple[Fact, ...]
    counts: tuple[CountView, ...]
    matrix: MatrixView | None
    others: tuple[OtherRow, ...]
    reported: MatrixView | None
    criteria: tuple[CriterionView, ...]
    curves: tuple[CurveView, ...]
    difference: DifferenceView | None
    verify: tuple[str, ...]
    provenance: tuple[tuple[str, tuple[Fact, ...]], ...]
    tables: tuple[Table, ...]
    features: tuple[FeatureView, ...]
    generator: str
    fidelities: tuple[Fact, ...]
    simulated: bool
    """Whether a simulator answered in a device's place."""
