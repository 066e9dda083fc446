"""Arguments of operations as Python values: they are constants, or tensors that shapes were computed into."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import torch
from torch import Tensor

__all__ = ["Value", "beside", "flag", "integer", "integers", "number", "tensor", "text", "together"]

Value: TypeAlias = "Tensor | float | str | tuple[Value, ...]"
"""Tensors, numbers, truth values, texts, or several of them."""


def integers(value: Value) -> list[int]:
    """A vector or a scalar of whole numbers as a list.

    Raises:
        ValueError: Numbers that depend on the input's data, which no shape may.
    """
    if isinstance(value, Tensor):
        if value.is_meta:
            raise ValueError("a size or index that depends on the input's data")
        return [int(item) for item in value.reshape(-1).tolist()]
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [integer(item) for item in value]
    return [integer(value)]


def integer(value: Value) -> int:
    """One whole number; ValueError if it is none."""
    found = integers(value) if isinstance(value, Tensor | tuple) else [value]
    if len(found) != 1 or isinstance(found[0], str):
        raise ValueError(f"{value!r:.80} where one number is expected")
    return int(found[0])


def number(value: Value) -> float:
    """One number; ValueError if it is none."""
    if isinstance(value, Tensor):
        if value.is_meta:
            raise ValueError("a parameter that depends on the input's data")
        return float(value.reshape(()).item())
    if isinstance(value, str | tuple):
        raise ValueError(f"{value!r:.80} where one number is expected")
    return float(value)


def flag(value: Value) -> bool:
    """One truth value."""
    return bool(integer(value))


def text(value: Value) -> str:
    """A text; ValueError if it is none."""
    if not isinstance(value, str):
        raise ValueError("numbers where a text is expected")
    return value


def tensor(value: Value) -> Tensor:
    """The value as a tensor: float32, int32 or bool."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, str):
        raise ValueError("a text where numbers are expected")
    first = value[0] if isinstance(value, tuple) and value else value
    if isinstance(first, Tensor):
        raise ValueError("several values where one is expected")
    kind = (
        torch.bool if isinstance(first, bool) else torch.float32 if isinstance(first, float) else torch.int32
    )
    return torch.tensor(value, dtype=kind)


def beside(value: Value | None, x: Tensor) -> Tensor | None:
    """A parameter of x's as a tensor, without data if x has none; None where it is left out."""
    return None if value is None else together(value, x)[0]


def together(*values: Value) -> list[Tensor]:
    """Values as tensors, all without data if one of them is (see `cardembed.coreml.shapes`)."""
    tensors = [tensor(value) for value in values]
    if any(item.is_meta for item in tensors):
        return [item.to("meta") for item in tensors]
    return tensors
