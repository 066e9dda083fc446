"""What the terminal shows: criterion × target, why cells are not green, one last line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cardembed.conformance.chip_record import ChipRecord
from cardembed.conformance.recorder.ledger import EXECUTED, CellOutcome
from cardembed.conformance.states import State, worst

__all__ = ["chip_lines", "last_line", "matrix", "overhead", "problems"]

_NO_TARGET = "-"
_LISTED = 3
"""How many of the cells that were not run the last line names."""


def _k_of_n(outcome: CellOutcome) -> str:
    verdict = outcome.verdict
    if verdict is None or not verdict.shares or outcome.state not in EXECUTED:
        return ""
    shares = [share for share in verdict.shares if share.state is verdict.state] or verdict.shares[:1]
    share = min(shares, key=lambda share: (share.share or 0) - (share.target or 0))
    if share.n >= 100_000:
        return f" {share.k / share.n:.2%}"
    return f" {share.k}/{share.n}"


def _text(outcome: CellOutcome) -> str:
    return f"{str(outcome.state).upper()}{_k_of_n(outcome)}"


def matrix(outcomes: Sequence[CellOutcome]) -> list[str]:
    """A table of the cells that have a target, and a line for each criterion that has none."""
    targets = list(dict.fromkeys(o.spec.target for o in outcomes if o.spec.target != _NO_TARGET))
    rows: dict[str, dict[str, str]] = {}
    others: dict[str, list[State]] = {}
    for outcome in outcomes:
        spec = outcome.spec
        name = f"{spec.criterion}/{spec.aspect}" if spec.aspect else spec.criterion
        if spec.target == _NO_TARGET:
            others.setdefault(spec.criterion, []).append(outcome.state)
        else:
            rows.setdefault(name, {})[spec.target] = _text(outcome)
    lines = []
    if rows:
        head = ["", *targets]
        table = [[name, *(cells.get(target, "·") for target in targets)] for name, cells in rows.items()]
        widths = [max(len(row[column]) for row in [head, *table]) for column in range(len(head))]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in [head, *table]
        ]
    return lines + [f"{name}  {_counted(states)}" for name, states in others.items()]


def _counted(states: Sequence[State]) -> str:
    counts = Counter(states)
    return ", ".join(f"{counts[state]} {state}" for state in State if counts[state])


def problems(outcomes: Sequence[CellOutcome]) -> list[str]:
    """A line for each cell that keeps the run from being green, the worst first."""
    bad = [outcome for outcome in outcomes if outcome.bad]
    bad.sort(key=lambda outcome: list(State).index(outcome.state))
    return [f"{str(o.state).upper()} {o.spec.id}: {o.reason} ({o.spec.feature}:{o.spec.line})" for o in bad]


def overhead(outcomes: Sequence[CellOutcome], seconds: float) -> str | None:
    """The run's time over the bare inference time of the same images; None where nothing was embedded."""
    records = {o.spec.target: o.record for o in outcomes if o.record.inference_seconds}
    bare = sum(record.inference_seconds or 0 for record in records.values())
    images = sum(record.images or 0 for record in records.values())
    if not bare:
        return None
    return (
        f"time: {seconds:.1f} s in all, {bare:.1f} s of bare inference for the same {images} images "
        f"(measured when they were embedded), ratio {seconds / bare:.2f}"
    )


def chip_lines(records: Sequence[ChipRecord]) -> list[str]:
    """What became of the chip that was asked for: a line for what it is, and one for each time it failed."""
    lines = []
    for record in records:
        what = "simulated chip" if record.simulated else "chip"
        if record.before is not None:
            named = (
                f"{record.identity.get('architecture', '')} firmware {record.identity.get('firmware', '')}"
            )
            felt = " and ".join(
                f"{'?' if r.temperature_celsius is None else f'{r.temperature_celsius:.0f}'} °C {when}"
                f"{', throttled' if r.throttled else ''}"
                for r, when in ((record.before, "before"), (record.after, "after"))
                if r is not None
            )
            lines.append(f"{what}: {named}, {felt}")
        elif record.not_loaded:
            named = record.identity.get("architecture", "it did not tell what it is")
            lines.append(f"{what}: {named}, health check {record.health_check}")
        lines += [f"{what}: no answer: {attempt.reason}" for attempt in record.attempts]
        if record.void:
            lines.append(f"{what}: nothing counts: {record.void}")
    return lines


def last_line(outcomes: Sequence[CellOutcome], *, idle: bool = False, simulated: bool = False) -> str:
    """The verdict in a line; INCOMPLETE where required cells were not run.

    Args:
        outcomes: Every cell.
        idle: Whether a device was asked for and executed nothing.
        simulated: Whether the simulator was asked for in the device's place.
    """
    states = [outcome.state for outcome in outcomes]
    executed = [outcome for outcome in outcomes if outcome.state in EXECUTED]
    bad = [outcome.state for outcome in outcomes if outcome.bad]
    passed = any(outcome.state is State.PASS for outcome in executed)
    word = "PASS" if passed else "NOTHING REQUIRED RAN" if executed else "NOTHING RAN"
    if idle:
        word = "NOTHING RAN ON THE DEVICE"
    if bad:
        word = str(worst(bad)).upper()
    where = " ON A SIMULATED CHIP" if simulated and not idle else ""
    line = f"cardembed: {word}{where} — {_counted(states) or 'no cells'}"
    missing = [o for o in outcomes if o.spec.required and o.state is State.NOT_RUN]
    if missing:
        listed = "; ".join(f"{o.spec.id}: {_short(o.reason)}" for o in missing[:_LISTED])
        more = f"; and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
        cells = "cell" if len(missing) == 1 else "cells"
        line += f" — INCOMPLETE: {len(missing)} required {cells} not run ({listed}{more})"
    return line


def _short(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
