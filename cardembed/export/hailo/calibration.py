"""Images that INT8 ranges are measured on: development photos of every condition, and of what is no card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cardembed._io import sha256_bytes
from cardembed._seeds import rng
from cardembed.cards.photo_plan import PhotoPlan
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import PhotoSetError

if TYPE_CHECKING:
    from cardembed.cards.catalogue import Catalogue
    from cardembed.cards.photo_render import Progress
    from cardembed.cards.photo_set import PhotoSet

__all__ = ["LEAST", "CalibrationSet", "calibration_photos", "calibration_set"]

LEAST = 1024
"""Images that Hailo's own optimisation asks for."""

SEED = "int8 calibration"
"""Development photos of their own: thresholds are calibrated on others."""


@dataclass(frozen=True)
class CalibrationSet:
    """Images as the chip is given them, and where they come from."""

    images: NDArray[np.uint8]
    """(N, S, S, 3), RGB."""
    photos: tuple[str, ...]
    """SHA-256 of each image's photo."""

    @property
    def digest(self) -> str:
        """Over images and their order."""
        return sha256_bytes(np.ascontiguousarray(self.images).tobytes())


def calibration_photos(catalogue: Catalogue, *, progress: Progress | None = None) -> PhotoSet:
    """Development photos of a catalogue, rendered once and kept in the cache.

    In this process: whoever quantises at first use may be a worker itself.
    """
    from cardembed.cards.photo_cache import default_photo_set

    plan = PhotoPlan.default("development")
    return default_photo_set(SEED, catalogue, split="development", plan=plan, workers=1, progress=progress)


def calibration_set(
    photos: PhotoSet,
    preprocessing: Preprocessing,
    *,
    count: int = LEAST,
    seed: int = 0,
    verdict: PhotoSet | None = None,
) -> CalibrationSet:
    """Draw images by a seed, without replacement.

    Args:
        photos: Development photos.
        preprocessing: The artefact's; what it does to a photo before its normalisation is done here.
        count: Images.
        seed: Decides which, and their order.
        verdict: Photos that decide; none of them may be among the images.

    Raises:
        PhotoSetError: Photos that decide, too few of them, or none of a condition or of non-cards.
    """
    records = photos.records
    shown = {record.sha256 for record in verdict.records} if verdict is not None else set()
    conditions = {record.condition for record in records}
    problem = ""
    if photos.split != "development":
        problem = f"photos of the split {photos.split!r}"
    elif len(records) < count:
        problem = f"{len(records)} photos"
    elif not {"clean", "occluded", "glare", "unknown"} <= conditions:
        problem = f"only {', '.join(sorted(conditions))}"
    elif same := [record.id for record in records if record.sha256 in shown]:
        problem = f"{same[0]}, on which a verdict is given"
    if problem:
        raise PhotoSetError(
            photos.root,
            expected=f"{count} development photos, clean, occluded, with glare, and of what is no card",
            found=problem,
            action="make some: cardembed photos make --split development",
        )
    rows = rng(SEED, seed).permutation(len(records))[:count]
    images = np.stack([preprocessing.square(photos.image(int(row))) for row in rows])
    return CalibrationSet(images, tuple(records[int(row)].sha256 for row in rows))
