"""What a chip's health says about the cells that were executed on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cardembed.conformance.chip_record import ChipRecord, void_of
from cardembed.conformance.recorder.ledger import EXECUTED, CellOutcome
from cardembed.conformance.states import State
from cardembed.hailo.resource import HAILORT, SIMULATOR

__all__ = ["on_chip", "without_void"]


def on_chip(outcome: CellOutcome) -> bool:
    """Whether a chip (or the simulator, where it was asked for) executed something for this cell."""
    artefact = outcome.record.artefact
    if artefact is None or outcome.state not in EXECUTED:
        return False
    return artefact.runtime.get("name") in (HAILORT, SIMULATOR)


def without_void(outcomes: Sequence[CellOutcome], records: Sequence[ChipRecord]) -> list[CellOutcome]:
    """The outcomes, with an error in place of all that a chip without a good second health check gave.

    A failure that the steps alone found (MODEL-…, DEVICE-…) stays: there the chip contradicted itself.
    """
    void = void_of(records)
    if not void and not any(record.before and record.after for record in records):
        void = "no record of its health checks can be read"
    if not void:
        return list(outcomes)
    return [
        replace(outcome, state=State.ERROR, reason=f"on the chip: {void}", verdict=None)
        if on_chip(outcome) and not (outcome.state is State.FAIL and outcome.spec.kind is None)
        else outcome
        for outcome in outcomes
    ]
