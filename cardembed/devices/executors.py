"""What the stand-in executes a request's artefact with: one row a format."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed._imports import require
from cardembed.devices.wire import DeviceRequest
from cardembed.embedders.base import EMBEDDING_DIM, Embedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import UnavailableError
from cardembed.fidelity import Fidelity

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


class _AppleEmbedder(Embedder):
    """Apple's own runtime on a Mac, through coremltools; unverified where no Mac ran it."""

    def __init__(self, request: DeviceRequest, file: Path) -> None:
        coremltools: Any = require("coremltools", extra="coreml")
        super().__init__(
            target=request.target,
            fidelity=Fidelity.RUNTIME,
            artefact_digest=request.artefact.sha256,
            preprocessing=_preprocessing(request),
            runtime={"name": "Core ML", "version": platform.mac_ver()[0] or "?", "compute_units": "ALL"},
        )
        self._model: Any = coremltools.models.MLModel(str(file), compute_units=coremltools.ComputeUnit.ALL)
        description = self._model.get_spec().description
        self._input, self._output = description.input[0].name, description.output[0].name

    def embed_impl(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Row by row: the deployed program takes one picture."""
        rows = [self._model.predict({self._input: row[None]})[self._output] for row in batch]
        return np.asarray(rows, np.float32).reshape(len(batch), EMBEDDING_DIM)


def _open_coreml(request: DeviceRequest, file: Path, threads: int | None) -> Embedder:
    del threads  # Core ML decides
    if platform.system() != "Darwin":
        raise UnavailableError(
            f"{request.artefact.format} on {platform.system()}",
            expected="a Mac, whose Core ML executes it",
            found="none",
            action="run the request there, or on an iPhone with apps/ios",
        )
    return _AppleEmbedder(request, file)


OPENERS: dict[str, Callable[[DeviceRequest, Path, int | None], Embedder]] = {
    "onnx": _open_onnx,
    "safetensors": _open_torch,
    "mlpackage": _open_coreml,
    "mlmodel": _open_coreml,
}
"""By the artefact's format."""


def open_requested(request: DeviceRequest, file: Path, *, threads: int | None = None) -> Embedder:
    """An embedder on the request's artefact.

    Args:
        request: Says format, architecture and preprocessing.
        file: The artefact, whose digest was compared.
        threads: Threads the runtime may use.

    Raises:
        UnavailableError: Nothing here executes the format.
        ReleaseError: The file is no such artefact.
    """
    opener = OPENERS.get(request.artefact.format)
    if opener is None:
        raise UnavailableError(
            f"{request.artefact.format} in the stand-in",
            expected=f"a format that it executes ({', '.join(OPENERS)})",
            found=request.artefact.format,
            action="run the request with apps/android",
        )
    return opener(request, file, threads)
