"""ONNX Runtime: the exported file executed on the CPU, at fidelity `runtime`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed._sizes import check_size
from cardembed.embedders.base import EMBEDDING_DIM, Embedder
from cardembed.embedders.declared import DeclaredArtefact
from cardembed.embedders.onnx_safety import check_onnx, check_ort, read_checked, read_checked_ort
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.embedders.sessions import PROVIDER, open_session, run_session
from cardembed.errors import ReleaseError
from cardembed.fidelity import Fidelity
from cardembed.onnx_graph.limits import GraphLimits
from cardembed.onnx_graph.schemas import opset_of
from cardembed.ports import Port
from cardembed.release import read_verified

__all__ = ["OnnxEmbedder", "input_size", "model_input_size"]

_PIXELS = "tensor(uint8)"
_DTYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", _PIXELS: "uint8"}


class OnnxEmbedder(Embedder):
    """Executes an ONNX or ORT file with input (batch, 3, S, S) float32 and output (batch, 768) float32.

    A file that takes uint8 normalises by itself: it is given the RGB pixels that a batch was made of.

    The bytes are read once, compared with their digest, checked (no data outside of the file), and only then
    given to ONNX Runtime.

    Args:
        path: The file.
        target: The target whose artefact it is.
        sha256: The file's digest.
        preprocessing: The artefact's.
        artefact_digest: The digest that names the artefact, where that is not the file's own: an export made
            on this machine is named by its source weights, and its own digest stands in `runtime`.
        threads: See `thread_count`.
        limits: What it may ask for; the default lets all of ours through.

    Raises:
        DigestMismatchError: Other bytes; nothing was parsed.
        ArtefactError: No ONNX model, external data, shapes or operators that no export has.
        ReleaseError: ONNX Runtime does not take it, or it has other inputs and outputs.
        FellBackError: This ONNX Runtime did not take the CPU provider.
    """

    def __init__(
        self,
        path: Path,
        *,
        target: str,
        sha256: str,
        preprocessing: Preprocessing,
        artefact_digest: str | None = None,
        threads: int | None = None,
        limits: GraphLimits | None = None,
    ) -> None:
        onnxruntime: Any = importlib.import_module("onnxruntime")  # it publishes no types
        runtime = {"name": "onnxruntime", "version": str(onnxruntime.__version__), "provider": PROVIDER}
        if artefact_digest is not None and artefact_digest != sha256:
            runtime["derived_sha256"] = sha256
        super().__init__(
            target=target,
            fidelity=Fidelity.RUNTIME,
            artefact_digest=artefact_digest or sha256,
            preprocessing=preprocessing,
            runtime=runtime,
        )
        self._path = path
        data = read_verified(path, sha256)
        if path.suffix == ".ort":
            model, self._checked = read_checked_ort(path, data, limits=limits)
            # Such a file lists every domain that its writer knew, used or not.
            self._declared_version = ("ORT", f"opset {opset_of(model)}")
        else:
            model, self._checked = read_checked(path, data, limits=limits)
            self._declared_version = ("ONNX", _opset(model))
        try:
            self._session = open_session(data, threads=threads)
        except ValueError as error:
            raise _bad(path, str(error)) from error
        self._input, self._output = _ports(path, self._session, preprocessing.size)
        self._takes_pixels = self._session.get_inputs()[0].type == _PIXELS

    def embed_impl(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """One run of the session.

        Raises:
            ArtefactError: The file parses, but cannot be run, or needs too much at this number of images.
            EmbeddingError: It takes pixels, and the batch was made of none.
        """
        self._checked.check(len(batch))
        given: NDArray[Any] = batch
        if self._takes_pixels:
            given = np.ascontiguousarray(self.preprocessing.squares(batch).transpose(0, 3, 1, 2))
        return run_session(
            self._session, self._output, {self._input: given}, self._path, action="export it again"
        )

    def declared(self) -> DeclaredArtefact:
        """The file's opset and ports, and the providers that the session ended up with."""
        name, version = self._declared_version
        return DeclaredArtefact(
            format=name,
            version=version,
            inputs=tuple(_port(port) for port in self._session.get_inputs()),
            outputs=tuple(_port(port) for port in self._session.get_outputs()),
            executed_by=tuple(self._session.get_providers()),
        )

    def executed_by(self) -> str:
        """ONNX Runtime, and the providers that its session says it has."""
        return " ".join((self.runtime["name"], *self.used()))

    def used(self) -> tuple[str, ...]:
        """The session's providers, as `get_providers` has them."""
        return tuple(self._session.get_providers())

    def close(self) -> None:
        """Free the session."""
        super().close()
        self._session = None


def input_size(path: Path) -> int:
    """Side of the square input that an ONNX or ORT file declares, in pixels.

    Raises:
        ArtefactError: No ONNX model.
        ReleaseError: No square image input.
    """
    if path.suffix != ".ort":
        return model_input_size(path, check_onnx(path))
    check_size(path)
    data = path.read_bytes()
    check_ort(path, data)
    try:
        inputs = open_session(data).get_inputs()
    except ValueError as error:
        raise _bad(path, str(error)) from error
    sides = inputs[0].shape if len(inputs) == 1 else []
    if len(sides) != 4 or sides[2] != sides[3] or not isinstance(sides[2], int):
        raise _bad(path, f"an input of shape {sides}")
    return int(sides[2])


def model_input_size(path: Path, model: Any) -> int:  # noqa: ANN401 - onnx.ModelProto, whose types are generated
    """As `input_size`, of a file that was parsed; its path is named in errors."""
    inputs = model.graph.input
    sides = [side.dim_value for side in inputs[0].type.tensor_type.shape.dim] if len(inputs) == 1 else []
    if len(sides) != 4 or sides[2] != sides[3] or sides[2] < 1:
        raise _bad(path, f"an input of shape {sides}")
    return int(sides[2])


def _opset(model: Any) -> str:  # noqa: ANN401 - onnx.ModelProto, whose types are generated
    versions = sorted((entry.domain, entry.version) for entry in model.opset_import)
    return ", ".join(f"{domain} opset {version}".strip() for domain, version in versions)


def _port(port: Any) -> Port:  # noqa: ANN401 - ONNX Runtime publishes no types
    dtype = _DTYPES.get(port.type, port.type)
    return Port(port.name, dtype, tuple(axis if isinstance(axis, int) else None for axis in port.shape))


def _ports(path: Path, session: Any, size: int) -> tuple[str, str]:  # noqa: ANN401 - no types published
    inputs, outputs = session.get_inputs(), session.get_outputs()
    found = ", ".join(f"{port.name} {port.type} {port.shape}" for port in (*inputs, *outputs))
    if len(inputs) != 1 or len(outputs) != 1:
        raise _bad(path, f"the ports {found}")
    (entry,), (exit_,) = inputs, outputs
    batch = entry.shape[0] if len(entry.shape) == 4 else 1
    if (
        entry.shape[1:] != [3, size, size]
        or isinstance(batch, int)
        or exit_.shape[1:] != [EMBEDDING_DIM]
        or entry.type not in {"tensor(float)", _PIXELS}
        or exit_.type != "tensor(float)"
    ):
        raise _bad(path, f"the ports {found}", size)
    return entry.name, exit_.name


def _bad(path: Path, found: str, size: int | None = None) -> ReleaseError:
    side = size or "S"
    return ReleaseError(
        path,
        expected=f"one ONNX file, (batch, 3, {side}, {side}) float32, or uint8 pixels, to "
        f"(batch, {EMBEDDING_DIM}) float32",
        found=found,
        action="export it with `cardembed export onnx`",
    )
