"""What all commands share: `--json`, and a progress bar on long work."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
from tqdm import tqdm

from cardembed.errors import UsageError

__all__ = ["emit", "finite", "json_option", "progress", "refuse_unwritable"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """Add `--json`, passed on as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON value instead of text.")(
        function
    )


def emit(data: object, text: str, *, as_json: bool) -> None:
    """Print `data` as JSON or `text` for people, to standard output."""
    click.echo(json.dumps(data, ensure_ascii=False, allow_nan=False) if as_json else text)


def finite(number: float) -> float | None:
    """For JSON, which has neither NaN nor infinity: None in their place."""
    return number if math.isfinite(number) else None


def progress(items: Iterable[T], *, total: int | None = None, label: str = "") -> Iterable[T]:
    """Iterate with a progress bar on standard error, silent where that is no terminal."""
    return tqdm(items, total=total, desc=label, file=sys.stderr, disable=not sys.stderr.isatty(), leave=False)


def refuse_unwritable(out: Path) -> None:
    """Look at a destination before the work is done that it is for.

    Raises:
        UsageError: It cannot be written there, as far as permissions tell.
    """
    there = next(folder for folder in out.absolute().parents if folder.exists())
    if there.is_dir() and os.access(there, os.W_OK):
        return
    raise UsageError(
        out,
        expected="a place to write to",
        found=f"{there}, {'which is read-only' if there.is_dir() else 'which is a file'}",
        action="choose another --out",
    )
