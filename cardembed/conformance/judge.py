"""A cell's state from all that its execution left: its steps and its raw numbers."""

from __future__ import annotations

from collections.abc import Sequence

from cardembed.conformance.evaluate import evaluate
from cardembed.conformance.phrases import Role, find_phrase
from cardembed.conformance.predicate import Attempt, StepRecord
from cardembed.conformance.samples import Samples
from cardembed.conformance.spec import CellSpec
from cardembed.conformance.states import State, StepStatus, worst
from cardembed.conformance.verdicts import CellVerdict

__all__ = ["failed_before", "judge"]

_BROKEN = {
    StepStatus.ERROR: State.ERROR,
    StepStatus.UNDEFINED: State.ERROR,
    StepStatus.SKIPPED: State.NOT_RUN,
}


def judge(spec: CellSpec, steps: Sequence[StepRecord], samples: Samples | None) -> CellVerdict:
    """The verdict of a cell.

    A step that is undefined, skipped, broken or that never ran keeps the cell from passing, whatever the
    numbers say. Where raw numbers decide, claims that did not hold are judged from the numbers alone.

    Args:
        spec: What must hold.
        steps: Those that began, in order.
        samples: The raw numbers, where there are any.
    """
    texts = tuple(step.text for step in steps)
    if texts != spec.steps[: len(texts)]:
        strange = next((text for text in texts if text not in spec.steps), texts[-1])
        return _verdict(spec, State.ERROR, f"a step that the feature does not have here: {strange}")
    for step in steps:
        if step.status in _BROKEN:
            broken = _verdict(spec, _BROKEN[step.status], step.reason or f"{step.status}: {step.text}")
            return _worse(broken, spec, samples)
    stopped = [step for step in steps if step.status is not StepStatus.PASSED]
    if len(steps) < len(spec.steps) and not stopped:
        return _verdict(spec, State.ERROR, f"a step that never ran: {spec.steps[len(steps)]}")
    return _of_steps(spec, stopped) if spec.kind is None else _of_numbers(spec, steps, stopped, samples)


def failed_before(state: State, attempts: Sequence[Attempt]) -> str:
    """Why a cell that was executed until it passed has not passed; empty where that is not so.

    Args:
        state: Of its last execution.
        attempts: Those before it. One that ended in an error gave no answer, and may be repeated.
    """
    before = next((one for one in attempts if one.state in (State.FAIL, State.INCONCLUSIVE)), None)
    if before is None or state not in (State.PASS, State.REPORTED):
        return ""
    return f"executed {len(attempts) + 1} times; before: {before.state}: {before.reason}"


def _verdict(spec: CellSpec, state: State, reason: str) -> CellVerdict:
    return CellVerdict(cell=spec.id, state=state, reason=reason)


def _worse(broken: CellVerdict, spec: CellSpec, samples: Samples | None) -> CellVerdict:
    """A step that broke off after the measurement hides nothing of what the numbers say."""
    if spec.kind is None or samples is None:
        return broken
    said = evaluate(spec, samples)
    return broken if worst([said.state, broken.state]) is broken.state else said


def _of_steps(spec: CellSpec, stopped: Sequence[StepRecord]) -> CellVerdict:
    good = State.PASS if spec.required else State.REPORTED
    if not stopped:
        return _verdict(spec, good, f"{len(spec.steps)} steps passed")
    failed = next((step for step in stopped if step.status is StepStatus.FAILED), None)
    step = failed or stopped[0]
    state = State.FAIL if failed else State.INCONCLUSIVE
    return _verdict(spec, state if spec.required else good, step.reason or step.text)


def _of_numbers(
    spec: CellSpec, steps: Sequence[StepRecord], stopped: Sequence[StepRecord], samples: Samples | None
) -> CellVerdict:
    for step in stopped:
        phrase = find_phrase(step.text)
        if phrase is None or phrase[0].role in (Role.SETUP, Role.ACTION):
            return _verdict(spec, State.ERROR, step.reason or f"{step.status}: {step.text}")
    if samples is None:
        return _verdict(spec, State.ERROR, "no step measured anything")
    verdict = evaluate(spec, samples)
    if verdict.state in (State.PASS, State.REPORTED):
        if stopped:
            reason = f"a step that the numbers do not explain: {stopped[0].reason or stopped[0].text}"
            return verdict.model_copy(update={"state": State.ERROR, "reason": reason})
        if len(steps) < len(spec.steps):
            reason = f"a step that never ran: {spec.steps[len(steps)]}"
            return verdict.model_copy(update={"state": State.ERROR, "reason": reason})
    return verdict
