"""The operations' table: a function registers under its Core ML name."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Op", "op", "operations"]

_FAMILIES = ("activation", "attention", "elementwise", "linear", "logic", "normalisation", "pooling")
_MORE = ("reduction", "resizing", "shape", "slicing")
_TABLE: dict[str, Op] = {}


@dataclass(frozen=True, slots=True)
class Op:
    """An operation that can be executed."""

    function: Callable[..., Any]
    """Takes an `Arithmetic` and the arguments by their Core ML names; gives a tensor or a tuple of them."""
    exact: bool
    """Results are input values, moved or chosen: FLOAT16 needs no rounding."""
    on_shapes: bool
    """Also computes with shapes, whose values are needed before there is data. Never makes much of little."""
    parameters: frozenset[str]
    """The names that it takes."""
    required: frozenset[str]
    """The names that it cannot do without."""


def op(
    *names: str, exact: bool = False, on_shapes: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as the operations called `names`."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        found = list(inspect.signature(function).parameters.values())[1:]
        required = frozenset(item.name for item in found if item.default is inspect.Parameter.empty)
        row = Op(function, exact, on_shapes, frozenset(item.name for item in found), required)
        _TABLE.update(dict.fromkeys(names, row))
        return function

    return register


@functools.cache
def operations() -> Mapping[str, Op]:
    """Every operation by name."""
    for family in (*_FAMILIES, *_MORE):
        importlib.import_module(f"cardembed.coreml.operations.{family}")
    return _TABLE
