"""Operations on each number."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed.coreml.operations._registry import Arguments, operation

__all__: list[str] = []

_TWO: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "real_div": torch.div,
    "maximum": torch.maximum, "minimum": torch.minimum, "pow": torch.pow,
    "floor_div": lambda x, y: torch.div(x, y, rounding_mode="floor"), "mod": torch.remainder,
    "equal": torch.eq, "not_equal": torch.ne, "greater": torch.gt, "greater_equal": torch.ge,
    "less": torch.lt, "less_equal": torch.le, "logical_and": torch.logical_and,
    "logical_or": torch.logical_or,
}  # fmt: skip
_ONE: dict[str, Callable[[Tensor], Tensor]] = {
    "abs": torch.abs, "exp": torch.exp, "erf": torch.erf, "sqrt": torch.sqrt, "square": torch.square,
    "relu": F.relu, "relu6": F.relu6, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "silu": F.silu,
    "floor": torch.floor, "ceil": torch.ceil, "round": torch.round, "sign": torch.sign, "cos": torch.cos,
    "sin": torch.sin, "logical_not": torch.logical_not, "identity": lambda x: x, "softsign": F.softsign,
}  # fmt: skip


def _enter_two(name: str, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    @operation(name)
    def two(given: Arguments) -> Tensor:
        x, y = given.tensor("x"), given.tensor("y")
        given.bounded(*torch.broadcast_shapes(x.shape, y.shape))  # type: ignore[no-untyped-call]
        return function(x, y)


def _enter_one(name: str, function: Callable[[Tensor], Tensor]) -> None:
    @operation(name)
    def one(given: Arguments) -> Tensor:
        return function(given.tensor())


for _name, _function in _TWO.items():
    _enter_two(_name, _function)
for _name, _of_one in _ONE.items():
    _enter_one(_name, _of_one)


@operation("gelu")
def gelu(given: Arguments) -> Tensor:
    """Exact, by tanh, or by a sigmoid."""
    mode, x = given.text("mode", "EXACT"), given.tensor()
    if mode == "EXACT":
        return F.gelu(x)
    if mode == "TANH_APPROXIMATION":
        return F.gelu(x, approximate="tanh")
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(1.702 * x)
    raise ValueError(f"mode {mode!r}")


@operation("cast")
def cast(given: Arguments) -> Tensor:
    """To a kind of number; FLOAT16 is rounded where the result is stored."""
    x, dtype = given.tensor(), given.text("dtype", "fp32")
    if dtype in ("fp16", "fp32"):
        return x.float()
    if dtype == "bool":
        return x.bool()
    if dtype.startswith(("int", "uint")):
        return x.trunc().long() if x.is_floating_point() else x.long()
    raise ValueError(f"dtype {dtype!r}")


@operation("clip")
def clip(given: Arguments) -> Tensor:
    """Between alpha and beta."""
    return given.tensor().clamp(given.number("alpha", 0.0), given.number("beta", 0.0))


@operation("sigmoid_hard")
def sigmoid_hard(given: Arguments) -> Tensor:
    """alpha·x + beta, between 0 and 1."""
    return (given.number("alpha", 0.2) * given.tensor() + given.number("beta", 0.5)).clamp(0, 1)


@operation("leaky_relu")
def leaky_relu(given: Arguments) -> Tensor:
    """alpha·x below 0."""
    return F.leaky_relu(given.tensor(), given.number("alpha", 0.01))


@operation("thresholded_relu")
def thresholded_relu(given: Arguments) -> Tensor:
    """0 below alpha."""
    x = given.tensor()
    return torch.where(x >= given.number("alpha", 1.0), x, torch.zeros(()))


@operation("rsqrt")
def rsqrt(given: Arguments) -> Tensor:
    """1/√(x + epsilon)."""
    return torch.rsqrt(given.tensor() + given.number("epsilon", 1e-12))


@operation("inverse")
def inverse(given: Arguments) -> Tensor:
    """1/(x + epsilon)."""
    return 1 / (given.tensor() + given.number("epsilon", 1e-4))


@operation("log")
def log(given: Arguments) -> Tensor:
    """Natural, of x + epsilon."""
    return torch.log(given.tensor() + given.number("epsilon", 1e-45))


@operation("select")
def select(given: Arguments) -> Tensor:
    """A where the condition holds, else b."""
    return torch.where(given.tensor("cond").bool(), given.tensor("a"), given.tensor("b"))
