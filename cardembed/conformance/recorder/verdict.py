"""How the exceptions of a step become a status, and the two that a verdict raises."""

from __future__ import annotations

import pytest

from cardembed.conformance.states import StepStatus
from cardembed.errors import CardembedError, UnavailableError, WrongAnswerError

__all__ = ["CellFailedError", "CellInconclusiveError", "one_line", "status_of"]


class CellFailedError(AssertionError):
    """A claim does not hold."""


class CellInconclusiveError(AssertionError):
    """Too few samples to say whether a claim holds."""


def one_line(error: BaseException) -> str:
    """The error's text without line breaks, led by its kind where the kind says more than the text."""
    text = " ".join(str(error).split())
    if isinstance(error, AssertionError | CardembedError | pytest.skip.Exception) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def status_of(error: BaseException) -> StepStatus:
    """What a step that raised is: only an assertion says anything about the model, or a wrong answer.

    `UnavailableError` and `pytest.skip` skip; every other exception (InfrastructureError, a bug) is an error.
    """
    if isinstance(error, CellInconclusiveError):
        return StepStatus.INCONCLUSIVE
    if isinstance(error, AssertionError | WrongAnswerError | pytest.fail.Exception):
        return StepStatus.FAILED
    if isinstance(error, UnavailableError | pytest.skip.Exception):
        return StepStatus.SKIPPED
    return StepStatus.ERROR
