"""PyTorch as a runtime: weights executed in float32 on the CPU, at fidelity `reference`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cardembed._imports import require
from cardembed.embedders.base import Embedder, thread_count
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import ReleaseError
from cardembed.fidelity import Fidelity

if TYPE_CHECKING:
    from cardembed.models.embedding import EmbeddingModel

__all__ = ["TorchEmbedder"]


class TorchEmbedder(Embedder):
    """Executes a model of this project's in evaluation mode.

    Args:
        model: Teacher or student; it is put into evaluation mode, its weights into float32.
        target: The target whose weights these are.
        artefact_digest: SHA-256 of the weight file.
        preprocessing: The artefact's.
        threads: See `thread_count`; PyTorch has one setting a process.

    Raises:
        UnavailableError: PyTorch is not installed.
        ReleaseError: A transformer that was built for another input size.
    """

    def __init__(
        self,
        model: EmbeddingModel,
        *,
        target: str,
        artefact_digest: str,
        preprocessing: Preprocessing,
        threads: int | None = None,
    ) -> None:
        torch = require("torch", extra="train")
        super().__init__(
            target=target,
            fidelity=Fidelity.REFERENCE,
            artefact_digest=artefact_digest,
            preprocessing=preprocessing,
            runtime={"name": "torch", "version": str(torch.__version__)},
        )
        if model.architecture.transformer and model.input_size != preprocessing.size:
            raise ReleaseError(
                f"weights of {target}",
                expected=f"an input of {preprocessing.size} pixels",
                found=f"{model.architecture.name}, which takes {model.input_size}",
                action="correct input_size in release.json",
            )
        count = thread_count(threads)
        if count is not None:
            torch.set_num_threads(count)
        self.model = model.eval().float().requires_grad_(False)
        self._torch = torch

    @classmethod
    def from_file(
        cls,
        path: Path,
        *,
        target: str,
        sha256: str,
        preprocessing: Preprocessing,
        architecture: str,
        threads: int | None = None,
    ) -> TorchEmbedder:
        """Load a weight file whose bytes have this digest and whose header names this architecture.

        Raises:
            DigestMismatchError: Other bytes; nothing was parsed.
            ReleaseError: No weight file, or another architecture's.
        """
        require("torch", extra="train")
        from cardembed.models.weights import load_weights

        model = load_weights(path, sha256=sha256)
        if model.architecture.name != architecture:
            raise ReleaseError(
                path,
                expected=f"weights of {architecture}, as release.json says",
                found=model.architecture.name,
                action="assemble the release anew",
            )
        return cls(model, target=target, artefact_digest=sha256, preprocessing=preprocessing, threads=threads)

    def used(self) -> tuple[str, ...]:
        """The kind of device that the weights lie on, such as "CPU"."""
        return (next(self.model.parameters()).device.type.upper(),)

    def embed_impl(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The bare model, without gradients."""
        with self._torch.inference_mode():
            output: NDArray[np.float32] = self.model(self._torch.from_numpy(batch)).numpy()
        return output
