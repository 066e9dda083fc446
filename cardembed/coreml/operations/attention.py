"""Attention as one operation (iOS 18)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from cardembed.coreml.arithmetic import Arithmetic
from cardembed.coreml.operations.registry import op
from cardembed.coreml.values import Value, beside, together


@op("scaled_dot_product_attention")
def attention(
    run: Arithmetic, query: Value, key: Value, value: Value, attn_mask: Value | None = None
) -> Tensor:
    """softmax(q·kᵀ/√d + mask)·v."""
    query, key, value = together(query, key, value)
    mask = beside(attn_mask, query)
    if run.blockwise or run.device == "meta":
        scores = run.matmul(query / math.sqrt(query.shape[-1]), key.transpose(-1, -2))
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
        return run.matmul(torch.softmax(scores, -1), value)
    result: Tensor = functional.scaled_dot_product_attention(query, key, value, mask)
    return result
