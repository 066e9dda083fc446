"""Layers: products, convolutions, norms, pooling, attention."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed.coreml.arithmetic import TERMS
from cardembed.coreml.operations._registry import Arguments, operation

__all__: list[str] = []


@operation("linear")
def linear(given: Arguments) -> Tensor:
    """x·wᵀ + b."""
    x, weight = given.tensor(), given.tensor("weight")
    bias = given.tensor("bias") if "bias" in given else None

    terms = x.shape[-1]
    if not given.arithmetic.rounds_sums(terms, half=given.half):
        return F.linear(x, weight, bias)
    parts = (F.linear(x[..., at : at + TERMS], weight[:, at : at + TERMS]) for at in range(0, terms, TERMS))
    total = given.arithmetic.added(parts)
    return total if bias is None else total + bias


@operation("matmul")
def matmul(given: Arguments) -> Tensor:
    """x·y, either of them transposed."""
    x, y = given.tensor("x"), given.tensor("y")
    x = x.transpose(-1, -2) if given.flag("transpose_x") else x
    y = y.transpose(-1, -2) if given.flag("transpose_y") else y
    outer = torch.broadcast_shapes(x.shape[:-2], y.shape[:-2])  # type: ignore[no-untyped-call]
    given.bounded(*outer, x.shape[-2], y.shape[-1])

    terms = x.shape[-1]
    if not given.arithmetic.rounds_sums(terms, half=given.half):
        return x @ y
    starts = range(0, terms, TERMS)
    return given.arithmetic.added(x[..., at : at + TERMS] @ y[..., at : at + TERMS, :] for at in starts)


def _spatial(given: Arguments, kernel: list[int], strides: list[int], dilations: list[int]) -> list[int]:
    """Padding [begin, end] of each axis, in MIL's order: the first axis first."""
    kind, x = given.text("pad_type", "valid"), given.tensor()
    if kind == "valid":
        return [0] * (2 * len(kernel))
    if kind == "custom":
        return given.wholes("pad")
    if kind not in ("same", "same_lower"):
        raise ValueError(f"pad_type {kind!r}")
    amounts = []
    for side, size, stride, dilation in zip(x.shape[2:], kernel, strides, dilations, strict=True):
        total = max((math.ceil(side / stride) - 1) * stride + (size - 1) * dilation + 1 - side, 0)
        less, more = total // 2, total - total // 2
        amounts += [more, less] if kind == "same_lower" else [less, more]
    return amounts


def _padded(given: Arguments, x: Tensor, amounts: list[int], value: float = 0.0) -> tuple[Tensor, list[int]]:
    """Where both ends are padded alike, the layer does it itself; else it is done before."""
    pairs = [amounts[at : at + 2] for at in range(0, len(amounts), 2)]
    given.bounded(*x.shape[:2], *(side + sum(pair) for side, pair in zip(x.shape[2:], pairs, strict=True)))
    if value == 0.0 and all(begin == end for begin, end in pairs):
        return x, [begin for begin, _ in pairs]
    turned = [one for pair in reversed(pairs) for one in pair]
    return F.pad(x, turned, value=value), [0] * len(pairs)


