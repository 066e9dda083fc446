"""Stage 0's cards in the later stages, so that cards that are not learned stay apart and off the non-cards.

Trained on the catalogue alone, a network sorts everything else to what is no card: with 2,048 unseen cards in
the gallery, every non-card then has a neighbour (AC-4 falls from .98 to 0).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cardembed.training.batches import read_squares
from cardembed.training.contrast import contrastive_loss, pair_costs
from cardembed.training.losses import artwork_numbers
from cardembed.training.pretraining import PairSampler
from cardembed.training.recipes import PretrainingRecipe
from cardembed.training.views import ViewPool

__all__ = ["Rehearsal"]


class Rehearsal:
    """Pairs of photo and scan of stage 0's cards, and stage 0's loss on them.

    Args:
        pool: Stage 0's views.
        artworks: The artwork group of each of its cards.
        recipe: Stage 0's settings.
        cards: Cards a step.
        photos_per_card: Only the first so many of each card; all without.
    """

    def __init__(
        self,
        pool: ViewPool,
        artworks: list[str],
        recipe: PretrainingRecipe,
        *,
        cards: int,
        photos_per_card: int | None = None,
    ) -> None:
        self.pool, self.recipe = pool, recipe
        self._sampler = PairSampler(pool, cards, 0, seed=recipe.seed, photos_per_card=photos_per_card)
        self._artworks = artwork_numbers(artworks)

    @property
    def key(self) -> list[object]:
        """What is rehearsed, for the key of a run."""
        return [self.pool.key, asdict(self.recipe)]

    def views(self, step: int) -> NDArray[np.int64]:
        """View numbers (2·cards,) of a step: photos, then the scans of the same cards."""
        photos, scans, _ = self._sampler.batch(step)
        return np.concatenate([photos, scans])

    def loss(self, embeddings: Tensor, views: NDArray[np.int64], direction: Tensor) -> Tensor:
        """Stage 0's loss with its full margin.

        Args:
            embeddings: (2·cards, D) unit vectors of `views`.
            views: As `views` gave them.
            direction: (1, D) unit vector of what is no card.
        """
        photos, scans = embeddings.float().chunk(2)
        cards = torch.from_numpy(views[len(views) // 2 :])  # a scan's view has its card's number
        other = self._artworks[cards][:, None] != self._artworks[cards][None]
        nothing, recipe = photos[:0], self.recipe
        contrast = contrastive_loss(
            photos, scans, nothing, direction=direction, scale=recipe.scale, margin=recipe.margin
        )
        _, costs = pair_costs(photos, scans, nothing, other, direction=direction, recipe=recipe)
        return contrast + costs

    def squares(self, size: int, views: NDArray[Any]) -> NDArray[np.uint8]:
        """The views' pictures (n, size, size, 3) uint8."""
        return read_squares(self.pool.squares(size), views)
