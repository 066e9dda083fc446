"""Which photos the ranges of an INT8 network were measured on: its file says it, wherever it is taken."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardembed._io import atomic_write_bytes
from cardembed.errors import PhotoSetError

if TYPE_CHECKING:
    from cardembed.cards.photo_set import PhotoSet
    from cardembed.embedders.base import Embedder

__all__ = ["calibration_of", "check_calibration", "write_calibration"]

_KEY = "calibration_photos"
"""Of ONNX's metadata: SHA-256 of each photo, separated by spaces."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHOWN = 3


def write_calibration(path: Path, photos: Iterable[str]) -> Path:
    """Put the photos' SHA-256 into an ONNX file's metadata; equal files and photos give equal bytes."""
    import onnx

    model: Any = onnx.load(str(path))  # onnx publishes no types
    entry = model.metadata_props.add()
    entry.key, entry.value = _KEY, " ".join(sorted(photos))
    atomic_write_bytes(path, model.SerializeToString(deterministic=True))
    return path


def calibration_of(model: Any) -> frozenset[str] | None:  # noqa: ANN401 - onnx publishes no types
    """What an `onnx.ModelProto` says; None where it says nothing."""
    said = next((entry.value for entry in model.metadata_props if entry.key == _KEY), None)
    return None if said is None else frozenset(_SHA256.findall(said))


def check_calibration(embedder: Embedder, photo_set: PhotoSet) -> None:
    """Refuse verdict photos that the embedder's ranges were measured on.

    Raises:
        PhotoSetError: Photos of the set are among them, by their digests.
    """
    calibrated_on = embedder.calibrated_on or frozenset()
    same = [record.id for record in photo_set.records if record.sha256 in calibrated_on]
    if not same:
        return
    raise PhotoSetError(
        photo_set.root,
        expected=f"none of the {len(calibrated_on)} photos that {embedder.target} in INT8 was calibrated on",
        found=f"{len(same)}: {', '.join(same[:_SHOWN])}{' …' if len(same) > _SHOWN else ''}",
        action="judge it on other photos: cardembed photos make --split verdict",
    )
