"""What pydantic found wrong, in one line."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

__all__ = ["first_problem"]


def first_problem(error: ValidationError, names: Mapping[str, str] | None = None) -> str:
    """The first problem, where it is and how many more, without the input: it may be anybody's, and long.

    Args:
        error: At least one problem.
        names: What users call a field, where that differs from its name.
    """
    first = error.errors(include_url=False, include_input=False)[0]
    called = names or {}
    where = ".".join(called.get(str(part), str(part)) for part in first["loc"])
    more = f" and {error.error_count() - 1} more" if error.error_count() > 1 else ""
    return f"{first['msg']} at {where or 'the top'}{more}"
