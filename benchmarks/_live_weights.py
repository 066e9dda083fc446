"""Weights of the PRD's size that nobody trained, and that find cards all the same.

What an artefact's arithmetic costs shows on any weights that let every block count. What compression
costs shows only where there is something to lose: random weights find half of 32 cards, by a margin of
.0007. So the head's last layer is fitted in closed form to photos of the cards that are searched, others
than those that are searched with: a network that has learned 32 cards, and not what a card is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cardembed._seeds import rng
from cardembed.cards.catalogue import load_catalogue
from cardembed.cards.photo_conditions import simulate_photo
from cardembed.models.weights import build_model
from cardembed.parity.retrieval import CARDS

if TYPE_CHECKING:
    from cardembed.embedders.preprocessing import Preprocessing
    from cardembed.models.embedding import EmbeddingModel

__all__ = ["fit_last_layer", "live_model", "photos_of_cards"]

PHOTOS = 6
"""Of each card, besides its scan."""
RIDGE = 0.03
"""Of the mean variance. A smaller one finds no more cards, and its larger weights raise float32's errors."""
SPREAD = 3.0
"""By what the matrices of all blocks are multiplied. As timm draws them, a ViT-Small's features of two cards
are so alike that a fitted layer finds 25 of 32 cards, and a float32 artefact is 7e-7 off. So it finds 30, and
is 2e-7 off."""
_FIRST_SEED = 100_000  # those that are searched with have their card's number
_AT_ONCE = 8


def live_model(target: str) -> EmbeddingModel:
    """The PRD's student of a target with seeded weights, none of whose blocks is switched off."""
    model = build_model("prd", target, seed=5)
    random = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "gamma" in name:  # timm starts LayerScale at 1e-6, and the blocks behind it do nothing
                value.copy_(0.1 + 0.4 * torch.rand(value.shape, generator=random))
            elif name.endswith("bias"):
                value.copy_(0.05 * torch.randn(value.shape, generator=random))
            elif value.ndim > 1 and "blocks" in name:
                value.mul_(SPREAD)
    return model.eval()


def photos_of_cards(preprocessing: Preprocessing, cards: int) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Scans and clean photos (N, 3, S, S) of the cards that the parity gate searches, and each one's card."""
    catalogue = load_catalogue(f"{CARDS}:{cards}")
    pictures, numbers = [], []
    for number, card in enumerate(catalogue):
        scan = catalogue.image(card.id)
        seeds = range(_FIRST_SEED + number * PHOTOS, _FIRST_SEED + (number + 1) * PHOTOS)
        taken = (
            simulate_photo(scan, finish=card.finish, condition="clean", severity=2, seed=s) for s in seeds
        )
        pictures += [scan, *(photo.image for photo in taken)]
        numbers += [number] * (1 + PHOTOS)
    return preprocessing.batch(pictures), np.asarray(numbers)


def fit_last_layer(model: EmbeddingModel, images: NDArray[np.float32], cards: NDArray[np.intp]) -> None:
    """Give every card a direction of its own: ridge regression of the head's last layer, in place.

    Args:
        model: In evaluation mode.
        images: (N, 3, S, S) preprocessed photos.
        cards: (N,) the number of each one's card, from 0; at most as many as embeddings have dimensions.
    """
    last = cast("nn.Linear", model.head.layers[-1])
    with torch.inference_mode():
        parts = [
            model.head.layers[:-1](model.backbone(torch.from_numpy(images[at : at + _AT_ONCE])))
            .double()
            .numpy()
            for at in range(0, len(images), _AT_ONCE)
        ]
    features = np.concatenate(parts)
    random = rng("directions of cards", model.architecture.name).normal(
        size=(last.out_features, cards.max() + 1)
    )
    wanted = np.linalg.qr(random)[0].T[cards]
    middle, mean = features.mean(0), wanted.mean(0)
    features = features - middle
    products = features @ features.T
    products += RIDGE * np.trace(products) / len(products) * np.eye(len(products))
    weight = features.T @ np.linalg.solve(products, wanted - mean)
    with torch.no_grad():
        last.weight.copy_(torch.from_numpy(weight.T))
        last.bias.copy_(torch.from_numpy(mean - middle @ weight))
