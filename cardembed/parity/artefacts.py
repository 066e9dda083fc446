"""Which artefacts can be traced: one row a kind of file."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardembed._imports import require
from cardembed.errors import UsageError
from cardembed.parity.trace import Trace

__all__ = ["TRACERS", "artefact_input_size", "trace_artefact"]

Batch = NDArray[np.float32]


def _weights(path: Path, batch: Batch) -> Trace:
    torch = require("torch", extra="train")
    from cardembed.models.weights import load_weights
    from cardembed.parity.torch_trace import trace_module

    return trace_module(load_weights(path), batch, source=f"{path.name} on PyTorch {torch.__version__}")


def _onnx(path: Path, batch: Batch) -> Trace:
    from cardembed.parity.onnx_trace import trace_onnx

    version = metadata.version("onnxruntime")
    return trace_onnx(path, batch, source=f"{path.name} on ONNX Runtime {version}")


def _weights_size(path: Path) -> int:
    require("torch", extra="train")
    from cardembed.models.weights import load_weights

    return load_weights(path).input_size


def _onnx_size(path: Path) -> int:
    from cardembed.embedders.onnx import input_size

    return input_size(path)


TRACERS: dict[str, tuple[Callable[[Path, Batch], Trace], Callable[[Path], int]]] = {
    ".safetensors": (_weights, _weights_size),
    ".onnx": (_onnx, _onnx_size),
}
"""By suffix: what traces such a file, and what tells the side of its square input."""


def _row(path: Path) -> tuple[Callable[[Path, Batch], Trace], Callable[[Path], int]]:
    if path.suffix not in TRACERS or not path.exists():
        raise UsageError(
            path,
            expected="an artefact: " + ", ".join(sorted(TRACERS)),
            found="something else" if path.exists() else "nothing",
            action="name a file of `cardembed train` or `cardembed export`",
        )
    return TRACERS[path.suffix]


def artefact_input_size(path: Path) -> int:
    """Side in pixels of the square images that an artefact takes.

    Raises:
        UsageError: No such file, or of a kind that cannot be traced.
        ReleaseError: Not an artefact of this project.
    """
    return _row(path)[1](path)


def trace_artefact(path: Path, batch: Batch) -> Trace:
    """Run an artefact and keep a summary of every result.

    Args:
        path: The artefact.
        batch: (N, 3, S, S) float32, preprocessed.

    Raises:
        UsageError: No such file, or of a kind that cannot be traced.
        ReleaseError: Not an artefact of this project.
        UnavailableError: What executes it is not installed.
    """
    return _row(path)[0](path, batch)
