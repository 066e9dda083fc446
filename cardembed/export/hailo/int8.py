"""Static INT8 by ONNX Runtime: uint8 activations, int8 weights, as the chip's scheme is in kind.

It is not the chip bit for bit: weights scaled per channel and per tensor bracket it, Hailo's own emulation
(SDK_QUANTIZED) is the reference, and what the chip answers it alone can say. `policy.toml` says what counts.

What keeps ConvNeXt accurate: a LayerNorm and a GELU are one function each, from 8-bit input to 8-bit output,
as on the chip, where a GELU is a lookup. Their inner operations (five for a GELU in opset 17) are left alone;
to round each of them to 8 bits would be an error that no chip makes.
"""

from __future__ import annotations

import importlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.errors import ExportError
from cardembed.export.hailo.network import INPUT
from cardembed.export.static_int8 import Batches, prepare, quantise_prepared

__all__ = ["Int8Scheme", "pixel_batches", "quantise", "quantise_chip"]

_LAYERS = ("Conv", "Gemm", "MatMul", "Add", "Mul", "GlobalAveragePool", "Relu")
"""Operations between which results are 8-bit numbers. A residual sum and a LayerScale are among them. A
ReLU is part of what stands before it: together they are rounded once."""
_INNER = re.compile(r"/act(_\d+)?/|/layers\.1/|/norm(\.|\d|_)?")
"""Nodes of activations and norms, by the names that PyTorch's modules give them."""
_WHOLE = ("Conv", "Relu")
"""Among these nodes by name, but no part of a function: BatchNorms are folded into convolutions."""
_BATCH = 32


@dataclass(frozen=True, slots=True)
class Int8Scheme:
    """How a network is quantised."""

    per_channel: bool = True
    """Whether each output channel's weights have a scale of their own."""
    sixteen_bit: tuple[str, ...] = ()
    """Operations by name whose results have 16 bits, as the compiler's a16_w16 allows."""


def pixel_batches(images: NDArray[np.uint8]) -> Batches:
    """(N, S, S, 3) uint8 as the network takes them."""
    starts = range(0, len(images), _BATCH)
    return Batches(INPUT, (images[at : at + _BATCH].astype(np.float32) for at in starts))


def quantise(source: Path, images: NDArray[np.uint8], out: Path, scheme: Int8Scheme | None = None) -> Path:
    """Quantise a network that takes raw pixels.

    Args:
        source: As `write_chip_onnx` writes it, raw, of any batch.
        images: (N, S, S, 3) uint8; ranges are their smallest and largest results.
        out: The file to write.
        scheme: Per channel, 8 bits throughout, without.

    Raises:
        ExportError: ONNX Runtime cannot quantise it, or a name of `sixteen_bit` is no operation of it.
    """
    with tempfile.TemporaryDirectory(prefix="int8-") as folder:
        prepared = prepare(source, Path(folder) / "prepared.onnx")
        return quantise_chip(prepared, images, out, scheme or Int8Scheme())


def quantise_chip(prepared: Path, images: NDArray[np.uint8], out: Path, scheme: Int8Scheme) -> Path:
    """As `quantise`, of what `prepare` wrote."""
    return quantise_prepared(
        prepared,
        pixel_batches(images),
        out,
        operators=_LAYERS,
        per_channel=scheme.per_channel,
        leave=_inner_nodes(prepared),
        extra={
            "WeightSymmetric": True,
            "TensorQuantOverrides": _overrides(prepared, scheme),
            "UseQDQContribOps": bool(scheme.sixteen_bit),  # ONNX's own know 16 bits from opset 21 on
        },
    )


def _graph(path: Path) -> Any:  # noqa: ANN401 - onnx publishes no types
    import onnx

    return onnx.load(str(path)).graph


def _inner_nodes(path: Path) -> list[str]:
    return [
        node.name
        for node in _graph(path).node
        if node.op_type not in _WHOLE and _INNER.search(f"{node.name}/")
    ]


def _overrides(path: Path, scheme: Int8Scheme) -> dict[str, list[dict[str, Any]]]:
    """Pixels are their own 8-bit numbers; what is named has 16 bits."""
    kinds: Any = importlib.import_module("onnxruntime.quantization").QuantType
    pixel = {
        "scale": np.array(1, np.float32),
        "zero_point": np.array(0, np.uint8),
        "quant_type": kinds.QUInt8,
    }
    nodes = {node.name: node for node in _graph(path).node}
    stem = next(node for node in nodes.values() if node.op_type == "Conv")
    found: dict[str, list[dict[str, Any]]] = {stem.input[0]: [pixel]}
    for name in scheme.sixteen_bit:
        if name not in nodes:
            raise ExportError(
                path.name,
                expected="an operation of the network",
                found=repr(name),
                action="take a name from the table of what quantisation costs",
            )
        found[nodes[name].output[0]] = [{"quant_type": kinds.QUInt16}]
    return found
