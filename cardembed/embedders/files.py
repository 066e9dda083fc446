"""Opening an artefact file on its own, without a release: for looking at it, not for verdicts."""

from __future__ import annotations

from pathlib import Path

from cardembed._io import sha256_file
from cardembed._sizes import check_size
from cardembed.embedders.base import Embedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import UsageError
from cardembed.hailo.protocol import Normalised

__all__ = ["open_artefact"]

_SUFFIXES = (".safetensors", ".onnx", ".ort", ".hef", ".simhef")


def open_artefact(
    path: Path | str,
    *,
    target: str = "file",
    threads: int | None = None,
    normalised: Normalised | None = None,
) -> Embedder:
    """Open an artefact file, of the suffixes in `_SUFFIXES`, with the project's usual preprocessing.

    Its digest is whatever the file has: nobody promised another. A `.hef` needs the chip, a `.simhef` is run
    by the simulator.

    Args:
        path: The file.
        target: What the embedder is called.
        threads: See `thread_count`; a chip's are its own.
        normalised: Of a HEF, who normalises: "chip" or "host". What the compile kit around it says, without.

    Raises:
        UsageError: No such file, or of another kind; nobody says who normalises for a HEF.
        ArtefactError: It cannot be parsed, or is larger than any artefact of its kind.
        ReleaseError: Not an artefact of this project.
        UnavailableError: PyTorch or HailoRT is needed and missing.
        InfrastructureError: The chip gives no answer.
    """
    file = Path(path)
    if not file.is_file() or file.suffix not in _SUFFIXES:
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
