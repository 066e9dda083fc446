"""Products of matrices, and convolutions."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from cardembed.coreml.arithmetic import Arithmetic
from cardembed.coreml.operations.registry import op
from cardembed.coreml.values import Value, beside, flag, integer, integers, text, together


@op("linear")
def linear(run: Arithmetic, x: Value, weight: Value, bias: Value | None = None) -> Tensor:
    """x·wᵀ + b."""
    x, weight = together(x, weight)
    return run.linear(x, weight, _bias(bias, x, weight.shape[0]))


@op("matmul")
def matmul(
    run: Arithmetic,
    x: Value,
    *,
    y: Value,
    transpose_x: Value = False,
    transpose_y: Value = False,
) -> Tensor:
    """x·y, either of them transposed."""
    x, y = together(x, y)
    x = x.transpose(-1, -2) if flag(transpose_x) else x
    y = y.transpose(-1, -2) if flag(transpose_y) else y
    return run.matmul(x, y)


@op("einsum")
def einsum(run: Arithmetic, values: Value, equation: Value) -> Tensor:
    """The two contractions that Core ML knows."""
    x, y = together(*(values if isinstance(values, tuple) else (values,)))
    # The two forms that Core ML knows, as matrix products.
    if text(equation) == "nchw,nwhu->nchu":
        return run.matmul(x.permute(0, 2, 1, 3), y.permute(0, 2, 1, 3)).permute(0, 2, 1, 3)
    if text(equation) in ("chw,whr->chr", "bcd,dce->bce"):
        return run.matmul(x.permute(1, 0, 2), y.permute(1, 0, 2)).permute(1, 0, 2)
    raise ValueError(f"the equation {text(equation)!r:.80}")


@op("conv")
def conv(
    run: Arithmetic,
    x: Value,
    *,
    weight: Value,
    bias: Value | None = None,
    strides: Value | None = None,
    pad_type: Value = "valid",
    pad: Value | None = None,
    dilations: Value | None = None,
    groups: Value = 1,
) -> Tensor:
    """Convolution over one to three axes, in groups."""
    x, weight = together(x, weight)
    dims = x.ndim - 2
    stride, dilation = _each(dims, strides), _each(dims, dilations)
    pads = padding(
        text(pad_type),
        pad,
        sizes=list(x.shape[2:]),
        kernel=list(weight.shape[2:]),
        stride=stride,
        dilation=dilation,
    )
    even = [before for before, after in pads if before == after]
    if len(even) < dims:
        x, even = functional.pad(x, [side for row in reversed(pads) for side in row]), [0] * dims
    moved = _bias(bias, x, weight.shape[0])
    return run.conv(x, weight, moved, stride=stride, padding=even, dilation=dilation, groups=integer(groups))


@op("conv_transpose")
def conv_transpose(
    run: Arithmetic,
    x: Value,
    *,
    weight: Value,
    bias: Value | None = None,
    strides: Value | None = None,
    pad_type: Value = "valid",
    pad: Value | None = None,
    dilations: Value | None = None,
    groups: Value = 1,
    output_shape: Value | None = None,
) -> Tensor:
    """Transposed convolution; padding is cut off its result."""
    x, weight = together(x, weight)
    dims, count = x.ndim - 2, integer(groups)
    if not 1 <= dims <= 3 or weight.ndim != x.ndim:
        raise ValueError(f"input {tuple(x.shape)} and weight {tuple(weight.shape)}")
    stride, dilation = _each(dims, strides), _each(dims, dilations)
    # Without data PyTorch looks at none of these; with data it may divide by them.
    _check_windows(list(weight.shape[2:]), stride, dilation)
    if count < 1 or weight.shape[0] != x.shape[1] or x.shape[1] % count:
        raise ValueError(f"{count} groups of input {tuple(x.shape)} and weight {tuple(weight.shape)}")
    moved = _bias(bias, x, weight.shape[1] * count)
    if text(pad_type) not in ("valid", "custom"):
        raise ValueError(f"the padding {text(pad_type)!r:.80}")
    pads = _pairs(pad, dims) if pad is not None and text(pad_type) == "custom" else [(0, 0)] * dims
    function: Any = (functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d)[
        dims - 1
    ]
    result: Tensor = function(x, weight, moved, stride, 0, 0, count, dilation)
    if run.device == "meta":
        run.multiplications += x.numel() * weight[0].numel()
    sizes = integers(output_shape)[-dims:] if output_shape is not None else None
    for axis, (before, after) in enumerate(pads):
        length = sizes[axis] if sizes else result.shape[axis + 2] - before - after
        result = result.narrow(axis + 2, before, length)
    return result.contiguous()


def padding(
    kind: str,
    pad: Value | None,
    *,
    sizes: list[int],
    kernel: list[int],
    stride: list[int],
    dilation: list[int],
) -> list[tuple[int, int]]:
    """Zeros before and after each spatial dimension; `pad` is [h0, h1, w0, w1]."""
    dims = len(sizes)
    if len(kernel) != dims:
        raise ValueError(f"a kernel {kernel} for {dims} dimensions")
    _check_windows(kernel, stride, dilation)
    if kind == "valid":
        return [(0, 0)] * dims
    if kind == "custom":
        return _pairs(pad, dims)
    if kind not in ("same", "same_lower"):
        raise ValueError(f"the padding {kind!r:.80}")
    pairs = []
    for size, width, step, spread in zip(sizes, kernel, stride, dilation, strict=True):
        total = max(0, (-(-size // step) - 1) * step + (width - 1) * spread + 1 - size)
        small, large = total // 2, total - total // 2
        pairs.append((small, large) if kind == "same" else (large, small))
    return pairs


def _check_windows(kernel: list[int], stride: list[int], dilation: list[int]) -> None:
    if not len(stride) == len(dilation) == len(kernel):
        raise ValueError(f"{len(stride)} strides for {len(kernel)} dimensions")
    if min([*stride, *dilation, *kernel], default=1) < 1:
        raise ValueError(f"strides {stride}, dilations {dilation}, kernel {kernel}")


def _pairs(pad: Value | None, dims: int) -> list[tuple[int, int]]:
    values = [0] * 2 * dims if pad is None else integers(pad)
    if len(values) != 2 * dims or min(values, default=0) < 0:
        raise ValueError(f"the padding {values}")
    return list(zip(values[::2], values[1::2], strict=True))


def _bias(bias: Value | None, x: Tensor, outputs: int) -> Tensor | None:
    row = beside(bias, x)
    row = row.reshape(1) if row is not None and row.ndim == 0 else row
    if row is not None and row.shape != (outputs,):
        raise ValueError(f"a bias {tuple(row.shape)} for {outputs} outputs")
    return row


def _each(dims: int, value: Value | None) -> list[int]:
    """A stride or dilation of every spatial axis; 1 where it is left out."""
    return [1] * dims if value is None else integers(value)
