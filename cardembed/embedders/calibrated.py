"""Which photos INT8 ranges, or a match threshold, were measured on: no verdict is given on them.

Of ranges the network's own file says it, wherever it is taken; of a threshold `release.json` does.
"""

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
    from cardembed.release import TargetEntry

__all__ = ["calibration_of", "check_calibration", "check_threshold", "write_calibration"]

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
    _refuse(photo_set, calibrated_on, f"{embedder.target} in INT8 was calibrated on")


def check_threshold(target: str, entry: TargetEntry, photo_set: PhotoSet) -> None:
    """Refuse verdict photos that a target's match threshold was chosen on.

    Simulated photos are kept apart by their seeds; whether a camera's are, only their digests tell.

    Args:
        target: Its name, for the message.
        entry: The release's entry, with the figures of its calibration.
        photo_set: The photos that decide.

    Raises:
        PhotoSetError: Photos of the set are among them, by their digests.
    """
    chosen_on = frozenset((entry.calibration or {}).get("photos", ()))
    _refuse(photo_set, chosen_on, f"the threshold of {target} was chosen on")


def _refuse(photo_set: PhotoSet, seen: frozenset[str], what: str) -> None:
    same = [record.id for record in photo_set.records if record.sha256 in seen]
    if not same:
        return
    raise PhotoSetError(
        photo_set.root,
        expected=f"none of the {len(seen)} photos that {what}",
        found=f"{len(same)}: {', '.join(same[:_SHOWN])}{' …' if len(same) > _SHOWN else ''}",
        action="judge it on other photos: cardembed photos make --split verdict",
    )
