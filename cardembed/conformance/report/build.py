"""From a run to the page's view data."""

from __future__ import annotations

from cardembed._version import __version__
from cardembed.conformance.report import overview, provenance
from cardembed.conformance.report.cells import Sources, cell_view
from cardembed.conformance.report.curves import curves
from cardembed.conformance.report.difference import compare
from cardembed.conformance.report.pictures import Wanted, choose
from cardembed.conformance.report.run import Cell, Run
from cardembed.conformance.report.source import feature_view, places
from cardembed.conformance.report.view import CriterionView, ReportView
from cardembed.conformance.states import State

__all__ = ["view_of"]


def view_of(run: Run, baseline: Run | None = None) -> ReportView:
    """All that the page shows; equal runs give equal views.

    Args:
        run: What the page is about.
        baseline: An earlier run to compare it with.
    """
    predicate, cells = run.predicate, run.cells
    required = overview.matrix(cells, run.titles, required=True)
    return ReportView(
        title=predicate.release.name,
        subtitle=provenance.subtitle(predicate),
        verdict=overview.verdict(cells),
        facts=provenance.head_facts(predicate),
        counts=overview.counts(cells),
        matrix=required,
        others=overview.others(cells, run.titles),
        reported=overview.matrix(cells, run.titles, required=False),
        criteria=_criteria(run),
        curves=curves(cells),
        difference=compare(baseline, run) if baseline is not None else None,
        verify=provenance.verify(),
        provenance=provenance.sections(predicate),
        tables=provenance.tables(predicate),
        features=tuple(
            feature_view(index, path, text, predicate.features[path].sha256)
            for index, (path, text) in enumerate(run.texts.items())
        ),
        generator=f"cardembed {__version__}",
        fidelities=provenance.fidelities(),
        simulated=predicate.on_simulator,
    )


def _criteria(run: Run) -> tuple[CriterionView, ...]:
    """Every criterion with its cells in full, in the order of the features, the acceptance criteria first."""
    shown = _shown(run)
    sources = Sources({path: places(text) for path, text in run.texts.items()})
    groups: dict[str, list[Cell]] = {}
    for cell in run.cells:
        groups.setdefault(cell.criterion, []).append(cell)
    aspects = list(dict.fromkeys(cell.aspect for cell in run.cells))
    order = sorted(groups, key=lambda criterion: not overview.is_acceptance(groups[criterion][0]))
    found = []
    for criterion in order:
        cells = sorted(
            groups[criterion], key=lambda c: (aspects.index(c.aspect), overview.target_order(c.target))
        )
        views = [cell_view(cell, sources, run.image, shown.get(cell.id, 0)) for cell in cells]
        found.append(
            CriterionView(
                id=criterion,
                anchor=overview.criterion_anchor(criterion),
                title=run.titles.get(criterion, ""),
                required=tuple(view for view in views if view.required),
                reported=tuple(view for view in views if not view.required),
            )
        )
    return tuple(found)


def _shown(run: Run) -> dict[str, int]:
    """How many photos each cell shows: those that must be mended first."""
    ordered = sorted(run.cells, key=lambda cell: not cell.required)
    wanted = [
        Wanted(
            cell.id,
            tuple(name for name in (one.photo, one.matched) if name is not None),
            urgent=cell.required and cell.state is not State.PASS,
        )
        for cell in ordered
        for one in cell.worst
    ]
    names = {name for one in wanted for name in one.names}
    return choose(wanted, {name: len(run.image(name) or b"") for name in sorted(names)})
