"""What the stand-in executes a request's artefact with: one row a format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cardembed.devices.wire import DeviceRequest
from cardembed.embedders.apple import ComputeUnits
from cardembed.embedders.base import Embedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import UsageError

__all__ = ["OPENERS", "open_requested"]


def _preprocessing(request: DeviceRequest) -> Preprocessing:
    asked = request.preprocessing
    return Preprocessing(size=asked.size, mean=asked.mean, std=asked.std, interpolation=asked.interpolation)


def _open_onnx(request: DeviceRequest, file: Path, threads: int | None) -> Embedder:
    from cardembed.embedders.onnx import OnnxEmbedder

    return OnnxEmbedder(
        file,
        target=request.target,
        sha256=request.artefact.sha256,
        preprocessing=_preprocessing(request),
        threads=threads,
    )


def _open_torch(request: DeviceRequest, file: Path, threads: int | None) -> Embedder:
    from cardembed.embedders.pytorch import TorchEmbedder

    return TorchEmbedder.from_file(
        file,
        target=request.target,
        sha256=request.artefact.sha256,
        preprocessing=_preprocessing(request),
        architecture=request.artefact.architecture,
        threads=threads,
    )


def _open_coreml(
    request: DeviceRequest, file: Path, threads: int | None, units: ComputeUnits | None = None
) -> Embedder:
    from cardembed.embedders.coreml import CoreMLEmbedder

    return CoreMLEmbedder(
        file,
        target=request.target,
        sha256=request.artefact.sha256,
        artefact_digest=request.artefact.sha256,
        preprocessing=_preprocessing(request),
        compute_units=units,
        threads=threads,
    )


OPENERS: dict[str, Callable[[DeviceRequest, Path, int | None], Embedder]] = {
    "onnx": _open_onnx,
    "ort": _open_onnx,
    "safetensors": _open_torch,
    "mlpackage": _open_coreml,
    "mlmodel": _open_coreml,
}
"""By the artefact's format: all that a request can name."""


def open_requested(
    request: DeviceRequest,
    file: Path,
    *,
    threads: int | None = None,
    compute_units: ComputeUnits | None = None,
) -> Embedder:
    """An embedder on the request's artefact.

    Args:
        request: Says format, architecture and preprocessing.
        file: The artefact, whose digest was compared.
        threads: Threads the runtime may use.
        compute_units: What Core ML may use on a Mac; all without.

    Raises:
        UsageError: Compute units for something else than Apple's Core ML.
        UnavailableError: What executes the format is not installed.
        ArtefactError: It cannot be parsed.
        ReleaseError: The file is no such artefact.
    """
    opener = OPENERS[request.artefact.format]
    if compute_units is None:
        return opener(request, file, threads)
    if opener is not _open_coreml:
        raise UsageError(
            "compute units",
            expected="an .mlpackage or .mlmodel to choose them for",
            found=f"{compute_units} for {request.artefact.format}",
            action="leave them out",
        )
    return _open_coreml(request, file, threads, compute_units)