@operation("conv")
def conv(given: Arguments) -> Tensor:
    """Convolution over one or two axes, in groups."""
    x, weight = given.tensor(), given.tensor("weight")
    axes = weight.ndim - 2
    if axes not in (1, 2) or x.ndim != weight.ndim:
        raise ValueError(f"{tuple(x.shape)} by kernels {tuple(weight.shape)}")
    bias = given.tensor("bias") if "bias" in given else None
    strides, dilations = given.wholes("strides", [1] * axes), given.wholes("dilations", [1] * axes)
    groups = given.whole("groups", 1)
    x, padding = _padded(given, x, _spatial(given, list(weight.shape[2:]), strides, dilations))
    function = F.conv1d if axes == 1 else F.conv2d
    inner = weight.shape[2:].numel()
    reach = [side + 2 * edge for side, edge in zip(x.shape[2:], padding, strict=True)]
    given.bounded(
        x.shape[0], weight.shape[0], *(math.ceil(r / s) for r, s in zip(reach, strides, strict=True))
    )

    # In groups there are few terms each, such as the 49 of a depthwise 7 × 7.
    if groups != 1 or not given.arithmetic.rounds_sums(x.shape[1] * inner, half=given.half):
        return function(x, weight, bias, strides, padding, dilations, groups)
    step = max(1, TERMS // inner)
    total = given.arithmetic.added(
        function(x[:, at : at + step], weight[:, at : at + step], None, strides, padding, dilations)
        for at in range(0, x.shape[1], step)
    )
    return total if bias is None else total + bias.view(1, -1, *[1] * axes)


@operation("layer_norm")
def layer_norm(given: Arguments) -> Tensor:
    """Over the last axes."""
    x = given.tensor()
    axes = sorted(axis % x.ndim for axis in given.wholes("axes", list(range(x.ndim))))
    if axes != list(range(x.ndim - len(axes), x.ndim)):
        raise ValueError(f"axes {axes} of {x.ndim}")
    gamma, beta = (given.tensor(name) if name in given else None for name in ("gamma", "beta"))
    return F.layer_norm(x, x.shape[x.ndim - len(axes) :], gamma, beta, given.number("epsilon", 1e-5))


@operation("batch_norm")
def batch_norm(given: Arguments) -> Tensor:
    """With stored mean and variance."""
    gamma, beta = (given.tensor(name) if name in given else None for name in ("gamma", "beta"))
    return F.batch_norm(
        given.tensor(), given.tensor("mean"), given.tensor("variance"), gamma, beta,
        eps=given.number("epsilon", 1e-5),
    )  # fmt: skip


@operation("instance_norm")
def instance_norm(given: Arguments) -> Tensor:
    """Over the spatial axes of each channel."""
    gamma, beta = (given.tensor(name) if name in given else None for name in ("gamma", "beta"))
    return F.instance_norm(given.tensor(), weight=gamma, bias=beta, eps=given.number("epsilon", 1e-5))


def _pool(given: Arguments, value: float) -> tuple[Tensor, list[int], list[int], list[int]]:
    kernel = given.wholes("kernel_sizes")
    strides = given.wholes("strides", [1] * len(kernel))
    if len(kernel) != 2 or given.flag("ceil_mode"):
        raise ValueError(f"kernels {kernel}, ceil_mode {given.flag('ceil_mode')}")
    x, padding = _padded(given, given.tensor(), _spatial(given, kernel, strides, [1, 1]), value)
    return x, kernel, strides, padding


@operation("avg_pool")
def avg_pool(given: Arguments) -> Tensor:
    """The mean of each window."""
    if given.flag("exclude_padding_from_average"):
        amounts = _spatial(given, given.wholes("kernel_sizes"), given.wholes("strides"), [1, 1])
        if amounts[::2] != amounts[1::2]:
            raise ValueError(f"padding {amounts} left out of the mean")
    x, kernel, strides, padding = _pool(given, 0.0)
    outside = not given.flag("exclude_padding_from_average")
    return F.avg_pool2d(x, kernel, strides, padding, count_include_pad=outside)


@operation("max_pool")
def max_pool(given: Arguments) -> Tensor:
    """The largest of each window."""
    x, kernel, strides, _ = _pool(given, -math.inf)
    return F.max_pool2d(x, kernel, strides)


@operation("scaled_dot_product_attention")
def attention(given: Arguments) -> Tensor:
    """softmax(q·kᵀ/√d + mask)·v."""
    mask = given.tensor("attn_mask") if "attn_mask" in given else None
    query, key, value = (given.tensor(name) for name in ("query", "key", "value"))
    given.bounded(*query.shape[:-1], key.shape[-2])
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
