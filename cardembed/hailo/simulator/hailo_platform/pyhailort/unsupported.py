"""Calls that the simulated chip does not serve: they have HailoRT's signature and end in a status."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from cardembed.hailo.simulator.hailo_platform.pyhailort import _pyhailort
from cardembed.hailo.simulator.hailo_platform.pyhailort.exceptions import ExceptionWrapper

__all__ = ["unsupported"]

NOT_SUPPORTED, INVALID_OPERATION = 79, 6


def unsupported(name: str, arguments: str | None, status: int = NOT_SUPPORTED) -> Callable[..., Any]:
    """A function `name(arguments)` that raises `status` once its arguments fit.

    Args:
        name: The function's.
        arguments: As in a `def`, with literals or members of HailoRT's enumerations as defaults;
            None takes any.
        status: HAILO_NOT_SUPPORTED, or what a call for another kind of network ends in.
    """
    any_ = [
        inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
        inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
    ]
    signature = inspect.Signature(
        any_ if arguments is None else [_parameter(part) for part in arguments.split(", ")]
    )

    def function(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - any that fit
        signature.bind(*args, **kwargs)
        with ExceptionWrapper():
            raise _pyhailort.HailoRTStatusException(status)

    function.__name__, function.__doc__ = name, f"Ends in status {status} here."
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def _parameter(text: str) -> inspect.Parameter:
    name, equals, written = text.partition("=")
    default: Any = inspect.Parameter.empty
    if equals:
        plain = {"True": True, "False": False, "None": None}
        enum, dot, member = written.partition(".")
        if dot:
            default = getattr(getattr(_pyhailort, enum), member)
        else:
            default = plain[written] if written in plain else int(written)
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
