"""The scans that a verdict searches, as training knows them: the catalogue's, then the distractors'."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardembed.cards.catalogue import Catalogue
from cardembed.cards.gallery import Gallery
from cardembed.training.batches import catalogue_squares
from cardembed.training.views import ViewPool

__all__ = ["GalleryScans"]


@dataclass(frozen=True)
class GalleryScans:
    """Cards and their scans, in the same order."""

    catalogue: Catalogue
    """The cards to learn; they come first."""
    distractors: Catalogue | None = None
    """Cards that only stand in the gallery."""
    pool: ViewPool | None = None
    """Their scans, the views of `GALLERY_PLAN`; there where they are."""

    @property
    def cards(self) -> Catalogue:
        """All of them; the catalogue itself where it stands alone."""
        if self.distractors is None:
            return self.catalogue
        return Gallery(self.catalogue, distractors=self.distractors)

    def squares(self, size: int) -> NDArray[np.uint8]:
        """The scans (cards, size, size, 3) uint8 RGB."""
        scans = catalogue_squares(self.catalogue, size)
        return scans if self.pool is None else np.concatenate([scans, self.pool.squares(size)])
