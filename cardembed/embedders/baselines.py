"""Embedders without a neural network.

They keep the contract and should fail the criteria: a harness that passes them measures nothing.
"""

from __future__ import annotations

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cardembed._io import sha256_bytes
from cardembed._version import __version__
from cardembed.embedders.base import EMBEDDING_DIM, Embedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.fidelity import Fidelity

__all__ = ["BaselineEmbedder", "ColourHistogramEmbedder", "NearestPixelEmbedder", "PerceptualHashEmbedder"]


class BaselineEmbedder(Embedder):
    """A fixed function of RGB pixels in [0, 1].

    Args:
        size: Side of the square that pictures are resized to first.
        target: The target in whose place it stands.
    """

    name: str
    """Names it in reports and in the artefact digest."""

    def __init__(self, size: int, target: str) -> None:
        super().__init__(
            target=target,
            fidelity=Fidelity.REFERENCE,
            artefact_digest=sha256_bytes(f"baseline:{self.name}:1:{size}".encode()),
            preprocessing=Preprocessing(size, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
            runtime={"name": f"cardembed-{self.name}", "version": __version__},
        )


class NearestPixelEmbedder(BaselineEmbedder):
    """The picture itself at 16 × 16: its 768 colour values around mid-grey, scaled to norm 1."""

    name = "nearest-pixel"

    def __init__(self, target: str = "teacher") -> None:
        super().__init__(16, target)

    def embed_impl(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 3, 16, 16) to (n, 768); no 8-bit value is mid-grey, so no picture gives a zero vector."""
        return batch.reshape(len(batch), EMBEDDING_DIM) - np.float32(0.5)


class ColourHistogramEmbedder(BaselineEmbedder):
    """How often each of 8 × 8 × 8 colours occurs, square roots taken, padded with zeros to 768."""

    name = "colour-histogram"

    def __init__(self, target: str = "teacher", size: int = 64) -> None:
        super().__init__(size, target)

    def embed_impl(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 3, S, S) in [0, 1] to (n, 768)."""
        levels = np.clip((batch * 8).astype(np.int64), 0, 7).reshape(len(batch), 3, -1)
        colours = (levels[:, 0] * 8 + levels[:, 1]) * 8 + levels[:, 2]
        out = np.zeros((len(batch), EMBEDDING_DIM), dtype=np.float32)
        for row, colour in zip(out, colours, strict=True):
            row[:512] = np.sqrt(np.bincount(colour, minlength=512))
        return out


class PerceptualHashEmbedder(BaselineEmbedder):
    """imagehash's 256-bit perceptual hash, bits as ±1: the cosine is 1 − 2 · Hamming distance / 256."""

    name = "perceptual-hash"

    def __init__(self, target: str = "teacher", size: int = 128) -> None:
        super().__init__(size, target)

    def embed_impl(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 3, S, S) in [0, 1] to (n, 768), padded with zeros."""
        out = np.zeros((len(batch), EMBEDDING_DIM), dtype=np.float32)
        for row, picture in zip(out, batch, strict=True):
            pixels = np.rint(picture.transpose(1, 2, 0) * 255).astype(np.uint8)
            bits = imagehash.phash(Image.fromarray(pixels), hash_size=16).hash
            row[:256] = np.where(bits.ravel(), 1, -1)
        return out
