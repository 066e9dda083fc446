"""The contract of every embedder: pictures in, unit vectors of 768 numbers out."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cardembed._io import canonical_json, sha256_bytes
from cardembed.embedders.declared import DeclaredArtefact
from cardembed.embedders.preprocessing import Picture, Preprocessing
from cardembed.errors import EmbeddingError, UnavailableError, UsageError
from cardembed.fidelity import Fidelity

__all__ = ["EMBEDDING_DIM", "Embedder", "thread_count", "unit_rows"]

EMBEDDING_DIM = 768
_SMALLEST_NORM = 1e-6


class Embedder(ABC):
    """A runtime bound to an artefact.

    Args:
        target: The target whose artefact it is.
        fidelity: How close to the deployed thing its results are.
        artefact_digest: SHA-256 of the artefact as `release.json` lists it; of its source weights where the
            executed file is derived from them.
        preprocessing: Belongs to the artefact.
        runtime: `name` and `version` of what executes it, and `derived_sha256` where the file is derived.
    """

    batch_size = 32
    """Images a call of `embed_impl`; the last batch of a call may be smaller."""
    calibrated_on: frozenset[str] | None = None
    """SHA-256 of the photos that its 8-bit ranges were measured on; None where the artefact says none."""

    def __init__(
        self,
        *,
        target: str,
        fidelity: Fidelity,
        artefact_digest: str,
        preprocessing: Preprocessing,
        runtime: dict[str, str],
    ) -> None:
        self.target = target
        self.fidelity = fidelity
        self.artefact_digest = artefact_digest
        self.preprocessing = preprocessing
        self.runtime = runtime
        self.inference_seconds = 0.0
        """Time spent in `embed_impl` so far, in seconds."""
        self.closed = False

    @property
    def identity(self) -> str:
        """SHA-256 over all that decides the embeddings of an image: the key of caches and databases."""
        what = {
            "artefact": self.artefact_digest,
            "preprocessing": self.preprocessing.digest,
            "runtime": {key: self.runtime.get(key) for key in ("name", "version", "derived_sha256")},
        }
        return sha256_bytes(canonical_json(what))

    def embed(self, images: Sequence[Picture] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed pictures.

        Args:
            images: PIL images of any mode, or RGB arrays (H, W, 3) uint8, or one array (N, H, W, 3) uint8.

        Returns:
            (N, 768) float32; every row has norm 1 to 1e-6. The rows do not depend on each other: embedding
            one image at a time gives the same to 1e-5.

        Raises:
            EmbeddingError: No pictures, or the model gave NaN, a wrong shape or a zero vector.
        """
        if isinstance(images, np.ndarray) and images.ndim != 4:
            raise EmbeddingError(
                "images",
                expected="a sequence of images, or an array (N, H, W, 3) uint8",
                found=f"an array {images.shape} {images.dtype}",
                action="pass one image as a list of one",
            )
        if not isinstance(images, np.ndarray | Sequence):
            raise EmbeddingError(
                "images",
                expected="a sequence of images",
                found=type(images).__name__,
                action="pass one image as a list of one",
            )
        out = np.empty((len(images), EMBEDDING_DIM), dtype=np.float32)
        for start in range(0, len(images), self.batch_size):
            part = images[start : start + self.batch_size]
            out[start : start + len(part)] = self.embed_preprocessed(self.preprocessing.batch(list(part)))
        return out

    def embed_preprocessed(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed inputs that are preprocessed already.

        Args:
            batch: (N, 3, S, S) float32, finite; S is `preprocessing.size`.

        Returns:
            (N, 768) float32 unit vectors.

        Raises:
            EmbeddingError: Wrong shape or dtype, NaN or infinity, in the input or in the model's output.
        """
        self._check_input(batch)
        out = np.empty((len(batch), EMBEDDING_DIM), dtype=np.float32)
        for start in range(0, len(batch), self.batch_size):
            part = np.ascontiguousarray(batch[start : start + self.batch_size])
            before = time.perf_counter()
            raw = self.embed_impl(part)
            self.inference_seconds += time.perf_counter() - before
            if raw.shape != (len(part), EMBEDDING_DIM):
                raise EmbeddingError(
                    f"{self.target} model's output",
                    expected=f"shape ({len(part)}, {EMBEDDING_DIM})",
                    found=f"{raw.shape}",
                    action="export the artefact anew",
                )
            out[start : start + len(part)] = unit_rows(raw, what=f"{self.target} model's output")
        return out

    @abstractmethod
    def embed_impl(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The bare model: (n, 3, S, S) float32, contiguous, n ≤ `batch_size`, to (n, 768) float."""

    def declared(self) -> DeclaredArtefact:
        """What the executed file says of itself.

        Raises:
            UnavailableError: Weights are executed, and no deployed file.
        """
        raise UnavailableError(
            f"{self.target} on {self.runtime.get('name')}",
            expected="a deployed artefact",
            found="weights, which declare no ports",
            action="open the target with the runtime of its artefact",
        )

    def executed_by(self) -> str:
        """The runtime, and what of it executes the artefact, as it says itself; asked before `close`."""
        return self.runtime["name"]

    def used(self) -> tuple[str, ...]:
        """Compute units or execution providers that the runtime says it uses; asked before `close`.

        Empty where it does not say: what was asked for is no answer.
        """
        return ()

    def close(self) -> None:
        """Give back what the runtime holds; the embedder is not used afterwards."""
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_input(self, batch: NDArray[np.float32]) -> None:
        size = self.preprocessing.size
        found = None
        if not isinstance(batch, np.ndarray):
            found = type(batch).__name__
        elif batch.ndim != 4 or batch.shape[1:] != (3, size, size) or batch.dtype != np.float32:
            found = f"{batch.shape} {batch.dtype}"
        elif not _all_finite(batch):
            found = "NaN or infinity"
        if found is not None:
            raise EmbeddingError(
                f"input of {self.target}",
                expected=f"a finite array (N, 3, {size}, {size}) float32",
                found=found,
                action="pass images to embed(), which preprocesses them",
            )


def unit_rows(rows: NDArray[np.floating], *, what: str) -> NDArray[np.float32]:
    """Rows scaled to norm 1, computed in float64: (N, D) of any float dtype to (N, D) float32.

    Raises:
        EmbeddingError: NaN, infinity, or a row whose norm is below 1e-6.
    """
    wide = rows.astype(np.float64)
    norms = np.sqrt(np.einsum("nd,nd->n", wide, wide))
    bad = ~(np.isfinite(norms) & (norms >= _SMALLEST_NORM))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise EmbeddingError(
            what,
            expected="finite vectors with a direction",
            found=f"norm {norms[first]} in row {first} ({int(bad.sum())} such of {len(rows)})",
            action="check the weights and the input",
        )
    unit: NDArray[np.float32] = (wide / norms[:, None]).astype(np.float32)
    return unit


def thread_count(threads: int | None) -> int | None:
    """Threads a runtime may use: `threads`, else CARDEMBED_THREADS, else None (the runtime's default).

    Raises:
        UsageError: Not a positive whole number.
    """
    given: int | str | None = threads if threads is not None else os.environ.get("CARDEMBED_THREADS") or None
    if given is None:
        return None
    try:
        count = int(given)
    except ValueError:
        count = 0
    if count < 1:
        raise UsageError(
            "threads (CARDEMBED_THREADS)",
            expected="a positive whole number",
            found=repr(given),
            action="set it to the number of cores to use",
        )
    return count


def _all_finite(batch: NDArray[np.float32]) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.sum(
            batch
        )  # NaN and infinity always reach the sum; a sum that overflows is looked at again
    return bool(np.isfinite(total)) or bool(np.isfinite(batch).all())
