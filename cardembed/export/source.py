"""What is exported: a model, its preprocessing, and where both come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cardembed._imports import require
from cardembed._io import sha256_file
from cardembed._version import __version__
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.export.licence import LICENCE, licence_of
from cardembed.release import Release
from cardembed.release_build import read_training

if TYPE_CHECKING:
    from cardembed.models.embedding import EmbeddingModel

__all__ = ["AUTHOR", "InputKind", "Source", "source_of_target", "source_of_weights"]

AUTHOR = "cardembed maintainers"
InputKind = Literal["tensor", "image"]


@dataclass(frozen=True)
class Source:
    """A model to be exported."""

    model: EmbeddingModel
    """Float32, in evaluation mode."""
    preprocessing: Preprocessing
    """What its input went through."""
    weights_sha256: str
    """Of the weight file, 64 hex digits."""
    release_digest: str | None = None
    """Of the release that names the weights; None for a single file."""
    licence: str = LICENCE
    """Of the weights, and so of what is exported."""

    @property
    def name(self) -> str:
        """The architecture's."""
        return str(self.model.architecture.name)

    def metadata(self, kind: InputKind) -> dict[str, str]:
        """What is written into the artefact itself, for whoever opens it without this package."""
        chosen = self.preprocessing
        entries = {
            "author": AUTHOR,
            "license": self.licence,
            "description": f"Embeds card images: {self.name}, {self.model.embedding_dim} numbers, length 1",
            "input_description": self.input_description(kind),
            "output_description": "Embedding of unit length; compare by cosine",
            "cardembed_version": __version__,
            "architecture": self.name,
            "weights_sha256": self.weights_sha256,
            "input_size": str(chosen.size),
            "mean": ",".join(map(str, chosen.mean)),
            "std": ",".join(map(str, chosen.std)),
            "interpolation": chosen.interpolation,
            "colour_order": "RGB",
            "normalised_by": "caller" if kind == "tensor" else "model",
        }
        return entries if self.release_digest is None else {**entries, "release_digest": self.release_digest}

    def input_description(self, kind: InputKind) -> str:
        """What the caller has to do to a picture."""
        chosen = self.preprocessing
        resized = (
            f"RGB, squashed to {chosen.size} x {chosen.size} pixels ({chosen.interpolation}, antialiased)"
        )
        if kind == "image":
            return f"{resized}; pixels 0..255 as they are, the model normalises"
        return f"{resized}, then (x / 255 - {list(chosen.mean)}) / {list(chosen.std)}"


def source_of_target(release: Release, target: str) -> Source:
    """A target's weights and preprocessing.

    Raises:
        UnknownTargetError: The release has no such target.
        ReleaseError: It has no weights for it, or other bytes than it promises.
        UnavailableError: PyTorch is not installed.
    """
    require("torch", extra="train")
    from cardembed.models.weights import load_weights, read_metadata

    weights = release.weights(target)
    path = release.path(weights)
    return Source(
        load_weights(path, sha256=weights.sha256),
        Preprocessing.of(release.preprocessing, release.target(target).input_size),
        weights.sha256,
        release.digest,
        licence_of(weights.sha256, read_metadata(path), release.training),
    )


def source_of_weights(path: Path) -> Source:
    """A weight file, with the preprocessing that all of this package's models are trained with.

    What it was trained from, its header says, and the trainer's record where it lies beside the file.

    Raises:
        ReleaseError: No weight file of cardembed, or a record beside it that is none.
        UnavailableError: PyTorch is not installed.
    """
    require("torch", extra="train")
    from cardembed.models.weights import load_weights, read_metadata

    model, digest = load_weights(path), sha256_file(path)
    licence = licence_of(digest, read_metadata(path), read_training(path.parent))
    return Source(model, Preprocessing(model.input_size), digest, licence=licence)
