"""Which precision models are trained in: bfloat16 where the processor multiplies it fast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from cardembed.models.embedding import EmbeddingModel

__all__ = ["embed_fast", "fast_precision", "training_precision"]


def training_precision() -> str:
    """What models are trained in on this processor: "bfloat16" or "float32".

    On a processor that multiplies bfloat16 itself (AMX, or AVX-512 BF16) it is bfloat16: a step of a
    reference transformer takes .6 of the time that it takes in float32, a step of a reference ConvNeXt .6 to
    .7. Elsewhere PyTorch converts, which takes longer than it saves.
    """
    # No public name tells it.
    fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if fast else "float32"


@contextmanager
def fast_precision(model: EmbeddingModel) -> Iterator[None]:
    """Run a model's forward and backward passes in `training_precision()`; weights stay float32.

    Attention is computed by plain matrix products: PyTorch's fused backward pass in bfloat16 takes eleven
    times as long as its forward pass on these processors, .4 of a step. Depthwise convolutions, which are no
    matrix products and whose backward pass takes 2.5 times as long in bfloat16, stay in float32.
    """
    if training_precision() == "float32":
        yield
        return
    with ExitStack() as stack:
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.enter_context(torch.autocast("cpu", torch.bfloat16))
        for module in model.modules():
            if isinstance(module, nn.Conv2d) and module.groups > 1:
                stack.enter_context(_in_float32(module))
        yield


@contextmanager
def _in_float32(module: nn.Conv2d) -> Iterator[None]:
    forward: Callable[[Tensor], Tensor] = module.forward

    def run(images: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return forward(images.float())

    vars(module)["forward"] = run  # before the class's own
    try:
        yield
    finally:
        del vars(module)["forward"]


def embed_fast(model: EmbeddingModel, images: Tensor) -> Tensor:
    """A training step's forward pass in `training_precision()`: (N, 3, S, S) to (N, D) float32."""
    with fast_precision(model):
        embeddings: Tensor = model(images)
    return embeddings.float()
