"""Which artefacts can be traced: one row a kind of file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cardembed._imports import require
from cardembed.coreml.precision import precision_of
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import ArtefactError, UsageError
from cardembed.parity.trace import Trace

if TYPE_CHECKING:
    from cardembed.coreml.graph import Feature
    from cardembed.coreml.model import CoreMLModel

__all__ = ["TRACEABLE", "TraceableArtefact", "open_traceable", "trace_both"]

_UINT8 = 2  # onnx.TensorProto.UINT8

Run = Callable[[NDArray[Any]], Trace]
"""Runs an artefact on (N, 3, S, S) of its input's dtype."""


@dataclass(frozen=True, slots=True)
class TraceableArtefact:
    """An artefact that was read and can be run."""

    input_size: int
    """Side in pixels of the square images that it takes."""
    trace: Callable[[NDArray[np.float32]], Trace]
    """Runs it on (N, 3, S, S) float32, preprocessed, and keeps a summary of every result. An artefact that
    normalises by itself is given the pixels that the batch was made of."""
    half: bool = False
    """Whether its numbers are FLOAT16; it is computed in float32 all the same."""
    rounded: Callable[[NDArray[np.float32]], Trace] | None = None
    """As `trace`, its numbers rounded to float16 before; None of what is no weight file."""


def _weights(path: Path) -> TraceableArtefact:
    torch = require("torch", extra="train")
    from cardembed.models.weights import load_weights
    from cardembed.parity.rounded import rounded_model
    from cardembed.parity.torch_trace import trace_module

    model, runtime = load_weights(path), f"on PyTorch {torch.__version__}"

    def rounded(batch: NDArray[np.float32]) -> Trace:
        source = f"{path.name} with its numbers rounded to float16, {runtime} in float32"
        return trace_module(rounded_model(load_weights(path)), batch, source=source)

    plain = partial(trace_module, model, source=f"{path.name} {runtime}")
    return TraceableArtefact(model.input_size, plain, rounded=rounded)


def _onnx(path: Path) -> TraceableArtefact:
    from cardembed.embedders.onnx import model_input_size
    from cardembed.embedders.onnx_safety import check_onnx
    from cardembed.parity.onnx_trace import trace_onnx

    model = check_onnx(path)
    size, source = model_input_size(path, model), f"{path.name} on ONNX Runtime {version('onnxruntime')}"
    trace: Run = partial(trace_onnx, model, source=source)
    if model.graph.input[0].type.tensor_type.elem_type == _UINT8:
        said = {entry.key: entry.value for entry in model.metadata_props}
        trace = _of_pixels(trace, _preprocessing(path, said, size), np.uint8)
    return TraceableArtefact(size, trace)


def _coreml(path: Path) -> TraceableArtefact:
    require("torch", extra="train")
    from cardembed.coreml.description import open_artefact
    from cardembed.coreml.limits import Limits
    from cardembed.coreml.model import CoreMLModel
    from cardembed.parity.coreml_trace import trace_coreml

    model = CoreMLModel.load(path)
    entry = _only_picture(path, model)
    size = entry.shape[-1]
    half = precision_of(open_artefact(path, Limits())[1]) == "float16"
    source = f"{path.name}{' with numbers in float16,' if half else ''} on cardembed.coreml in float32"
    trace: Run = partial(trace_coreml, model, source=source)
    if entry.image:
        trace = _of_pixels(trace, _preprocessing(path, model.description.metadata, size), np.float32)
    return TraceableArtefact(size, trace, half)


def _only_picture(path: Path, model: CoreMLModel) -> Feature:
    """The input of a model that takes one square picture at a time and gives one array of numbers."""
    inputs, outputs = model.inputs, model.outputs
    if len(inputs) == len(outputs) == 1 and not outputs[0].dtype.startswith("INT"):
        (entry,) = inputs
        size = entry.shape[-1] if entry.shape else 0
        if entry.allows((1, 3, size, size)):
            return entry
    raise ArtefactError(
        path,
        expected="one input (1, 3, S, S), numbers or a picture, and one output of numbers",
        found=", ".join(str(feature.port) for feature in (*inputs, *outputs))[:300] or "none",
        action="export it: cardembed export coreml",
    )


def _of_pixels(trace: Run, said: Preprocessing, dtype: type[np.generic]) -> Run:
    def run(batch: NDArray[np.float32]) -> Trace:
        return trace(np.ascontiguousarray(said.squares(batch).transpose(0, 3, 1, 2), dtype=dtype))

    return run


def _preprocessing(path: Path, metadata: Mapping[str, str], size: int) -> Preprocessing:
    """What the artefact's metadata say that it does to pixels; ArtefactError where they do not."""
    try:
        mean, std = (tuple(map(float, metadata[name].split(","))) for name in ("mean", "std"))
        (red, green, blue), (red_std, green_std, blue_std) = mean, std
    except (KeyError, ValueError) as error:
        raise ArtefactError(
            path,
            expected="metadata that state mean and std of three channels, for it takes pixels",
            found=f"{ {name: metadata.get(name) for name in ('mean', 'std')} }",
            action="export it with cardembed",
        ) from error
    return Preprocessing(size, mean=(red, green, blue), std=(red_std, green_std, blue_std))


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
    if path.suffix == ".ort" and path.exists():
        raise UsageError(
            path,
            expected="an artefact that hands out its intermediate results",
            found="ONNX Runtime's own format, whose operators are fused already",
            action="compare the .onnx file of the same options; `cardembed parity check` judges this one",
        )
    if path.suffix not in TRACEABLE or not path.exists():
        raise UsageError(
            path,
            expected="an artefact: " + ", ".join(sorted(TRACEABLE)),
            found="something else" if path.exists() else "nothing",
            action="name a file of `cardembed train` or `cardembed export`",
        )
    return TRACEABLE[path.suffix](path)


def trace_both(
    reference: TraceableArtefact, candidate: TraceableArtefact, batch: NDArray[np.float32]
) -> tuple[Trace, Trace]:
    """Run both on the same batch; weights beside a float16 artefact are rounded as its numbers were.

    Rounding them is no difference of the graph, and what one costs hides what differs besides.
    """

    def run(one: TraceableArtefact, other: TraceableArtefact) -> Trace:
        return one.trace(batch) if one.rounded is None or not other.half else one.rounded(batch)

    return run(reference, candidate), run(candidate, reference)
