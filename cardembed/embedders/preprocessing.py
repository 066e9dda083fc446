"""From a picture to a model's input: it belongs to the artefact, and its digest to every result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cardembed._io import canonical_json, sha256_bytes
from cardembed.errors import EmbeddingError
from cardembed.release import PreprocessingSpec

__all__ = ["Picture", "Preprocessing"]

Picture = Image.Image | NDArray[np.uint8]
"""A PIL image of any mode, or an RGB array (H, W, 3) uint8."""

_REVISION = 1  # raise it when `Preprocessing.__call__` gives other numbers: cached embeddings depend on it
_ROUNDING = 0.01
"""Grey levels that float32 may move a pixel by on its way there and back; it moves them by 1e-4."""
_RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


@dataclass(frozen=True)
class Preprocessing:
    """RGB, squashed to `size` × `size` with Pillow's antialiased filter, then `(x / 255 − mean) / std`."""

    size: int
    """Side of the square input, in pixels."""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    """A channel, in [0, 1]."""
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """A channel."""
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    """Pillow's filter."""

    @classmethod
    def of(cls, spec: PreprocessingSpec, size: int) -> Preprocessing:
        """What a release's `preprocessing` means at a target's input size."""
        return cls(size=size, mean=spec.mean, std=spec.std, interpolation=spec.interpolation)

    @property
    def digest(self) -> str:
        """SHA-256 over everything that changes the numbers."""
        content: dict[str, Any] = {
            "revision": _REVISION,
            "size": self.size,
            "mean": self.mean,
            "std": self.std,
            "interpolation": self.interpolation,
        }
        return sha256_bytes(canonical_json(content))

    @cached_property
    def _affine(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        std = np.asarray(self.std, dtype=np.float64)
        scale = 1 / (255 * std)
        return scale.astype(np.float32), (-np.asarray(self.mean) / std).astype(np.float32)

    def __call__(self, picture: Picture) -> NDArray[np.float32]:
        """One picture as (3, size, size) float32.

        Raises:
            EmbeddingError: An array that is not (H, W, 3) uint8.
        """
        out = np.empty((3, self.size, self.size), dtype=np.float32)
        self._into(picture, out)
        return out

    def batch(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Pictures as (N, 3, size, size) float32; N may be 0."""
        out = np.empty((len(pictures), 3, self.size, self.size), dtype=np.float32)
        for row, picture in zip(out, pictures, strict=True):
            self._into(picture, row)
        return out

    def square(self, picture: Picture) -> NDArray[np.uint8]:
        """One picture as (size, size, 3) uint8: what is normalised, and what a chip that normalises is given.

        Raises:
            EmbeddingError: An array that is not (H, W, 3) uint8.
        """
        image = _as_rgb(picture)
        if image.size != (self.size, self.size):
            image = image.resize((self.size, self.size), _RESAMPLING[self.interpolation])
        return np.asarray(image)

    def squares(self, batch: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The pixels (N, size, size, 3) that a preprocessed batch (N, 3, size, size) was made of.

        Raises:
            EmbeddingError: Numbers that no pixel of 0 to 255 gives.
        """
        mean, std = (np.asarray(of, dtype=np.float32) for of in (self.mean, self.std))
        pixels = (batch.transpose(0, 2, 3, 1) * std + mean) * 255
        near = np.rint(pixels)
        away = np.abs(pixels - near).max(initial=0.0)
        if not away < _ROUNDING or near.min(initial=0) < 0 or near.max(initial=0) > 255:
            raise EmbeddingError(
                "preprocessed images",
                expected="normalised 8-bit pixels",
                found=f"values of {near.min():g} to {near.max():g}, up to {away:.2g} away from whole ones",
                action="pass images to embed(), or normalise them with this artefact's mean and std",
            )
        found: NDArray[np.uint8] = near.astype(np.uint8)
        return found

    def _into(self, picture: Picture, out: NDArray[np.float32]) -> None:
        pixels = self.square(picture)
        scale, shift = self._affine
        for channel in range(3):
            np.multiply(pixels[:, :, channel], scale[channel], out=out[channel], dtype=np.float32)
            out[channel] += shift[channel]


def _as_rgb(picture: Picture) -> Image.Image:
    if isinstance(picture, Image.Image):
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    if not isinstance(picture, np.ndarray):
        raise EmbeddingError(
            "image",
            expected="a PIL image or an array (H, W, 3) uint8",
            found=type(picture).__name__,
            action="open the file with cardembed.cards.images.open_image",
        )
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or 0 in picture.shape:
        raise EmbeddingError(
            "image",
            expected="an RGB array (H, W, 3) uint8",
            found=f"{picture.shape} {picture.dtype}",
            action="convert it; preprocessed float arrays go to embed_preprocessed",
        )
    return Image.fromarray(picture)
