"""The first screen: verdict, counts, and criterion by target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cardembed.conformance.report.cells import cell_anchor, cell_name
from cardembed.conformance.report.claims import bound, tally
from cardembed.conformance.report.marks import Mark, state_mark
from cardembed.conformance.report.numbers import decimal
from cardembed.conformance.report.run import Cell
from cardembed.conformance.report.view import (
    CountView,
    MatrixCell,
    MatrixRow,
    MatrixView,
    OtherRow,
    Reason,
    VerdictView,
)
from cardembed.conformance.states import State, worst
from cardembed.conformance.verdicts import ShareResult

__all__ = [
    "TARGETS",
    "counts",
    "criterion_anchor",
    "is_acceptance",
    "matrix",
    "others",
    "target_order",
    "targets_of",
    "verdict",
]

TARGETS = ("teacher", "server", "android", "ios", "hailo8l")
"""The usual order; targets that a release adds come after."""

_ORDER = (State.FAIL, State.ERROR, State.NOT_RUN, State.INCONCLUSIVE, State.WAIVED, State.PASS)


def is_acceptance(cell: Cell) -> bool:
    """Whether the cell belongs to one of the acceptance criteria."""
    return cell.criterion.startswith("AC-")


def criterion_anchor(criterion: str) -> str:
    """The id of a criterion's place in the page."""
    return cell_anchor(criterion).replace("cell-", "criterion-", 1)


def targets_of(cells: Sequence[Cell]) -> tuple[str, ...]:
    """The targets that cells are about, in their usual order."""
    found = {cell.target for cell in cells} - {"-"}
    return (*(t for t in TARGETS if t in found), *sorted(found - set(TARGETS)))


def target_order(target: str) -> tuple[int, str]:
    """A key that sorts targets as `targets_of` does; ties keep the order of the features."""
    return (TARGETS.index(target), "") if target in TARGETS else (len(TARGETS), "")


def verdict(cells: Sequence[Cell]) -> VerdictView:
    """What the required cells come to."""
    required = [cell for cell in cells if cell.required and cell.state is not State.NOT_APPLICABLE]
    by_state = {state: [cell for cell in required if cell.state is state] for state in _ORDER}
    overall = worst(cell.state for cell in required)
    missing = len(by_state[State.NOT_RUN])
    incomplete = ""
    if missing:
        incomplete = (
            f"{_number(missing, 'required cell')} of {len(required)} "
            f"{'was' if missing == 1 else 'were'} not run."
        )
        if by_state[State.PASS]:
            incomplete += " The cells that pass say nothing about them."
    elif not required:
        incomplete = "The bundle has no required cell at all."
    parts = [f"{len(by_state[state])} {_word(state)}" for state in reversed(_ORDER) if by_state[state]]
    summary = f"Of {_number(len(required), 'required cell')}: {', '.join(parts) or 'none was run'}."
    extra = sum(not cell.required for cell in cells)
    if extra:
        summary += f" {extra} more {'is' if extra == 1 else 'are'} reported without a demand."
    reasons = tuple(
        Reason(state_mark(state), f"#{cell_anchor(cell.id)}", cell.id, _reason(cell))
        for state in sorted(_ORDER, key=lambda one: one is State.NOT_RUN)  # what was measured comes first
        if state is not State.PASS
        for cell in by_state[state]
    )
    reported_errors = tuple(
        Reason(state_mark(cell.state), f"#{cell_anchor(cell.id)}", cell.id, _reason(cell))
        for cell in cells
        if not cell.required and cell.state in (State.ERROR, State.FAIL)
    )
    mark = Mark("not-run", "not run", "not-run") if not required else state_mark(overall)
    headline = _headline(overall, {s: len(c) for s, c in by_state.items()}, len(required))
    return VerdictView(mark, headline, incomplete, summary, reasons + reported_errors)


def _headline(overall: State, sizes: Mapping[State, int], total: int) -> str:
    number = sizes.get(overall, 0)
    cells = _number(number, "required cell")
    if overall is State.NOT_RUN:
        return "Incomplete: not every required cell was run" if total > number else "Nothing was run"
    sentences = {
        State.FAIL: f"Not met: {cells} of {total} {_verb(number, 'fail')}",
        State.ERROR: f"No verdict: {cells} ended in an error",
        State.INCONCLUSIVE: f"Undecided: {cells} {_verb(number, 'need')} more samples",
        State.WAIVED: f"Met, with {_number(number, 'cell')} waived",
    }
    return sentences.get(overall, f"Met: all {cells} of this run pass")


