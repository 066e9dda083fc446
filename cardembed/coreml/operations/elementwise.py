"""Arithmetic of elements, with broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cardembed.coreml.arithmetic import Arithmetic, Mode
from cardembed.coreml.operations.registry import op
from cardembed.coreml.values import Value, number, tensor, text, together

_UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "abs": torch.abs, "acos": torch.acos, "asin": torch.asin, "atan": torch.atan, "atanh": torch.atanh,
    "ceil": torch.ceil, "cos": torch.cos, "cosh": torch.cosh, "erf": torch.erf, "exp": torch.exp,
    "exp2": torch.exp2, "floor": torch.floor, "round": torch.round, "sign": torch.sign, "sin": torch.sin,
    "sinh": torch.sinh, "sqrt": torch.sqrt, "square": torch.square, "tan": torch.tan, "tanh": torch.tanh,
}  # fmt: skip


def _register(name: str, function: Callable[[Tensor], Tensor]) -> None:
    @op(name)
    def run(_: Arithmetic, x: Value) -> Tensor:
        return function(tensor(x))


for _name, _function in _UNARY.items():
    _register(_name, _function)


def _register_pair(name: str, function: Callable[[Tensor, Any], Tensor], exact: bool = False) -> None:
    @op(name, on_shapes=True, exact=exact)
    def run(_: Arithmetic, x: Value, y: Value) -> Tensor:
        if isinstance(y, float) and isinstance(x, Tensor):
            return function(x, y)  # as a scalar it needs no tensor of its own
        return function(*together(x, y))


def _divide(x: Tensor, y: Tensor | float) -> Tensor:
    result = x / y
    return result if x.is_floating_point() else result.to(x.dtype)


def _clamp(x: Tensor, low: float | None, high: float | None) -> Tensor:
    return x.clamp(low, high)


def _larger(x: Tensor, y: Tensor | float) -> Tensor:
    return _clamp(x, y, None) if isinstance(y, float) else torch.maximum(x, y)


def _smaller(x: Tensor, y: Tensor | float) -> Tensor:
    return _clamp(x, None, y) if isinstance(y, float) else torch.minimum(x, y)


_register_pair("add", lambda x, y: x + y)
_register_pair("sub", lambda x, y: x - y)
_register_pair("mul", lambda x, y: x * y)
_register_pair("real_div", _divide)
_register_pair("floor_div", torch.floor_divide)
_register_pair("mod", torch.remainder)
_register_pair("pow", torch.pow)
_register_pair("maximum", _larger)
_register_pair("minimum", _smaller)


@op("clip")
def clip(_: Arithmetic, x: Value, alpha: Value, beta: Value) -> Tensor:
    """Between alpha and beta."""
    return tensor(x).clamp(number(alpha), number(beta))


@op("threshold")
def threshold(_: Arithmetic, x: Value, alpha: Value) -> Tensor:
    """At least alpha."""
    return tensor(x).clamp(min=number(alpha))


@op("log")
def log(_: Arithmetic, x: Value, epsilon: Value = 1e-45) -> Tensor:
    """Natural, of x + epsilon."""
    return torch.log(tensor(x) + number(epsilon))


@op("rsqrt")
def rsqrt(_: Arithmetic, x: Value, epsilon: Value = 1e-12) -> Tensor:
    """1/√(x + epsilon)."""
    return torch.rsqrt(tensor(x) + number(epsilon))


@op("inverse")
def inverse(_: Arithmetic, x: Value, epsilon: Value = 1e-4) -> Tensor:
    """1/(x + epsilon)."""
    return torch.reciprocal(tensor(x) + number(epsilon))


_TYPES = {
    "fp16": torch.float32, "fp32": torch.float32, "float16": torch.float32, "float32": torch.float32,
    "int8": torch.int8, "uint8": torch.uint8, "int16": torch.int16, "uint16": torch.int32,
    "int32": torch.int32, "bool": torch.bool,
}  # fmt: skip


@op("cast", on_shapes=True, exact=True)
def cast(run: Arithmetic, x: Value, dtype: Value) -> Tensor:
    """To a kind of number; whole numbers are cut off towards 0."""
    name = text(dtype)
    value = tensor(x).to(_TYPES[name])
    if name in ("fp16", "float16") and run.mode is not Mode.FLOAT32:
        return value.half().float()
    return value
