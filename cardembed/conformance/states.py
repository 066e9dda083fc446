"""States of a cell (criterion × target), of the steps below it, and how states merge: worst wins.

Source: the rule "zero executed is never green" and the order fail > error > not run > inconclusive > pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

__all__ = ["NOT_ASKED", "NOT_SELECTED", "State", "StepStatus", "worst"]

NOT_ASKED = "not among the features that were asked for"
"""Why a cell was not run, where features were named and its own was not."""

NOT_SELECTED = "not selected"
"""How the reason begins of a cell that an option such as --target left out."""


class State(StrEnum):
    """What is known of a cell."""

    PASS = "pass"
    """The bound meets the target."""
    FAIL = "fail"
    """The share misses the target, and so does its upper bound."""
    INCONCLUSIVE = "inconclusive"
    """Too few samples to say."""
    ERROR = "error"
    """No answer (a crash, a lost device, a step that never ran): says nothing about the model."""
    NOT_RUN = "not run"
    """This machine could not or should not run it; the reason stands beside."""
    NOT_APPLICABLE = "not applicable"
    """The policy lists it as such."""
    WAIVED = "waived"
    """The policy accepts it for now, by an owner, for a reason, until a date."""
    REPORTED = "reported"
    """Measured and shown with its bound; nothing is required of it."""


class StepStatus(StrEnum):
    """How one step of a scenario ended. A step that is absent from the record never ran."""

    PASSED = "passed"
    FAILED = "failed"
    """An assertion: the criterion is not met."""
    INCONCLUSIVE = "inconclusive"
    """A claim that too few samples leave open."""
    ERROR = "error"
    """Anything but an assertion was raised."""
    SKIPPED = "skipped"
    """The step asked for the cell not to be run, with a reason."""
    UNDEFINED = "undefined"
    """No step definition has this text."""


_ORDER = (
    State.FAIL,
    State.ERROR,
    State.NOT_RUN,
    State.INCONCLUSIVE,
    State.WAIVED,
    State.PASS,
    State.REPORTED,
    State.NOT_APPLICABLE,
)


def worst(states: Iterable[State]) -> State:
    """The worst of the states, from fail (worst) to not applicable; `not run` where there is none."""
    return min(states, key=_ORDER.index, default=State.NOT_RUN)