def _reason(cell: Cell) -> str:
    share = cell.verdict.speaker if cell.verdict and cell.state in (State.FAIL, State.INCONCLUSIVE) else None
    if share is None or share.state is None:
        return cell.reason or "no reason was recorded"
    text = ", ".join(part for part in (tally(share), bound(share)) if part)
    text = f"{share.family}: {text}" if share.family else text
    if share.state is State.INCONCLUSIVE:
        text += f"; {share.needed} more needed" if share.needed else "; no number would show it at this rate"
    return f"{text}; {share.note}" if share.note else text


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _verb(number: int, verb: str) -> str:
    return f"{verb}s" if number == 1 else verb


def _word(state: State) -> str:
    plain = {State.PASS: "pass", State.FAIL: "fail", State.ERROR: "in error"}
    return plain.get(state, state.value)


def counts(cells: Sequence[Cell]) -> tuple[CountView, ...]:
    """One tile a state: the usual ones always, the rare ones where there are any."""
    always = (State.PASS, State.FAIL, State.INCONCLUSIVE, State.ERROR, State.NOT_RUN)
    tiles = []
    for state in (*always, State.WAIVED, State.NOT_APPLICABLE):
        required = sum(cell.required and cell.state is state for cell in cells)
        reported = sum(not cell.required and cell.state is state for cell in cells)
        if state in always or required or reported:
            tiles.append(CountView(state_mark(state), required, reported))
    return tuple(tiles)


def matrix(cells: Sequence[Cell], titles: Mapping[str, str], *, required: bool) -> MatrixView | None:
    """Acceptance criteria by target, the required cells or the reported ones; None where there is none."""
    chosen = [cell for cell in cells if is_acceptance(cell) and cell.required == required]
    if not chosen:
        return None
    targets = targets_of([cell for cell in cells if is_acceptance(cell)])
    rows: dict[tuple[str, str], dict[str, Cell]] = {}
    for cell in chosen:
        rows.setdefault((cell.criterion, cell.aspect), {})[cell.target] = cell
    return MatrixView(
        "Acceptance criteria by target" if required else "Reported cells by target",
        targets,
        tuple(
            MatrixRow(
                name=criterion if not aspect else f"{criterion}, {aspect.replace('-', ' ')}",
                title=titles.get(criterion, ""),
                href=f"#{criterion_anchor(criterion)}",
                cells=tuple(_cell(row.get(target)) for target in targets),
            )
            for (criterion, aspect), row in rows.items()
        ),
    )


def _cell(cell: Cell | None) -> MatrixCell | None:
    if cell is None or (cell.state is State.NOT_APPLICABLE):
        return None
    share = cell.verdict.speaker if cell.verdict else None
    return MatrixCell(
        href=f"#{cell_anchor(cell.id)}",
        mark=state_mark(cell.state),
        numbers=tally(share) if share else "",
        bound=bound(share) if share else "",
        detail=_detail(share, cell.verdict.shares[0].claim) if cell.verdict and share else cell.reason,
        fidelity=cell.fidelity or "",
    )


def _detail(share: ShareResult, first: str) -> str:
    """The claim where it isn't the cell's first one, else the family or the extreme that was measured."""
    if share.claim != first:
        return f"{share.family}: {share.claim}" if share.family else share.claim
    if share.family or share.state is None or share.value is None:
        return share.family or ""
    return f"{share.value_name}: {decimal(share.value)}"


def others(cells: Sequence[Cell], titles: Mapping[str, str]) -> tuple[OtherRow, ...]:
    """All other features, a row each."""
    rows: dict[str, list[Cell]] = {}
    for cell in cells:
        if not is_acceptance(cell):
            rows.setdefault(cell.criterion, []).append(cell)
    return tuple(
        OtherRow(
            name=criterion,
            title=titles.get(criterion, ""),
            href=f"#{criterion_anchor(criterion)}",
            tally=f"{sum(cell.state is State.PASS for cell in group)} of {len(group)} pass",
            cells=tuple((state_mark(c.state), cell_name(c), f"#{cell_anchor(c.id)}") for c in group),
        )
        for criterion, group in rows.items()
    )
