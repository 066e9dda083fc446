"""Normalisations."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cardembed.coreml.arithmetic import Arithmetic
from cardembed.coreml.operations.registry import op
from cardembed.coreml.values import Value, beside, integers, number, tensor, together


@op("layer_norm")
def layer_norm(
    _: Arithmetic,
    x: Value,
    *,
    axes: Value | None = None,
    gamma: Value | None = None,
    beta: Value | None = None,
    epsilon: Value = 1e-5,
) -> Tensor:
    """Over the given axes."""
    x = tensor(x)
    gamma, beta = beside(gamma, x), beside(beta, x)
    rank = x.ndim
    chosen = sorted(axis % rank for axis in integers(axes)) if axes is not None else list(range(rank))
    if chosen == list(range(rank - len(chosen), rank)):
        shape = list(x.shape[rank - len(chosen) :])
        return functional.layer_norm(x, shape, gamma, beta, number(epsilon))
    mean = x.mean(chosen, keepdim=True)
    spread = (x - mean).square().mean(chosen, keepdim=True)
    result = (x - mean) * torch.rsqrt(spread + number(epsilon))
    aligned = [x.shape[axis] if axis in chosen else 1 for axis in range(rank)]
    result = result if gamma is None else result * gamma.reshape(aligned)
    return result if beta is None else result + beta.reshape(aligned)


@op("batch_norm")
def batch_norm(
    _: Arithmetic,
    x: Value,
    *,
    mean: Value,
    variance: Value,
    gamma: Value | None = None,
    beta: Value | None = None,
    epsilon: Value = 1e-5,
) -> Tensor:
    """With stored mean and variance."""
    x, mean, variance = together(x, mean, variance)
    gamma, beta = beside(gamma, x), beside(beta, x)
    return functional.batch_norm(x, mean, variance, gamma, beta, False, 0.0, number(epsilon))


@op("instance_norm")
def instance_norm(
    _: Arithmetic,
    x: Value,
    *,
    gamma: Value | None = None,
    beta: Value | None = None,
    epsilon: Value = 1e-5,
) -> Tensor:
    """Over the spatial axes of each channel."""
    x = tensor(x)
    gamma, beta = beside(gamma, x), beside(beta, x)
    return functional.instance_norm(x, None, None, gamma, beta, True, 0.0, number(epsilon))


@op("l2_norm")
def l2_norm(_: Arithmetic, x: Value, epsilon: Value = 1e-6) -> Tensor:
    """To length 1 over the last three axes."""
    x = tensor(x)  # over the last three dimensions
    axes = list(range(max(0, x.ndim - 3), x.ndim))
    return x * torch.rsqrt(x.square().sum(axes, keepdim=True) + number(epsilon))
