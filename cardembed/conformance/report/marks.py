"""How states, steps and fidelities look: a shape, a word and a class; colour only repeats what these say."""

from __future__ import annotations

from dataclasses import dataclass

from cardembed.conformance.states import State, StepStatus

__all__ = ["FIDELITIES", "Mark", "state_mark", "step_mark"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A shape (`icon`, an id among the page's symbols), a word, and the class that colours both."""

    icon: str
    word: str
    kind: str


_STATES = {
    State.PASS: Mark("pass", "pass", "pass"),
    State.FAIL: Mark("fail", "fail", "fail"),
    State.INCONCLUSIVE: Mark("inconclusive", "inconclusive", "inconclusive"),
    State.ERROR: Mark("error", "error", "error"),
    State.NOT_RUN: Mark("not-run", "not run", "not-run"),
    State.NOT_APPLICABLE: Mark("none", "not applicable", "none"),
    State.WAIVED: Mark("waived", "waived", "waived"),
    State.REPORTED: Mark("reported", "reported", "reported"),
}

_STEPS = {
    StepStatus.PASSED: Mark("pass", "passed", "pass"),
    StepStatus.FAILED: Mark("fail", "failed", "fail"),
    StepStatus.INCONCLUSIVE: Mark("inconclusive", "inconclusive", "inconclusive"),
    StepStatus.ERROR: Mark("error", "error", "error"),
    StepStatus.SKIPPED: Mark("not-run", "skipped", "not-run"),
    StepStatus.UNDEFINED: Mark("error", "undefined", "error"),
}

_NEVER_RAN = Mark("not-run", "never ran", "not-run")

FIDELITIES = {
    "reference": "PyTorch, on this host: neither the deployed file nor its runtime",
    "emulated": "the deployed program, run without its maker's runtime",
    "runtime": "the real runtime, on this host instead of the device",
    "device": "on the device itself",
}
"""What each fidelity means, lowest first."""


def state_mark(state: str) -> Mark:
    """The mark of a cell's state; a state that this version does not know is shown as an error."""
    return _STATES[State(state)] if state in set(State) else Mark("error", state, "error")


def step_mark(status: str | None) -> Mark:
    """The mark of a step's status; None is a step that never ran."""
    if status is None:
        return _NEVER_RAN
    return _STEPS[StepStatus(status)] if status in set(StepStatus) else Mark("error", status, "error")
