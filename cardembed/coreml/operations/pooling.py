"""Pooling over one or two dimensions."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor
from torch.nn import functional

from cardembed.coreml.arithmetic import Arithmetic
from cardembed.coreml.operations.linear import padding
from cardembed.coreml.operations.registry import op
from cardembed.coreml.values import Value, flag, integers, tensor, text


@op("max_pool", exact=True)
def max_pool(
    run: Arithmetic,
    x: Value,
    *,
    kernel_sizes: Value,
    strides: Value | None = None,
    pad_type: Value = "valid",
    pad: Value | None = None,
    ceil_mode: Value = False,
) -> Tensor:
    """The largest of each window."""
    x = tensor(x)
    kernel, stride, pads = _window(
        x, kernel_sizes=kernel_sizes, strides=strides, pad_type=pad_type, pad=pad, ceil_mode=ceil_mode
    )
    padded = functional.pad(x, pads, value=float("-inf"))
    function: Any = functional.max_pool2d if x.ndim == 4 else functional.max_pool1d
    result: Tensor = function(padded, kernel, stride)
    _count(run, result, kernel)
    return result


@op("avg_pool")
def avg_pool(
    run: Arithmetic,
    x: Value,
    *,
    kernel_sizes: Value,
    strides: Value | None = None,
    pad_type: Value = "valid",
    pad: Value | None = None,
    exclude_padding_from_average: Value = False,
    ceil_mode: Value = False,
) -> Tensor:
    """The mean of each window."""
    x = tensor(x)
    kernel, stride, pads = _window(
        x, kernel_sizes=kernel_sizes, strides=strides, pad_type=pad_type, pad=pad, ceil_mode=ceil_mode
    )
    function: Any = functional.avg_pool2d if x.ndim == 4 else functional.avg_pool1d
    result: Tensor = function(functional.pad(x, pads), kernel, stride)
    _count(run, result, kernel)
    if any(pads) and flag(exclude_padding_from_average):
        ones = x.new_ones((1, 1, *x.shape[2:]))
        result = result / function(functional.pad(ones, pads), kernel, stride)
    return result


def _count(run: Arithmetic, result: Tensor, kernel: list[int]) -> None:
    """A window's elements are counted: a huge kernel makes a small result in a long time."""
    if run.device == "meta":
        run.numbers += result.numel() * math.prod(kernel)


def _window(
    x: Tensor,
    *,
    kernel_sizes: Value,
    strides: Value | None,
    pad_type: Value,
    pad: Value | None,
    ceil_mode: Value,
) -> tuple[list[int], list[int], list[int]]:
    if x.ndim not in (3, 4):
        raise ValueError(f"pooling of {tuple(x.shape)}")
    kernel = integers(kernel_sizes)
    stride = integers(strides) if strides is not None else [1] * len(kernel)
    sizes = list(x.shape[2:])
    pairs = padding(
        text(pad_type), pad, sizes=sizes, kernel=kernel, stride=stride, dilation=[1] * len(kernel)
    )
    if flag(ceil_mode):
        for axis, (before, after) in enumerate(pairs):
            span = sizes[axis] + before + after - kernel[axis]
            steps = -(-span // stride[axis])
            if steps * stride[axis] >= sizes[axis] + before:  # the last window must start inside
                steps -= 1
            pairs[axis] = (before, after + max(0, steps * stride[axis] - span))
    return kernel, stride, [side for row in reversed(pairs) for side in row]
