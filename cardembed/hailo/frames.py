"""Arrays on their way to the chip and back: layout, normalisation and quantisation, each done once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import EmbeddingError, ReleaseError
from cardembed.hailo.protocol import Normalised

__all__ = ["FrameMaker", "QuantInfo", "check_layout", "dequantise"]

_TOLERANCE = 0.01
"""Levels of 255: float32 loses less than 0.0001 on the way there and back."""


class QuantInfo(Protocol):
    """HailoRT's quantisation parameters."""

    qp_zp: float
    """Zero point."""
    qp_scale: float
    """Scale."""


@dataclass(frozen=True, slots=True)
class FrameMaker:
    """Turns what an embedder gets into frames (S, S, 3), which HailoRT's buffers must be.

    HailoRT itself checks no more than the number of bytes: a (3, S, S) array would pass and be nonsense.
    """

    preprocessing: Preprocessing
    """The artefact's."""
    normalised: Normalised
    """Who normalises."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 where the chip normalises, float32 where the host does."""
        return np.dtype(np.uint8 if self.normalised == "chip" else np.float32)

    def from_normalised(self, batch: NDArray[np.float32]) -> NDArray[Any]:
        """(N, 3, S, S) normalised float32 to (N, S, S, 3) of `dtype`, C-ordered.

        Raises:
            EmbeddingError: A value that no pixel in 0 … 255 normalises to, or another shape.
        """
        mean = np.asarray(self.preprocessing.mean, dtype=np.float64) * 255
        std = np.asarray(self.preprocessing.std, dtype=np.float64) * 255
        nhwc = batch.transpose(0, 2, 3, 1)
        levels = nhwc * std.astype(np.float32) + mean.astype(np.float32)
        # NaN compares false, so it is out of range too.
        good = (levels >= -_TOLERANCE) & (levels <= 255 + _TOLERANCE)
        if not good.all():
            worst = float(nhwc[~good].flat[0])
            raise EmbeddingError(
                "input of the Hailo chip",
                expected="values that pixels in 0 … 255 normalise to",
                found=f"{worst:g} ({int((~good).sum())} of {good.size} values out of range)",
                action="normalise once, with the mean and deviation in release.json",
            )
        if self.normalised == "host":
            return self._checked(np.ascontiguousarray(nhwc))
        return self._checked(np.rint(levels).clip(0, 255).astype(np.uint8, order="C"))

    def from_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """(N, S, S, 3) uint8 RGB to (N, S, S, 3) of `dtype`, C-ordered.

        Raises:
            EmbeddingError: Another shape or dtype.
        """
        size = self.preprocessing.size
        fits = isinstance(pixels, np.ndarray) and pixels.ndim == 4 and pixels.dtype == np.uint8
        if not fits or pixels.shape[1:] != (size, size, 3):
            found = (
                f"{pixels.shape} {pixels.dtype}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
            )
            raise EmbeddingError(
                "pixels",
                expected=f"an array (N, {size}, {size}, 3) uint8",
                found=found,
                action="resize first, or pass images to embed()",
            )
        if self.normalised == "chip":
            # HailoRT's buffers must be writable, inputs too; Pillow's arrays are not.
            return self._checked(np.require(pixels, requirements=["C", "W"]))
        batch = self.preprocessing.batch(list(pixels))
        return self._checked(np.ascontiguousarray(batch.transpose(0, 2, 3, 1)))

    def _checked(self, frames: NDArray[Any]) -> NDArray[Any]:
        size = self.preprocessing.size
        check_layout(frames, (len(frames), size, size, 3), self.dtype)
        if not frames.flags.writeable:
            raise _misfit(f"an array {frames.shape} that can be written", "one that cannot")
        return frames


def check_layout(frames: NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Whether an array may go to the chip as it is.

    Raises:
        EmbeddingError: Another shape or dtype, or not C-ordered.
    """
    if (frames.shape, frames.dtype) != (shape, dtype) or not frames.flags.c_contiguous:
        order = "C-ordered" if frames.flags.c_contiguous else "not C-ordered"
        raise _misfit(f"{shape} {dtype}, C-ordered", f"{frames.shape} {frames.dtype}, {order}")


def _misfit(expected: str, found: str) -> EmbeddingError:
    return EmbeddingError(
        "frames for the Hailo chip",
        expected=expected,
        found=found,
        action="pass images to the embedder, which lays them out",
    )


def dequantise(raw: NDArray[Any], infos: Sequence[QuantInfo]) -> NDArray[np.float32]:
    """`(q − zero point) · scale` of integers (D,), by one parameter set or one a feature, to (D,) float32.

    Raises:
        ReleaseError: Neither 1 nor D sets, or sets without a scale: HailoRT gives all zeros in
            `VStreamInfo.quant_info` where the scales differ between features.
    """
    zero_points = np.array([info.qp_zp for info in infos], dtype=np.float64)
    scales = np.array([info.qp_scale for info in infos], dtype=np.float64)
    if len(infos) not in (1, raw.shape[-1]) or not (np.isfinite(scales).all() and (scales > 0).all()):
        raise ReleaseError(
            "the HEF's output",
            expected=f"1 or {raw.shape[-1]} sets of quantisation parameters, with positive scales",
            found=f"{len(infos)} sets, smallest scale {scales.min() if len(infos) else 'none'}",
            action="ask for float32 output",
        )
    wide: NDArray[np.float32] = ((raw.astype(np.float64) - zero_points) * scales).astype(np.float32)
    return wide
