"""Which runtime executes which target: one row a runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardembed.embedders.apple import ComputeUnits
from cardembed.embedders.base import Embedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.embedders.shipped import COREML_FORMATS, ONNX_FORMATS, shipped_artefact
from cardembed.errors import UnknownTargetError, UsageError
from cardembed.release import Release

__all__ = ["RUNTIMES", "Runtime", "open_embedder"]


@dataclass(frozen=True, slots=True)
class Runtime:
    """A way to execute a target."""

    name: str
    """As users write it."""
    targets: frozenset[str]
    """What it can execute."""
    open: Callable[..., Embedder]
    """Opens (release, target, threads)."""
    has_units: bool = False
    """Whether it takes `compute_units`, too."""


def _derived(
    opens: Callable[..., Embedder],
    found: tuple[Path, str],
    formats: tuple[str, ...],
    release: Release,
    target: str,
    *,
    threads: int | None,
    **more: Any,  # noqa: ANN401 - of `opens`
) -> Embedder:
    """Open a file with its digest; the release's own of these formats, or one that its weights name."""
    path, digest = found
    return opens(
        path,
        target=target,
        sha256=digest,
        artefact_digest=(shipped_artefact(release, target, formats) or release.weights(target)).sha256,
        preprocessing=_preprocessing(release, target),
        threads=threads,
        **more,
    )


def _open_onnx(release: Release, target: str, threads: int | None) -> Embedder:
    from cardembed.embedders.exports import exported_onnx
    from cardembed.embedders.onnx import OnnxEmbedder

    return _derived(
        OnnxEmbedder, exported_onnx(release, target), ONNX_FORMATS, release, target, threads=threads
    )


def _open_coreml(
    release: Release, target: str, threads: int | None, compute_units: ComputeUnits | None = None
) -> Embedder:
    from cardembed.embedders.coreml import CoreMLEmbedder
    from cardembed.embedders.exports import exported_coreml

    return _derived(
        CoreMLEmbedder,
        exported_coreml(release, target),
        COREML_FORMATS,
        release,
        target,
        threads=threads,
        compute_units=compute_units,
    )


def _open_int8(release: Release, target: str, threads: int | None) -> Embedder:
    from cardembed.embedders.exports import quantised_int8
    from cardembed.embedders.int8 import Int8Embedder

    return _derived(
        Int8Embedder, quantised_int8(release, target), ("int8",), release, target, threads=threads
    )


def _open_hef(release: Release, target: str, threads: int | None) -> Embedder:
    del threads  # the chip's are its own
    from cardembed.embedders.exports import compiled_hef
    from cardembed.embedders.hailo import HailoEmbedder

    path, digest, normalised = compiled_hef(release, target)
    return HailoEmbedder(
        path,
        target=target,
        sha256=digest,
        preprocessing=_preprocessing(release, target),
        normalised=normalised,
    )


def _open_simulated_hef(release: Release, target: str, threads: int | None) -> Embedder:
    from cardembed.embedders.exports import simulated_hef
    from cardembed.embedders.hailo import HailoEmbedder

    def opens(path: Path, *, threads: int | None, **more: Any) -> Embedder:  # noqa: ANN401 - passed on
        del threads
        return HailoEmbedder(path, **more)

    return _derived(opens, simulated_hef(release, target), ("int8",), release, target, threads=threads)


def _open_torch(release: Release, target: str, threads: int | None) -> Embedder:
    from cardembed.embedders.pytorch import TorchEmbedder

    weights = release.weights(target)
    return TorchEmbedder.from_file(
        release.path(weights),
        target=target,
        sha256=weights.sha256,
        preprocessing=_preprocessing(release, target),
        architecture=release.target(target).architecture,
        threads=threads,
    )


def _preprocessing(release: Release, target: str) -> Preprocessing:
    return Preprocessing.of(release.preprocessing, release.target(target).input_size)


RUNTIMES = (
    Runtime("onnxruntime", frozenset({"server", "android"}), _open_onnx),
    Runtime("coreml", frozenset({"ios"}), _open_coreml, has_units=True),
    Runtime("int8", frozenset({"hailo8l"}), _open_int8),
    Runtime("hailort", frozenset({"hailo8l"}), _open_hef),
    Runtime("hailort-simulator", frozenset({"hailo8l"}), _open_simulated_hef),
    Runtime("torch", frozenset({"teacher", "server", "android", "ios", "hailo8l"}), _open_torch),
)
"""The first row that has a target is its default: the one of the highest fidelity without a chip,
which executes nothing unless it is asked for."""


def open_embedder(
    release: Release | Path | str,
    target: str,
    *,
    runtime: str | None = None,
    threads: int | None = None,
    compute_units: ComputeUnits | None = None,
) -> Embedder:
    """Open a release's embedder for a target; the artefact's digest is checked before it is parsed.

    Args:
        release: A release, or its directory.
        target: "teacher", "server", "android", "ios" or "hailo8l".
        runtime: "onnxruntime", "coreml", "int8", "hailort", "hailort-simulator" or "torch"; the target's
            default without.
        threads: Threads the runtime may use; CARDEMBED_THREADS, else the runtime's choice, without.
        compute_units: What Core ML may use, on a Mac; all without.

    Raises:
        UnknownTargetError: The release does not have the target, or no such runtime executes it.
        DigestMismatchError: Bytes differ from release.json's digest.
        ReleaseError: Files are missing, or are no artefacts of this target.
        UnavailableError: This machine lacks what the runtime needs.
        UsageError: Compute units for something else than Apple's Core ML.

    Example:
        >>> with open_embedder("release", "server") as embedder:
        ...     embedder.embed([image]).shape
        (1, 768)
    """
    opened = release if isinstance(release, Release) else Release.load(release)
    opened.target(target)
    fitting = [row for row in RUNTIMES if target in row.targets]
    chosen = [row for row in fitting if runtime in (None, row.name)]
    if not chosen:
        names = ", ".join(row.name for row in fitting)
        raise UnknownTargetError(
            f"{target} on {runtime or 'any runtime'}",
            expected=f"a runtime that executes it ({names or 'there is none'})",
            found=runtime or "none",
            action="choose another target or runtime",
        )
    if compute_units is None:
        return chosen[0].open(opened, target, threads)
    if not chosen[0].has_units:
        raise UsageError(
            "compute units",
            expected="Core ML to choose them for",
            found=f"{compute_units} for {target} on {chosen[0].name}",
            action="leave them out",
        )
    return chosen[0].open(opened, target, threads, compute_units)
