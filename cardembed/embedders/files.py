"""Opening an artefact file on its own, without a release: for looking at it, not for verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cardembed._io import sha256_artefact, sha256_file
from cardembed._sizes import check_size
from cardembed.embedders.base import Embedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import ArtefactError, ReleaseError, UsageError
from cardembed.hailo.protocol import Normalised
from cardembed.release import PreprocessingSpec

__all__ = ["open_artefact"]

_COREML = (".mlpackage", ".mlmodel")
_SUFFIXES = (".safetensors", ".onnx", ".ort", *_COREML, ".hef", ".simhef")


def open_artefact(
    path: Path | str,
    *,
    target: str = "file",
    threads: int | None = None,
    normalised: Normalised | None = None,
) -> Embedder:
    """Open an artefact file, of the suffixes in `_SUFFIXES`, with the project's usual preprocessing.

    Of a Core ML artefact it is the one that its metadata state. The digest is whatever the file has: nobody
    promised another. A `.hef` needs the chip, a `.simhef` is run by the simulator.

    Args:
        path: The file, or the folder of an `.mlpackage`.
        target: What the embedder is called.
        threads: See `thread_count`; a chip's are its own.
        normalised: Of a HEF, who normalises: "chip" or "host". What the compile kit around it says, without.

    Raises:
        UsageError: No such file, or of another kind; nobody says who normalises for a HEF.
        ArtefactError: It cannot be parsed, or is larger than any artefact of its kind.
        ReleaseError: Not an artefact of this project.
        UnavailableError: PyTorch, Core ML tools or HailoRT is needed and missing.
        InfrastructureError: The chip gives no answer.
    """
    file = Path(path)
    there = file.is_dir() if file.suffix == ".mlpackage" else file.is_file()
    if not there or file.suffix not in _SUFFIXES:
        raise UsageError(
            file,
            expected=f"a release directory, or a file with one of the suffixes {', '.join(_SUFFIXES)}",
            found="something else" if file.exists() else "nothing",
            action="name an artefact",
        )
    check_size(file)
    if file.suffix in (".hef", ".simhef"):
        from cardembed.embedders.hailo import HailoEmbedder
        from cardembed.embedders.normaliser import who_normalises

        return HailoEmbedder(
            file, target=target, normalised=who_normalises(file, normalised, option="--normalised")
        )
    if normalised is not None:
        raise UsageError(
            "--normalised", expected="a .hef with it", found=file.name, action="leave it out: the host does"
        )
    if file.suffix in _COREML:
        return _open_coreml(file, target, threads)
    digest = sha256_file(file)
    if file.suffix != ".safetensors":
        from cardembed.embedders.onnx import OnnxEmbedder, input_size

        preprocessing = Preprocessing(input_size(file))
        return OnnxEmbedder(file, target=target, sha256=digest, preprocessing=preprocessing, threads=threads)
    from cardembed._imports import require

    require("torch", extra="train")
    from cardembed.embedders.pytorch import TorchEmbedder
    from cardembed.models.weights import load_weights

    model = load_weights(file, sha256=digest)
    return TorchEmbedder(
        model,
        target=target,
        artefact_digest=digest,
        preprocessing=Preprocessing(model.input_size),
        threads=threads,
    )


def _open_coreml(path: Path, target: str, threads: int | None) -> Embedder:
    from cardembed.coreml.description import read_description
    from cardembed.embedders.coreml import CoreMLEmbedder

    digest, said = sha256_artefact(path), read_description(path)
    shape = said.inputs[0].shape if len(said.inputs) == 1 else ()
    if len(shape) != 4 or shape[2] != shape[3] or shape[2] < 1:
        raise ReleaseError(
            path,
            expected="one input (1, 3, S, S), numbers or a picture",
            found=", ".join(str(feature.port) for feature in said.inputs)[:200] or "none",
            action="export it with `cardembed export coreml`",
        )
    return CoreMLEmbedder(
        path,
        target=target,
        sha256=digest,
        artefact_digest=digest,
        preprocessing=_stated(path, said.metadata, shape[2]),
        threads=threads,
    )


def _stated(path: Path, metadata: Mapping[str, str], size: int) -> Preprocessing:
    """The preprocessing that an artefact's metadata state; the usual one for what they do not state."""
    stated: dict[str, Any] = {
        name: tuple(metadata[name].split(",")) for name in ("mean", "std") if name in metadata
    }
    if "interpolation" in metadata:
        stated["interpolation"] = metadata["interpolation"]
    try:
        return Preprocessing.of(PreprocessingSpec.model_validate(stated), size)
    except ValueError as error:
        raise ArtefactError(
            path,
            expected="metadata with mean and std of three channels, and an interpolation",
            found=", ".join(f"{name} {value}" for name, value in stated.items())[:200],
            action="export it with `cardembed export coreml`",
        ) from error
