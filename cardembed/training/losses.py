"""Losses beside ArcFace, the distillation loss, and the signs of a collapsing embedding space."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed.errors import TrainingError

__all__ = ["Gallery", "distillation_loss", "guard_collapse", "push_from"]


class Gallery:
    """The catalogue's embeddings as of the last refresh, and which cards show the same artwork.

    Args:
        artworks: The artwork group of each card, in the catalogue's order.
    """

    def __init__(self, artworks: list[str]) -> None:
        groups = {name: number for number, name in enumerate(dict.fromkeys(artworks))}
        numbers = torch.tensor([groups[name] for name in artworks])
        self.other_artwork = numbers[:, None] != numbers[None, :]
        """(cards, cards) bool: whether two cards show different artwork."""
        self.embeddings = torch.zeros(len(artworks), 0)
        """(cards, 768) unit vectors; (cards, 0) before the first refresh."""

    def pair_quantile(self, share: float) -> float:
        """Quantile of the cosine between cards of different artwork."""
        cosine = self.embeddings @ self.embeddings.T
        upper = torch.triu(self.other_artwork, diagonal=1)
        values = cosine[upper]
        return float(torch.quantile(values[:: max(1, len(values) // 200_000)], share)) if len(values) else 0.0


def push_from(embeddings: Tensor, gallery: Tensor, ceiling: float, allowed: Tensor | None = None) -> Tensor:
    """Sum of squared excesses of the cosine over `ceiling`, averaged over the embeddings.

    Args:
        embeddings: (N, D) unit vectors.
        gallery: (cards, D) unit vectors, taken as constant.
        ceiling: Cosines below it cost nothing.
        allowed: (N, cards) bool; pairs that count, all without.
    """
    if not len(embeddings):
        return embeddings.sum()
    excess = F.relu(embeddings.float() @ gallery.detach().T - ceiling)
    if allowed is not None:
        excess = excess * allowed
    return excess.square().sum(1).mean()


def distillation_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared distance summed over dimensions, averaged over images: 2 − 2cos for unit vectors.

    Averaged over 768 dimensions instead, it would be 1.3e-4 at cosine .95 and nearly without gradient.
    """
    return (student.float() - teacher.float()).square().sum(1).mean()


def guard_collapse(loss: float, centre_cosine: float | None, *, step: int) -> None:
    """Stop a run that has gone wrong, before it spends the rest of its time.

    Args:
        loss: The current loss.
        centre_cosine: Mean cosine between class weights and their cards' embeddings, None early on.
        step: For the message.

    Raises:
        TrainingError: A loss that is not finite, or class weights that point away from their cards: then
            the embeddings have collapsed into a cone, though top-1 may still look good.
    """
    if not math.isfinite(loss):
        raise TrainingError(
            f"step {step}", expected="a finite loss", found=str(loss), action="lower --learning-rate"
        )
    if centre_cosine is not None and centre_cosine < 0:
        raise TrainingError(
            f"step {step}",
            expected="class weights that point to their cards (mean cosine ≥ 0)",
            found=f"mean cosine {centre_cosine:.2f}: the embeddings have collapsed",
            action="ramp the margin over a longer time, lower --scale, or start from pretrained weights",
        )
