"""How numbers are computed: in float32, or so that FLOAT16 results are rounded as a phone's would be."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Arithmetic", "Mode"]

_BLOCK = 64


class Mode(StrEnum):
    """An arithmetic; the two float16 modes bracket what hardware does."""

    FLOAT32 = "float32"
    """Everything in float32, whatever types the artefact declares."""
    OPTIMISTIC = "float16-optimistic"
    """Float32 inside of an operation; each FLOAT16 result rounded once."""
    PESSIMISTIC = "float16-pessimistic"
    """As optimistic, and sums of products are kept in float16 after every 64 terms."""


class Arithmetic:
    """Sums of products in one mode, and where new tensors are made.

    Args:
        mode: See `Mode`.
        device: "cpu"; "meta" where only shapes are computed.
    """

    def __init__(self, mode: Mode, device: str = "cpu") -> None:
        self.mode = mode
        self.device = device
        self.multiplications = 0
        """Products of matrices and convolutions so far, where only shapes are computed."""
        self.numbers = 0
        """Numbers that operations read and write so far, and those of windows over one channel, where only
        shapes are computed: each takes the time of many multiplications."""
        self.in_half = False
        """Whether the operation that runs has a FLOAT16 result."""

    @property
    def blockwise(self) -> bool:
        """Whether sums are to be split into blocks now."""
        return self.mode is Mode.PESSIMISTIC and self.in_half and self.device != "meta"

    def round(self, value: Tensor) -> Tensor:
        """A float32 result as FLOAT16 holds it, written into the same memory."""
        return value.copy_(value.half()) if value.dtype == torch.float32 else value

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        """The matrix product, with broadcasting."""
        if self.blockwise and x.shape[-1] > _BLOCK and x.ndim > 1 and y.ndim > 1:
            return self._summed(
                x[..., start : start + _BLOCK] @ y[..., start : start + _BLOCK, :]
                for start in range(0, x.shape[-1], _BLOCK)
            )
        result = torch.matmul(x, y)
        self.multiplications += result.numel() * x.shape[-1] if self.device == "meta" else 0
        return result

    def _summed(self, parts: Iterator[Tensor]) -> Tensor:
        """The sum of one part or more, rounded after each, written into the first one's memory."""
        total = self.round(next(parts))
        for part in parts:
            total = self.round(total.add_(self.round(part)))
        return total

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Rows of x times the rows of weight, plus bias."""
        if self.blockwise:
            result = self.matmul(x, weight.transpose(-1, -2))
            return result if bias is None else result + bias
        result = functional.linear(x, weight, bias)
        self.multiplications += result.numel() * x.shape[-1] if self.device == "meta" else 0
        return result

    def conv(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        *,
        stride: list[int],
        padding: list[int],
        dilation: list[int],
        groups: int,
    ) -> Tensor:
        """A convolution over one, two or three dimensions; padding is the same at both ends."""
        dims = x.ndim - 2
        if not 1 <= dims <= 3 or weight.ndim != x.ndim:
            raise ValueError(f"input {tuple(x.shape)} and weight {tuple(weight.shape)}")
        run: Any = (functional.conv1d, functional.conv2d, functional.conv3d)[dims - 1]
        channels = weight.shape[1]
        step = max(1, _BLOCK // max(1, weight[0, 0].numel()))
        if self.blockwise and channels > step:
            shape = (x.shape[0], groups, channels, *x.shape[2:])
            grouped = x.reshape(shape)
            cuts = (
                (grouped[:, :, start : start + step].reshape(x.shape[0], -1, *x.shape[2:]), start)
                for start in range(0, channels, step)
            )
            total = self._summed(
                run(cut, weight[:, start : start + step], None, stride, padding, dilation, groups)
                for cut, start in cuts
            )
            return total if bias is None else total + bias.reshape(-1, *[1] * dims)
        result: Tensor = run(x, weight, bias, stride, padding, dilation, groups)
        if self.device == "meta":
            products = result.numel() * weight[0].numel()
            if weight.shape[1] == 1:  # of depth: a window's numbers are read one by one
                self.numbers += products
            self.multiplications += products
        return result
