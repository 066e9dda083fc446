"""Losses beside ArcFace, the distillation loss, and the signs of a collapsing embedding space."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed.errors import TrainingError

__all__ = [
    "COLLAPSED_PAIRS",
    "Gallery",
    "artwork_numbers",
    "crowding",
    "distillation_loss",
    "guard_collapse",
    "nearest_loss",
    "pull_to",
    "push_from",
]


def artwork_numbers(artworks: Sequence[str]) -> Tensor:
    """(cards,) int64: equal where cards share artwork."""
    groups = {name: number for number, name in enumerate(dict.fromkeys(artworks))}
    return torch.tensor([groups[name] for name in artworks])


class Gallery:
    """What a verdict searches, as of the last refresh: the catalogue's embeddings, then those of other cards.

    Args:
        artworks: The artwork group of each card.
        learned: How many of them, the first, are the catalogue's; all without.
    """

    def __init__(self, artworks: Sequence[str], *, learned: int | None = None) -> None:
        self._numbers = artwork_numbers(artworks)
        self.learned = len(artworks) if learned is None else learned
        self.embeddings = torch.zeros(len(artworks), 0)
        """(cards, 768) unit vectors; (cards, 0) before the first refresh."""

    def __len__(self) -> int:
        return len(self._numbers)

    def others_of(self, rows: Tensor) -> Tensor:
        """(rows, cards) bool: whether two cards show different artwork.

        Args:
            rows: (rows,) int64, numbers of cards of the gallery.
        """
        return self._numbers[rows][:, None] != self._numbers[None, :]

    def state_dict(self) -> dict[str, Tensor]:
        """For a checkpoint."""
        return {"embeddings": self.embeddings}

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        """From a checkpoint."""
        self.embeddings = state_dict["embeddings"]

    def signs(self, classes: Tensor) -> dict[str, float]:
        """Signs of collapse, for `guard_collapse`.

        Args:
            classes: (at least cards, 768) unit class vectors, the cards' first.

        Returns:
            "centre_cosine", the mean cosine between class vectors and their cards' embeddings, and
            "pair_p99", the 99th percentile of the cosine between cards of different artwork.
        """
        cards = self.embeddings[: self.learned]
        values = (cards @ self.embeddings.T)[self.others_of(torch.arange(self.learned))]
        values = values[:: max(1, len(values) // 200_000)]
        return {
            "centre_cosine": float((classes[: len(cards)] * cards).sum(1).mean()),
            "pair_p99": float(torch.quantile(values, 0.99)) if len(values) else 0.0,
        }


def crowding(embeddings: Tensor, gallery: Tensor, ceiling: float, allowed: Tensor | None = None) -> Tensor:
    """Sum (N,) of squared excesses of each embedding's cosines over `ceiling`.

    Args:
        embeddings: (N, D) unit vectors.
        gallery: (cards, D) unit vectors, taken as constant.
        ceiling: Cosines below it cost nothing.
        allowed: (N, cards) bool; pairs that count, all without.
    """
    excess = F.relu(embeddings.float() @ gallery.detach().T - ceiling)
    if allowed is not None:
        excess = excess * allowed
    return excess.square().sum(1)


def push_from(embeddings: Tensor, gallery: Tensor, ceiling: float, allowed: Tensor | None = None) -> Tensor:
    """`crowding`, averaged over the embeddings; 0 where there are none."""
    if not len(embeddings):
        return embeddings.sum()
    return crowding(embeddings, gallery, ceiling, allowed).mean()


def pull_to(embeddings: Tensor, own: Tensor, floor: float | Tensor) -> Tensor:
    """Squared shortfall of the cosine below `floor`, averaged: what a verdict's distance limits look at.

    ArcFace alone stops caring once the own class wins: at s = 24 and m = .5 its loss is .07 at cosine .75.

    Args:
        embeddings: (N, D) unit vectors.
        own: (N, D) or (1, D) unit vectors that they belong to, taken as constant.
        floor: Cosines above it cost nothing; one for all, or (N,) one each.
    """
    if not len(embeddings):
        return embeddings.sum()
    cosine = (embeddings.float() * own.detach()).sum(1)
    return F.relu(floor - cosine).square().mean()


def distillation_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared distance summed over dimensions, averaged over images: 2 − 2cos for unit vectors.

    Averaged over 768 dimensions instead, it would be 1.3e-4 at cosine .95. AdamW alone does not mind, but
    beside another cost it would count 768 times less: docs/TRAINING.md has both cases.
    """
    return (student.float() - teacher.float()).square().sum(1).mean()


_LEAST_GAP = 5e-3
"""Of two embeddings of the teacher; views that are nearer than that nobody tells apart."""


def nearest_loss(student: Tensor, teacher: Tensor, neighbours: Tensor, *, margin: float) -> Tensor:
    """How far an image's advantage over its nearest others is below what the teacher gives it, averaged.

    AC-8 asks for the own teacher embedding among all photos', those of the same card included. The squared
    error alone is content with the middle of a card's photos, from which each of them is equally far. The
    advantage is counted in units of the teacher's own: 1 for a student that equals it, 0 where another image
    is as near. Nothing is gained beyond `margin`, so photos of a card are not held further apart than the
    teacher has them, as a cross-entropy would.

    Args:
        student: (N, D) unit vectors.
        teacher: (N, D) unit vectors of the same images.
        neighbours: (N, K, D) unit vectors: the teacher's of other images, near to the own one.
        margin: The share of the teacher's advantage that is enough, 0 to 1.
    """
    own = (student.float() * teacher.float()).sum(1, keepdim=True)
    others = torch.einsum("nd,nkd->nk", student.float(), neighbours.float())
    gap = 1 - torch.einsum("nd,nkd->nk", teacher.float(), neighbours.float())
    return F.relu(margin - (own - others) / gap.clamp_min(_LEAST_GAP)).mean()


COLLAPSED_PAIRS = 0.9
"""99th percentile of the cosine between cards of different artwork, above which a space has collapsed.

A healthy one ends below .5, AC-7's limit; one that has collapsed reaches .94 in the middle already.
"""


def guard_collapse(loss: float, signs: Mapping[str, float] | None, *, step: int) -> None:
    """Stop a run that has gone wrong, before it spends the rest of its time.

    Args:
        loss: The current loss.
        signs: What `Gallery.signs` says, or that of it which a stage knows; None early on, while embeddings
            are still alike.
        step: For the message.

    Raises:
        TrainingError: A loss that is not finite, class vectors that point away from their cards, or different
            cards that are alike: the embeddings have collapsed into a cone, though top-1 may still look good.
    """
    if not math.isfinite(loss):
        raise TrainingError(
            f"step {step}", expected="a finite loss", found=str(loss), action="lower --learning-rate"
        )
    if signs is None:
        return
    action = "ramp the margin over a longer time, lower --scale, or start from pretrained weights"
    if signs.get("centre_cosine", 1.0) < 0:
        raise TrainingError(
            f"step {step}",
            expected="class weights that point to their cards (mean cosine ≥ 0)",
            found=f"mean cosine {signs['centre_cosine']:.2f}: the embeddings have collapsed",
            action=action,
        )
    if signs["pair_p99"] > COLLAPSED_PAIRS:
        raise TrainingError(
            f"step {step}",
            expected=f"different cards apart (99th percentile of their cosine ≤ {COLLAPSED_PAIRS})",
            found=f"{signs['pair_p99']:.2f}: the embeddings have collapsed",
            action=action,
        )
