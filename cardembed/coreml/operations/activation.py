"""Activations."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cardembed.coreml.arithmetic import Arithmetic
from cardembed.coreml.operations.registry import op
from cardembed.coreml.values import Value, integer, number, tensor, text


@op("relu")
def relu(_: Arithmetic, x: Value) -> Tensor:
    """The larger of x and 0."""
    return torch.relu(tensor(x))


@op("relu6")
def relu6(_: Arithmetic, x: Value) -> Tensor:
    """Between 0 and 6."""
    return tensor(x).clamp(0, 6)


@op("leaky_relu")
def leaky_relu(_: Arithmetic, x: Value, alpha: Value = 0.01) -> Tensor:
    """alpha·x below 0."""
    return functional.leaky_relu(tensor(x), number(alpha))


@op("prelu")
def prelu(_: Arithmetic, x: Value, alpha: Value) -> Tensor:
    """alpha·x below 0, an alpha for each channel."""
    return functional.prelu(tensor(x), tensor(alpha))


@op("elu")
def elu(_: Arithmetic, x: Value, alpha: Value = 1.0) -> Tensor:
    """alpha·(exp x − 1) below 0."""
    return functional.elu(tensor(x), number(alpha))


@op("gelu")
def gelu(_: Arithmetic, x: Value, mode: Value = "EXACT") -> Tensor:
    """Exact, by tanh, or by a sigmoid."""
    value, kind = tensor(x), text(mode)
    if kind == "SIGMOID_APPROXIMATION":
        return value * torch.sigmoid(1.702 * value)
    return functional.gelu(value, approximate={"EXACT": "none", "TANH_APPROXIMATION": "tanh"}[kind])


@op("silu")
def silu(_: Arithmetic, x: Value) -> Tensor:
    """Swish: x·sigmoid x."""
    return functional.silu(tensor(x))


@op("sigmoid")
def sigmoid(_: Arithmetic, x: Value) -> Tensor:
    """1 / (1 + exp −x)."""
    return torch.sigmoid(tensor(x))


@op("sigmoid_hard")
def sigmoid_hard(_: Arithmetic, x: Value, alpha: Value = 0.2, beta: Value = 0.5) -> Tensor:
    """alpha·x + beta, between 0 and 1."""
    return (tensor(x) * number(alpha)).add_(number(beta)).clamp_(0, 1)


@op("softmax")
def softmax(_: Arithmetic, x: Value, axis: Value = -1) -> Tensor:
    """Along an axis."""
    return torch.softmax(tensor(x), integer(axis))


@op("softplus")
def softplus(_: Arithmetic, x: Value) -> Tensor:
    """log(1 + exp x)."""
    return functional.softplus(tensor(x))


@op("softsign")
def softsign(_: Arithmetic, x: Value) -> Tensor:
    """As a sigmoid: x / (1 + |x|)."""
    return functional.softsign(tensor(x))


@op("scaled_tanh")
def scaled_tanh(_: Arithmetic, x: Value, alpha: Value = 1.0, beta: Value = 1.0) -> Tensor:
    """Stretched: alpha·tanh(beta·x)."""
    return number(alpha) * torch.tanh(tensor(x) * number(beta))


@op("thresholded_relu")
def thresholded_relu(_: Arithmetic, x: Value, alpha: Value = 1.0) -> Tensor:
    """0 below alpha."""
    value = tensor(x)
    return torch.where(value >= number(alpha), value, torch.zeros((), device=value.device))


@op("clamped_relu")
def clamped_relu(_: Arithmetic, x: Value, alpha: Value, beta: Value) -> Tensor:
    """At most beta; alpha·x below 0."""
    return functional.leaky_relu(tensor(x), number(alpha)).clamp(max=number(beta))


@op("linear_activation")
def linear_activation(_: Arithmetic, x: Value, alpha: Value, beta: Value = 0.0) -> Tensor:
    """Affine: alpha·x + beta."""
    return tensor(x) * number(alpha) + number(beta)
