"""What became of every cell: the reports that arrived, against all cells that the features name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cardembed._io import sha256_bytes
from cardembed.conformance.judge import failed_before, judge
from cardembed.conformance.predicate import Attempt
from cardembed.conformance.recorder.cell import PROPERTY, CellRecord
from cardembed.conformance.samples import read_samples
from cardembed.conformance.spec import CellSpec
from cardembed.conformance.states import NOT_ASKED, NOT_SELECTED, State, StepStatus, worst
from cardembed.conformance.verdicts import CellVerdict
from cardembed.errors import EvidenceError

__all__ = ["EXECUTED", "CellOutcome", "Ledger"]

EXECUTED = (State.PASS, State.FAIL, State.INCONCLUSIVE, State.ERROR, State.REPORTED)
"""States of a cell whose steps began."""
BAD = (State.FAIL, State.ERROR, State.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """One cell of the run."""

    spec: CellSpec
    """What it requires."""
    state: State
    """What became of it."""
    reason: str
    """One line; for a verdict the numbers behind it."""
    record: CellRecord
    """What its execution left; empty where it never began."""
    verdict: CellVerdict | None = None
    """What its raw numbers say; None where there are none or where they do not count."""
    earlier: list[Attempt] = field(default_factory=list)
    """Executions before the one that counts."""

    @property
    def bad(self) -> bool:
        """Whether the run must not end green because of it."""
        return self.state in BAD and (self.spec.required or self.state is State.ERROR)


@dataclass(slots=True)
class Ledger:
    """Collects reports, in the controller or the only process."""

    run_dir: Path
    whole: bool
    """Whether all features were asked for, so that a scenario without a test is a fault."""
    reports: dict[str, list[pytest.TestReport]] = field(default_factory=dict)
    collection_errors: list[str] = field(default_factory=list)

    def add(self, report: pytest.TestReport) -> None:
        """A report arrived."""
        self.reports.setdefault(report.nodeid, []).append(report)

    def outcomes(
        self, specs: list[CellSpec], cells: Mapping[str, str], deselected: Mapping[str, str]
    ) -> list[CellOutcome]:
        """Every cell, in the order of the features.

        Args:
            specs: All cells.
            cells: Cell id by test (node id), as collected.
            deselected: Why a cell was left out, by its id.
        """
        tests: dict[str, list[str]] = {}
        for nodeid, cell in cells.items():
            tests.setdefault(cell, []).append(nodeid)
        return [self._outcome(spec, tests.get(spec.id, []), deselected) for spec in specs]

    def _outcome(self, spec: CellSpec, tests: list[str], deselected: Mapping[str, str]) -> CellOutcome:
        if not tests:
            return CellOutcome(spec, *self._absent(spec, deselected), CellRecord(cell=spec.id))
        if len(tests) > 1:
            reason = f"{len(tests)} tests execute this scenario: {', '.join(tests)}"
            return CellOutcome(spec, State.ERROR, reason, CellRecord(cell=spec.id))
        reports = self.reports.get(tests[0], [])
        properties = [entry for report in reports for entry in report.user_properties]
        records = [CellRecord.model_validate(value) for name, value in properties if name == PROPERTY]
        record = records[-1] if records else CellRecord(cell=spec.id)
        try:
            state, reason, verdict = self._judged(spec, reports, record)
        except EvidenceError as error:
            state, reason, verdict = State.ERROR, str(error), None
        earlier = _earlier(reports)
        if again := failed_before(state, [*earlier, *record.attempts]):
            state, reason, verdict = State.ERROR, again, None
        return CellOutcome(spec, state, reason, record, verdict, earlier)

    def _absent(self, spec: CellSpec, deselected: Mapping[str, str]) -> tuple[State, str]:
        if spec.id in deselected:
            return State.NOT_RUN, f"{NOT_SELECTED} ({deselected[spec.id]})"
        if self.collection_errors:
            return State.ERROR, f"the tests could not be collected: {self.collection_errors[0]}"
        if self.whole:
            return State.ERROR, "no test executes this scenario"
        return State.NOT_RUN, NOT_ASKED

    def _judged(
        self, spec: CellSpec, reports: list[pytest.TestReport], record: CellRecord
    ) -> tuple[State, str, CellVerdict | None]:
        stop = _stopped(reports, record)
        if stop is not None:
            return *stop, None
        samples = None
        if record.measurement is not None:
            data = (self.run_dir / record.measurement.path).read_bytes()
            if sha256_bytes(data) != record.measurement.sha256:
                return State.ERROR, f"{record.measurement.path} is not what the step wrote", None
            samples = read_samples(data, record.measurement.path)
        verdict = judge(spec, record.steps, samples)
        call = [report for report in reports if report.when == "call"][-1]
        if verdict.state in (State.PASS, State.REPORTED) and call.outcome != "passed":
            return State.ERROR, _text(call) or "failed outside of its steps", None
        return verdict.state, verdict.reason, verdict if samples is not None else None


def _stopped(reports: list[pytest.TestReport], record: CellRecord) -> tuple[State, str] | None:
    """Why there is nothing to judge, if so."""
    crash = next((report for report in reports if report.when not in ("setup", "call", "teardown")), None)
    if crash is not None:
        return State.ERROR, _text(crash) or "the process crashed"
    last = {str(report.when): report for report in reports}
    for when in ("setup", "teardown"):
        if when in last and last[when].outcome == "failed":
            return State.ERROR, f"{when}: {_text(last[when])}"
    if "call" not in last:
        return State.NOT_RUN, (_text(last["setup"]) if "setup" in last else "") or "the run ended before it"
    skipped = last["call"].outcome == "skipped" and not hasattr(last["call"], "wasxfail")
    if skipped and all(step.status is StepStatus.PASSED for step in record.steps):
        return State.NOT_RUN, _text(last["call"]) or "skipped"
    return None


def _earlier(reports: list[pytest.TestReport]) -> list[Attempt]:
    """Executions before the last one, where a plugin repeats tests."""
    calls = [report for report in reports if report.when == "call"][:-1]
    return [Attempt(state=_ended(report), reason=_text(report)) for report in calls]


_ENDED = {StepStatus.FAILED: State.FAIL, StepStatus.INCONCLUSIVE: State.INCONCLUSIVE}


def _ended(report: pytest.TestReport) -> State:
    """The state of an execution whose numbers a later one has replaced."""
    if report.outcome == "passed":
        return State.PASS
    if report.outcome == "skipped":
        return State.NOT_RUN
    records = [CellRecord.model_validate(value) for name, value in report.user_properties if name == PROPERTY]
    said = [_ENDED[step.status] for record in records for step in record.steps if step.status in _ENDED]
    # Not the worst of these and an error: that is worse than inconclusive, and yet may be repeated.
    return worst(said) if said else State.ERROR


def _text(report: pytest.TestReport) -> str:
    """The last line of what a report says, which names the exception."""
    longrepr = report.longrepr
    if isinstance(longrepr, tuple):
        return " ".join(str(longrepr[2]).removeprefix("Skipped: ").split())
    crash = getattr(longrepr, "reprcrash", None)
    if crash is not None:
        return " ".join(str(crash.message).split())
    lines = [line for line in str(longrepr or "").splitlines() if line.strip()]
    return " ".join(lines[-1].split()) if lines else ""
