"""Files of JSON by a schema, and what is wrong with them in one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from cardembed.errors import CardembedError

__all__ = ["first_problems", "parse_record", "read_limited", "read_record"]

_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
"""Pydantic's types of problems with a name that a schema does not have."""
_SHOWN = 3
Model = TypeVar("Model", bound=BaseModel)


def first_problems(error: ValidationError, names: Mapping[str, str] | None = None) -> str:
    """The first problems, where they are and how many more, without the input: it may be anybody's, and long.

    Names that nothing has come first: where one is misspelt, what it should have named is missing, too.

    Args:
        error: At least one problem.
        names: What users call a field, where that differs from its name.
    """
    called = names or {}
    found = sorted(
        error.errors(include_url=False, include_input=False), key=lambda one: one["type"] not in _UNKNOWN
    )
    told = []
    for one in found[:_SHOWN]:
        where = ".".join(called.get(str(part), str(part)) for part in one["loc"])
        what = "nothing is called so" if one["type"] in _UNKNOWN else one["msg"]
        told.append(f"{what} at {where or 'the top'}")
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(told) + more


def parse_record(kind: type[Model], data: bytes, refused: Callable[[str], CardembedError]) -> Model:
    """JSON of a schema.

    Args:
        kind: The schema.
        data: The file's bytes.
        refused: Makes the error of a file that is none, from what was found.
    """
    try:
        return kind.model_validate(json.loads(data))
    except ValidationError as error:
        raise refused(first_problems(error)) from error
    except (ValueError, RecursionError) as error:  # a number of too many digits is a plain ValueError
        raise refused(f"no JSON ({error})") from error


def read_record(
    kind: type[Model], file: Path, refused: Callable[[str], CardembedError], *, limit: int
) -> Model:
    """`parse_record` of a file of at most `limit` bytes."""
    return parse_record(kind, read_limited(file, refused, limit=limit), refused)


def read_limited(file: Path, refused: Callable[[str], CardembedError], *, limit: int) -> bytes:
    """A file's bytes, of which somebody else may have made too many.

    Args:
        file: What to read.
        refused: Makes the error of a file that cannot be had, from what was found.
        limit: Most bytes.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(limit + 1)
    except FileNotFoundError as error:
        raise refused("no such file") from error
    except OSError as error:
        raise refused(str(error)) from error
    if len(data) > limit:
        raise refused(f"more than {limit} bytes")
    return data
