"""INT8 on ONNX Runtime in place of a chip, at fidelity `emulated`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.embedders.base import EMBEDDING_DIM, Embedder
from cardembed.embedders.calibrated import calibration_of
from cardembed.embedders.onnx_safety import parse_checked
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.embedders.sessions import open_session, run_session
from cardembed.errors import ReleaseError
from cardembed.fidelity import Fidelity
from cardembed.release import read_verified

__all__ = ["Int8Embedder"]


class Int8Embedder(Embedder):
    """Executes a quantised network, raw pixels (N, S, S, 3) of 0 to 255 to features (N, 768).

    It is executed as written: see `open_session`.

    Args:
        path: The file.
        target: The target whose artefact it stands for.
        sha256: The file's digest.
        artefact_digest: The digest that names the artefact: the source weights', where it is derived.
        preprocessing: The artefact's; images come normalised, and their pixels are what the network is given.
        threads: See `thread_count`.

    Raises:
        DigestMismatchError: Other bytes; nothing was parsed.
        ArtefactError: No ONNX model.
        ReleaseError: Other ports.
        FellBackError: This ONNX Runtime did not take the CPU provider.
    """

    batch_size = 1
    """As on the chip. Larger batches take sums in another order, and a last bit that differs can round to
    another 8-bit number."""

    def __init__(
        self,
        path: Path,
        *,
        target: str,
        sha256: str,
        artefact_digest: str,
        preprocessing: Preprocessing,
        threads: int | None = None,
    ) -> None:
        onnxruntime: Any = importlib.import_module("onnxruntime")  # it publishes no types
        runtime = {"name": "int8", "version": f"onnxruntime {onnxruntime.__version__}"}
        if artefact_digest != sha256:
            runtime["derived_sha256"] = sha256
        super().__init__(
            target=target,
            fidelity=Fidelity.EMULATED,
            artefact_digest=artefact_digest,
            preprocessing=preprocessing,
            runtime=runtime,
        )
        self._path = path
        data = read_verified(path, sha256)
        self.calibrated_on = calibration_of(parse_checked(path, data))
        try:
            self._session = open_session(data, threads=threads, as_written=True)
        except ValueError as error:
            raise _bad(path, str(error), preprocessing.size) from error
        size, ports = preprocessing.size, (self._session.get_inputs(), self._session.get_outputs())
        shapes = [[port.shape[1:] for port in side] for side in ports]
        if shapes != [[[size, size, 3]], [[EMBEDDING_DIM]]]:
            raise _bad(path, f"ports of the shapes {shapes}", size)
        self._input, self._output = (side[0].name for side in ports)

    def embed_impl(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """One run of the session on the batch's pixels.

        Raises:
            ArtefactError: The file parses, but cannot be run.
        """
        pixels = self.preprocessing.squares(batch).astype(np.float32)
        return run_session(
            self._session, self._output, {self._input: pixels}, self._path,
            action="delete it from the cache: it is made again",
        )  # fmt: skip

    def executed_by(self) -> str:
        """As of `OnnxEmbedder`; "int8" says that the graph is executed as it is written."""
        return " ".join((self.runtime["name"], *self.used()))

    def used(self) -> tuple[str, ...]:
        """The session's providers, as `get_providers` has them."""
        return tuple(self._session.get_providers())

    def close(self) -> None:
        """Free the session."""
        super().close()
        self._session = None


def _bad(path: Path, found: str, size: int) -> ReleaseError:
    return ReleaseError(
        path,
        expected=f"a quantised network, (batch, {size}, {size}, 3) to (batch, {EMBEDDING_DIM})",
        found=found,
        action="delete it from the cache: it is made again",
    )
