"""The scans that a verdict searches, as training knows them: the catalogue's, then the distractors'."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cardembed.cards.catalogue import Catalogue
from cardembed.cards.gallery import Gallery
from cardembed.training.batches import catalogue_squares
from cardembed.training.view_plan import GALLERY_PLAN
from cardembed.training.views import open_pool

__all__ = ["gallery_scans"]


def gallery_scans(
    catalogue: Catalogue,
    distractors: Catalogue | None,
    size: int,
    *,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Catalogue, NDArray[np.uint8]]:
    """The cards and their scans (cards, size, size, 3) uint8 RGB, in the same order.

    Args:
        catalogue: The cards to learn; they come first.
        distractors: Cards that only stand in the gallery.
        size: Side of the squares in pixels.
        workers: Processes that render the distractors.
        progress: Called while they are rendered: done, total.
    """
    scans = catalogue_squares(catalogue, size)
    if distractors is None:
        return catalogue, scans
    pool = open_pool(GALLERY_PLAN, distractors, (size,), workers=workers, progress=progress)
    return Gallery(catalogue, distractors=distractors), np.concatenate([scans, pool.squares(size)])
