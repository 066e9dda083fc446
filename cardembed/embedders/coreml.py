"""Core ML artefacts: by Apple's runtime on a Mac, or by our executor at fidelity `emulated`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cardembed._imports import require
from cardembed._io import canonical_json, sha256_artefact, sha256_bytes
from cardembed._revision import code_digest
from cardembed._sizes import check_size
from cardembed.coreml.limits import Limits
from cardembed.embedders.apple import ComputeUnits, load_model, on_macos, planned_units, require_macos
from cardembed.embedders.base import EMBEDDING_DIM, Embedder, thread_count
from cardembed.embedders.declared import DeclaredArtefact
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import DigestMismatchError, InfrastructureError, ReleaseError, UsageError
from cardembed.fidelity import Fidelity
from cardembed.models.profiles import ARCHITECTURES
from cardembed.ports import Port

if TYPE_CHECKING:
    from cardembed.coreml.description import Description

__all__ = ["APPLE", "CoreMLEmbedder", "CoreMLProgram"]

APPLE = "apple"
"""In place of an arithmetic: Apple's runtime."""
MODE = "float16-optimistic"
"""The arithmetic of our executor: each float16 result rounded once."""
_FORMATS = {"mlProgram": "ML Program", "neuralNetwork": "NeuralNetwork"}


