"""Which artefacts can be traced: one row a kind of file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardembed._imports import require
from cardembed.errors import UsageError
from cardembed.parity.trace import Trace

__all__ = ["TRACEABLE", "TraceableArtefact", "open_traceable"]


@dataclass(frozen=True, slots=True)
class TraceableArtefact:
    """An artefact that was read and can be run."""

    input_size: int
    """Side in pixels of the square images that it takes."""
    trace: Callable[[NDArray[np.float32]], Trace]
    """Runs it on (N, 3, S, S) float32, preprocessed, and keeps a summary of every result."""


def _weights(path: Path) -> TraceableArtefact:
    torch = require("torch", extra="train")
    from cardembed.models.weights import load_weights
    from cardembed.parity.torch_trace import trace_module

    model, source = load_weights(path), f"{path.name} on PyTorch {torch.__version__}"
    return TraceableArtefact(model.input_size, partial(trace_module, model, source=source))


def _onnx(path: Path) -> TraceableArtefact:
    from cardembed.embedders.onnx import model_input_size
    from cardembed.embedders.onnx_safety import check_onnx
    from cardembed.parity.onnx_trace import trace_onnx

    model = check_onnx(path)
    source = f"{path.name} on ONNX Runtime {metadata.version('onnxruntime')}"
    return TraceableArtefact(model_input_size(path, model), partial(trace_onnx, model, source=source))


def _coreml(path: Path) -> TraceableArtefact:
    require("torch", extra="train")
    from cardembed.coreml.model import CoreMLModel
    from cardembed.parity.coreml_trace import trace_coreml

    model = CoreMLModel.load(path)
    size = model.inputs[0].shape[-1]
    return TraceableArtefact(size, partial(trace_coreml, model, source=f"{path.name} on cardembed.coreml"))


TRACEABLE: dict[str, Callable[[Path], TraceableArtefact]] = {
    ".safetensors": _weights, ".onnx": _onnx, ".mlpackage": _coreml, ".mlmodel": _coreml,
}  # fmt: skip
"""By suffix, what opens such a file."""


def open_traceable(path: Path) -> TraceableArtefact:
    """Read an artefact to be traced.

    Raises:
        UsageError: No such file, or of a kind that cannot be traced.
        ArtefactError: Not an artefact that can be parsed.
        ReleaseError: Not an artefact of this project.
        UnavailableError: What executes it is not installed.
    """
    if path.suffix not in TRACEABLE or not path.exists():
        raise UsageError(
            path,
            expected="an artefact: " + ", ".join(sorted(TRACEABLE)),
            found="something else" if path.exists() else "nothing",
            action="name a file of `cardembed train` or `cardembed export`",
        )
    return TRACEABLE[path.suffix](path)
