"""The loss of stage 0: photos find their scan among scans, and what is no card finds none."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed.models.heads import COSINE_LIMIT, add_margin
from cardembed.training.losses import pull_to, push_from
from cardembed.training.recipes import PretrainingRecipe

__all__ = ["ContrastiveHead", "contrastive_loss", "pair_costs"]


class ContrastiveHead(nn.Module):
    """Cross-entropy over cosines with ArcFace's margin; a card's class vector is its scan's embedding.

    One more class, a learned direction, stands for everything that is no card: it separates cards from the
    rest for cards that training never saw, too.

    Args:
        embedding_dim: Length of the embeddings.
        scale: ArcFace's s.
        margin: ArcFace's m, in radians.
    """

    def __init__(self, embedding_dim: int, *, scale: float, margin: float) -> None:
        super().__init__()
        self.scale = scale
        self.margin = margin
        self.background = nn.Parameter(F.normalize(torch.randn(embedding_dim), dim=0))

    @property
    def direction(self) -> Tensor:
        """The background direction, (1, D) unit vector, float32, with gradient."""
        return F.normalize(self.background.float(), dim=0)[None]

    def forward(self, photos: Tensor, scans: Tensor, unknowns: Tensor) -> Tensor:
        """See `contrastive_loss`."""
        return contrastive_loss(
            photos, scans, unknowns, direction=self.direction, scale=self.scale, margin=self.margin
        )


def contrastive_loss(
    photos: Tensor, scans: Tensor, unknowns: Tensor, *, direction: Tensor, scale: float, margin: float
) -> Tensor:
    """Mean loss of photos against scans, scans against photos, and unknowns against scans.

    Args:
        photos: (cards, D) unit vectors, of cards that are different from each other.
        scans: (cards, D) unit vectors of the same cards in the same order.
        unknowns: (N, D) unit vectors of what is no card; N may be 0.
        direction: (1, D) unit vector of what is no card.
        scale: ArcFace's s.
        margin: ArcFace's m, in radians.
    """

    def logits(embeddings: Tensor, classes: Tensor, labels: Tensor) -> Tensor:
        cosine = (embeddings.float() @ classes.T).clamp(-COSINE_LIMIT, COSINE_LIMIT)
        own = cosine.gather(1, labels[:, None])
        return scale * cosine.scatter(1, labels[:, None], add_margin(own, margin))

    gallery = torch.cat([direction, scans.float()])
    number = torch.arange(1, len(scans) + 1)
    loss = F.cross_entropy(logits(photos, gallery, number), number)
    loss = loss + F.cross_entropy(logits(scans, torch.cat([direction, photos.float()]), number), number)
    if len(unknowns):
        nothing = torch.zeros(len(unknowns), dtype=torch.int64)
        loss = loss + F.cross_entropy(logits(unknowns, gallery, nothing), nothing)
    return loss


def pair_costs(
    photos: Tensor,
    scans: Tensor,
    unknowns: Tensor,
    other: Tensor,
    *,
    direction: Tensor,
    recipe: PretrainingRecipe,
) -> tuple[Tensor, Tensor]:
    """What verdicts limit and a cross-entropy does not: how near is too near, and how far too far.

    Args:
        photos: (cards, D) unit vectors.
        scans: (cards, D) unit vectors of the same cards in the same order.
        unknowns: (N, D) unit vectors of what is no card; N may be 0.
        other: (cards, cards) bool, where two cards show different artwork.
        direction: (1, D) unit vector of what is no card.
        recipe: Limits and weights.

    Returns:
        The excess of cosines to scans that must not match, for the log, and the weighted sum of all costs.
    """
    pushed = (
        push_from(unknowns, scans, recipe.ceiling)
        + push_from(photos, scans, recipe.ceiling, other)
        + push_from(scans, scans, recipe.ceiling, other)
    )
    background = push_from(torch.cat([photos, scans]), direction, recipe.background_ceiling)
    pulled = pull_to(photos, scans, recipe.own_floor) + pull_to(unknowns, direction, recipe.own_floor)
    costs = recipe.push_weight * pushed + recipe.background_weight * background + recipe.own_weight * pulled
    return pushed, costs
