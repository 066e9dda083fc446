"""What ArcFace's classes are in both of the teacher's stages: the catalogue's cards, and one for no card."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed.models.heads import ArcFaceHead
from cardembed.training.losses import Gallery, crowding, pull_to, push_from
from cardembed.training.recipes import Push
from cardembed.training.view_plan import UNKNOWN_CARD
from cardembed.training.views import ViewPool

__all__ = [
    "badly_placed",
    "class_means",
    "drawn_scans",
    "enrolled_costs",
    "teacher_loss",
    "view_floors",
    "view_labels",
]

STRANGER = -1
"""Label of a card outside the catalogue: it is kept away from the gallery, and belongs to no class."""


def view_labels(pool: ViewPool, cards: int) -> Tensor:
    """(views,) int64: the card's number, `cards` for what is no card, −1 for a card outside the catalogue."""
    labels = np.where(pool.cards >= 0, pool.cards, cards)
    return torch.from_numpy(np.where(pool.families == UNKNOWN_CARD, STRANGER, labels).astype(np.int64))


def view_floors(pool: ViewPool, push: Push) -> Tensor:
    """(views,) float32: how near to its card each view is pulled, by its condition."""
    hidden = np.isin(pool.conditions, ("occluded", "glare"))
    return torch.from_numpy(np.where(hidden, push.hidden_floor, push.own_floor).astype(np.float32))


def class_means(embeddings: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Mean embedding (classes, D) of each class; a class without views gets a random direction."""
    known = labels >= 0
    sums = torch.zeros(classes, embeddings.shape[1]).index_add_(0, labels[known], embeddings[known].float())
    empty = torch.bincount(labels[known], minlength=classes) == 0
    sums[empty] = torch.randn(int(empty.sum()), embeddings.shape[1])
    return F.normalize(sums, dim=1)


def teacher_loss(
    head: ArcFaceHead, embeddings: Tensor, labels: Tensor, floors: Tensor, *, gallery: Gallery, push: Push
) -> tuple[Tensor, dict[str, float]]:
    """ArcFace over cards and no card, and the distances to gallery embeddings that the verdict looks at.

    Args:
        head: With one class a card and a last one for no card.
        embeddings: (N, D) unit vectors.
        labels: (N,) as `view_labels` gives them.
        floors: (N,) as `view_floors` gives them.
        gallery: The catalogue's embeddings, followed by those of other cards.
        push: Ceilings and weights.

    Returns:
        The loss, and figures of the batch.
    """
    nothing = len(head.weight) - 1
    classed, known = labels >= 0, (labels >= 0) & (labels < nothing)
    logits = head(embeddings[classed], labels[classed])
    arcface = F.cross_entropy(logits, labels[classed])
    unknown = push_from(embeddings[~known], gallery.embeddings, push.unknown_ceiling)
    own, cards = embeddings[known], labels[known]
    other = push_from(own, gallery.embeddings, push.other_ceiling, gallery.others_of(cards))
    no_card = head.classes[nothing:]
    background = push_from(embeddings[labels != nothing], no_card, push.background_ceiling)
    pulled = pull_to(own, gallery.embeddings[cards], floors[known])
    pulled = pulled + pull_to(embeddings[labels == nothing], no_card, push.own_floor)
    loss = (
        arcface
        + push.unknown_weight * unknown
        + push.other_weight * other
        + push.background_weight * background
        + push.own_weight * pulled
    )
    with torch.no_grad():
        plain = F.normalize(embeddings[classed].float(), dim=1) @ head.classes.T
        cosine = (own * gallery.embeddings[cards]).sum(1)
        clean = floors[known] > push.hidden_floor
        strange = embeddings[~known] @ gallery.embeddings.T
        return loss, {
            "loss": loss.item(),
            "arcface": arcface.item(),
            "unknown": unknown.item(),
            "other": other.item(),
            "background": background.item(),
            "pulled": pulled.item(),
            "accuracy": (plain.argmax(1) == labels[classed]).float().mean().item(),
            "own_cosine": cosine.mean().item() if len(own) else 0.0,
            "clean_cosine": cosine[clean].mean().item() if clean.any() else 0.0,
            "unknown_cosine": strange.max(1).values.mean().item() if len(strange) else 0.0,
        }


@torch.no_grad()
def badly_placed(head: ArcFaceHead, gallery: Gallery, push: Push) -> Tensor:
    """What each card of the gallery costs where it is, (cards, 2): among other cards, and among non-cards."""
    costs = []
    for rows in torch.split(torch.arange(len(gallery)), 512):
        embeddings = gallery.embeddings[rows]
        other = crowding(embeddings, gallery.embeddings, push.other_ceiling, gallery.others_of(rows))
        background = crowding(embeddings, head.classes[-1:], push.background_ceiling)
        costs.append(torch.stack([other, background], dim=1))
    return torch.cat(costs)


def drawn_scans(costs: Tensor, count: int, generator: np.random.Generator) -> Tensor:
    """Numbers (count,) of cards of the gallery: half of them any, the rest by what they cost where they are.

    One scan among the non-cards answers for all of them, and one in a hundred would rarely be drawn; among
    thousands of crowded ones it would not be, either, so that each of the two costs has draws of its own.

    Args:
        costs: (cards, 2) as `badly_placed` gives them.
        count: How many.
        generator: Decides which.
    """
    quarter = count // 4
    drawn = [generator.integers(len(costs), size=count - 2 * quarter)]
    drawn += [
        generator.choice(len(cost), size=quarter, p=cost / cost.sum())
        for cost in costs.double().numpy().T + 1e-9
    ]
    return torch.from_numpy(np.concatenate(drawn))


def enrolled_costs(
    head: ArcFaceHead, embeddings: Tensor, rows: Tensor, gallery: Gallery, push: Push
) -> Tensor:
    """What scans in the gallery cost that lie where other scans do, or where non-cards do.

    Args:
        head: Its last class is no card.
        embeddings: (N, D) unit vectors of scans.
        rows: (N,) int64, their numbers in the gallery.
        gallery: As of the last refresh.
        push: Ceilings and weights.
    """
    other = push_from(embeddings, gallery.embeddings, push.other_ceiling, gallery.others_of(rows))
    background = push_from(embeddings, head.classes[-1:], push.background_ceiling)
    return push.crowding_weight * other + push.background_weight * background