class CoreMLProgram:
    """A Core ML model whose `predict` works as that of coremltools' `MLModel`.

    Apple's runtime executes it, which no test of this project has run yet; or our executor, which reads the
    artefact from disk and rounds as float16 does.

    Args:
        path: An `.mlpackage` or an `.mlmodel`.
        compute_units: What Apple's runtime may use, "ALL" without; our executor has no choice.
        mode: `APPLE`, or our executor's arithmetic (see `cardembed.coreml.arithmetic`), wherever this is.
            Without, Apple's runtime on macOS and our executor in `MODE` elsewhere.
        limits: What the artefact may ask of our executor; `Limits()` without.

    Raises:
        ArtefactError: No such artefact, or one that cannot be executed.
        UnavailableError: `APPLE` elsewhere than on macOS; Core ML tools or PyTorch are not installed.
        UsageError: Compute units for our executor.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        compute_units: ComputeUnits | None = None,
        mode: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        chosen = mode or (APPLE if on_macos() else MODE)
        self.compute_units: ComputeUnits | None = None
        """What Apple's runtime may use; None: our executor executes it."""
        self.executed_by = f"cardembed.coreml {chosen}"
        """What executes it."""
        self.description: Description
        """What the artefact says of itself."""
        self._model: Any
        if chosen == APPLE:
            from cardembed.coreml.description import read_description

            self.compute_units = compute_units or "ALL"
            self.executed_by = f"Core ML {self.compute_units}"
            require_macos(path)
            self.description = read_description(path)
            self._model = load_model(path, self.compute_units)
            return
        if compute_units is not None:
            raise UsageError(
                path,
                expected="compute units for Apple's Core ML alone",
                found=f"{compute_units} for {self.executed_by}, which computes on the CPU",
                action="leave them out, or run it on a Mac",
            )
        require("torch", extra="train")
        from cardembed.coreml.model import CoreMLModel

        model = CoreMLModel.load(path, chosen, limits=limits)
        self.description, self._model = model.description, model

    def used(self) -> tuple[str, ...]:
        """The units that execute it, by Core ML's compute plan; empty where there is none."""
        return ("CPU",) if self.compute_units is None else planned_units(self._model, self.compute_units)

    def predict(self, data: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        """Inputs by name, arrays or PIL images, to outputs by name.

        Raises:
            EmbeddingError: Other names or shapes than the program's.
            InfrastructureError: Apple's runtime gave no answer.
        """
        try:
            return dict(self._model.predict(dict(data)))
        except RuntimeError as error:
            raise InfrastructureError(
                "Core ML", expected="an answer", found=str(error), action="look at the Mac's console"
            ) from error


class CoreMLEmbedder(Embedder):
    """Executes an artefact that takes (N, 3, S, S) float32 or an RGB picture, and gives (N, 768) float32.

    Args:
        path: The `.mlpackage` or `.mlmodel`.
        target: The target whose artefact it is.
        sha256: SHA-256 of it, as `sha256_artefact` gives it.
        artefact_digest: The digest that names the artefact: the source weights', where it is derived.
        preprocessing: The artefact's.
        compute_units: What Apple's runtime may use, as of `CoreMLProgram`.
        mode: As of `CoreMLProgram`.
        batch_size: Pictures at once, of an artefact whose batch is flexible; the last batch may be smaller.
        threads: See `thread_count`; PyTorch has one setting a process.

    Raises:
        DigestMismatchError: Other bytes; nothing was parsed.
        ArtefactError: No such artefact, one that cannot be executed or needs far more than any architecture
            of this input size, or one too large to be read.
        ReleaseError: Other ports.
        UnavailableError, UsageError: As of `CoreMLProgram`.
    """

    def __init__(
        self,
        path: Path,
        *,
        target: str,
        sha256: str,
        artefact_digest: str,
        preprocessing: Preprocessing,
        compute_units: ComputeUnits | None = None,
        mode: str | None = None,
        batch_size: int = 1,
        threads: int | None = None,
    ) -> None:
        check_size(path)
        found = sha256_artefact(path)
        if found != sha256:
            raise DigestMismatchError(
                path, expected=f"SHA-256 {sha256}", found=found, action="export it again"
            )
        limits = _limits(preprocessing.size, batch_size)
        self._program = CoreMLProgram(path, compute_units=compute_units, mode=mode, limits=limits)
        units = self._program.compute_units
        package, extra = ("torch", "train") if units is None else ("coremltools", "coreml")
        version = require(package, extra=extra).__version__
        runtime = {"name": "coreml", "version": f"{self._program.executed_by} {version}"}
        if units is not None:
            runtime["compute_units"] = units
        if artefact_digest != sha256:
            runtime["derived_sha256"] = sha256
        super().__init__(
            target=target,
            fidelity=Fidelity.EMULATED if units is None else Fidelity.RUNTIME,
            artefact_digest=artefact_digest,
            preprocessing=preprocessing,
            runtime=runtime,
        )
        said = self._program.description
        self._declared = _declared(said, self._program.executed_by)
        size, self.batch_size = preprocessing.size, batch_size
        entry = said.inputs[0] if len(said.inputs) == 1 else None
        allowed = entry is not None and all(entry.allows((n, 3, size, size)) for n in {1, batch_size})
        if entry is None or not allowed or entry.image not in ("", "RGB"):
            raise _other_ports(path, size, self._declared.inputs)
        if len(said.outputs) != 1 or said.outputs[0].shape not in ((), (1, EMBEDDING_DIM)):
            raise _other_ports(path, size, self._declared.outputs)
        count = thread_count(threads)
        if count is not None and units is None:
            require("torch", extra="train").set_num_threads(count)

    @property
    def identity(self) -> str:
        """As every embedder's; where our executor computes, its own code belongs to it too."""
        if self._program.compute_units is not None:
            return super().identity
        return sha256_bytes(canonical_json([super().identity, code_digest("cardembed.coreml")]))

    def embed_impl(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """One prediction; where the artefact takes pictures, of the pixels that the batch was made of."""
        (entry,), (exit_,) = self._declared.inputs, self._declared.outputs
        given: Any = batch
        if entry.dtype == "image":
            given = Image.fromarray(self.preprocessing.squares(batch)[0])
        return np.asarray(self._program.predict({entry.name: given})[exit_.name], dtype=np.float32)

    def executed_by(self) -> str:
        """Apple's runtime with the units it may use, or our executor with its arithmetic."""
        return self._program.executed_by

    def used(self) -> tuple[str, ...]:
        """As of `CoreMLProgram`."""
        return self._program.used()

    def declared(self) -> DeclaredArtefact:
        """What the artefact's specification says; in Apple's runtime, with the units that it plans to use."""
        if self._program.compute_units is None:
            return self._declared
        return replace(self._declared, executed_by=self.used())


def _limits(size: int, batch: int) -> Limits:
    """Those of the largest architecture that takes pictures of this size, or of all where none does."""
    rows = [one for one in ARCHITECTURES.values() if one.input_size == size] or ARCHITECTURES.values()
    return Limits.for_network(size, max(one.parameters for one in rows), batch)


def _other_ports(path: Path, size: int, found: tuple[Port, ...]) -> ReleaseError:
    return ReleaseError(
        path,
        expected=f"one input (1, 3, {size}, {size}) or an RGB picture, and one output (1, {EMBEDDING_DIM})",
        found=", ".join(map(str, found)) or "none",
        action="export it with `cardembed export coreml`",
    )


def _declared(said: Description, executed_by: str) -> DeclaredArtefact:
    from cardembed.coreml.opset import SYSTEMS

    number = said.specification_version
    return DeclaredArtefact(
        format=_FORMATS[said.kind],
        version=SYSTEMS[number][0] if number in SYSTEMS else f"specification {number}",
        inputs=tuple(feature.port for feature in said.inputs),
        outputs=tuple(feature.port for feature in said.outputs),
        executed_by=(executed_by,),
    )
