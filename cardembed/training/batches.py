"""Batches from a pool, preprocessed as the embedders preprocess, with slight changes made on the fly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed._seeds import rng
from cardembed.cards.catalogue import Catalogue
from cardembed.models.embedding import EmbeddingModel
from cardembed.models.profiles import IMAGENET_MEAN, IMAGENET_STD
from cardembed.training.views import ViewPool, square

__all__ = ["Sampler", "catalogue_squares", "embed_squares", "jitter", "read_squares", "to_input"]


def to_input(squares: NDArray[np.uint8]) -> Tensor:
    """(N, S, S, 3) uint8 to the network's input: (N, 3, S, S) float32, ImageNet mean and deviation."""
    images = torch.from_numpy(np.array(squares)).permute(0, 3, 1, 2).float().div_(255)
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    return images.sub_(mean[:, None, None]).div_(std[:, None, None])


def read_squares(squares: NDArray[np.uint8], members: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Views (n, S, S, 3) by their numbers in any order, from a memory map that is read in its own."""
    order = np.argsort(members)
    found = np.empty((len(members), *squares.shape[1:]), np.uint8)
    found[order] = squares[members[order]]
    return found


def jitter(images: Tensor, generator: np.random.Generator, *, strength: float = 1.0) -> Tensor:
    """Shift and scale each image by up to 3 %, turn it by up to 1.5°, change its light by up to 8 %.

    Cheap, so that a pool's view is never seen twice in exactly the same form. (N, 3, S, S) in and out.
    """
    count = len(images)
    shift, scale, turn = (
        generator.uniform(-1, 1, (count, width)) * limit * strength
        for width, limit in ((2, 0.06), (2, 0.03), (1, 0.026))
    )
    matrix = np.zeros((count, 2, 3), dtype=np.float32)
    matrix[:, 0, 0], matrix[:, 1, 1] = 1 + scale[:, 0], 1 + scale[:, 1]
    matrix[:, 0, 1], matrix[:, 1, 0] = -turn[:, 0], turn[:, 0]
    matrix[:, :, 2] = shift
    grid = F.affine_grid(torch.from_numpy(matrix), list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    gain = torch.from_numpy(generator.uniform(1 - 0.08 * strength, 1 + 0.08 * strength, (count, 3, 1, 1)))
    return moved * gain.float()


class Sampler:
    """Endless batches of view numbers, each kind in shuffled passes over all its views.

    Args:
        pool: The views.
        cards: Card views a batch.
        unknowns: Views of non-cards a batch.
        seed: Decides the order.
        skip: Batches to leave out, after an interruption.
    """

    def __init__(self, pool: ViewPool, cards: int, unknowns: int, *, seed: int, skip: int = 0) -> None:
        known = np.flatnonzero(pool.cards >= 0)
        self._parts = [
            self._pass(known, cards, "cards", seed, skip),
            self._pass(np.flatnonzero(pool.cards < 0), unknowns, "unknowns", seed, skip),
        ]

    @staticmethod
    def _pass(
        members: NDArray[np.intp], size: int, kind: str, seed: int, skip: int
    ) -> Iterator[NDArray[np.intp]]:
        size = min(size, len(members))
        steps = len(members) // size if size else 0
        step = skip
        while True:
            if not steps:
                yield members[:0]
                continue
            order = rng("batches", kind, seed, step // steps).permutation(members)
            for place in range(step % steps, steps):
                yield order[place * size : (place + 1) * size]
                step += 1

    def next(self) -> NDArray[np.intp]:
        """View numbers of the next batch, cards first."""
        return np.concatenate([next(part) for part in self._parts])


def catalogue_squares(catalogue: Catalogue, size: int) -> NDArray[np.uint8]:
    """The pictures of a catalogue's cards, (cards, size, size, 3) uint8."""
    return np.stack([square(catalogue.image(card.id), size) for card in catalogue])


@torch.no_grad()
def embed_squares(model: EmbeddingModel, squares: NDArray[np.uint8], *, batch: int = 64) -> Tensor:
    """Embeddings (N, 768) float32 in evaluation mode; the model returns to the mode it was in."""
    was_training = model.training
    model.eval()
    starts = range(0, len(squares), batch)
    parts = [model(to_input(squares[start : start + batch])).float() for start in starts]
    model.train(was_training)
    return torch.cat(parts)
