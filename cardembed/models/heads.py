"""The projection head that makes embeddings, and the ArcFace head that trains them."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed.errors import EmbeddingError
from cardembed.models.profiles import EMBEDDING_DIM

__all__ = ["COSINE_LIMIT", "ArcFaceHead", "ProjectionHead", "add_margin"]

COSINE_LIMIT = 1 - 1e-6
"""Cosines are clamped to ± this: beyond, the gradient of the sine explodes."""


class ProjectionHead(nn.Module):
    """Linear, GELU, dropout, linear, L2 normalisation.

    Args:
        features: Length of the backbone's features.
        embedding_dim: Length of the embedding, and of the hidden layer.
        dropout: Share of hidden units dropped in training.
    """

    def __init__(self, features: int, embedding_dim: int = EMBEDDING_DIM, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features, embedding_dim),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(embedding_dim, embedding_dim),
        )

    @property
    def dropout(self) -> float:
        """Share of hidden units dropped in training; may be set."""
        return cast("nn.Dropout", self.layers[2]).p

    @dropout.setter
    def dropout(self, share: float) -> None:
        cast("nn.Dropout", self.layers[2]).p = share

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, features) to unit vectors (N, embedding_dim) of the same dtype."""
        return F.normalize(self.layers(features), dim=1)


def add_margin(cosine: Tensor, margin: float) -> Tensor:
    """cos(θ + margin) of cosines in [−1 + 1e-6, 1 − 1e-6], float32, of any shape.

    Where θ + margin would pass π, cos θ − margin·sin(π − margin) continues the curve (arXiv 1801.07698).
    """
    sine = (1 - cosine.square()).sqrt()
    turned = cosine * math.cos(margin) - sine * math.sin(margin)
    beyond = cosine - margin * math.sin(math.pi - margin)
    return torch.where(cosine > math.cos(math.pi - margin), turned, beyond)


class ArcFaceHead(nn.Module):
    """Logits s·cos(θ + m) of the own class and s·cos θ of all others (arXiv 1801.07698).

    Where θ + m would pass π, cos θ − m·sin(π − m) continues the curve; cosines are clamped to ±(1 − 1e-6),
    beyond which the gradient of the sine explodes; everything is computed in float32, also under autocast,
    because a bfloat16 logit at scale 64 moves in steps of .25.

    Args:
        embedding_dim: Length of the embeddings.
        num_classes: Number of cards.
        margin: m in radians; may be assigned between steps, for a ramp.
        scale: s.
    """

    def __init__(
        self, embedding_dim: int, num_classes: int, margin: float = 0.5, scale: float = 64.0
    ) -> None:
        super().__init__()
        self.margin = margin
        self.scale = scale
        self.weight = nn.Parameter(F.normalize(torch.randn(num_classes, embedding_dim), dim=1))

    @property
    def classes(self) -> Tensor:
        """Unit class vectors (num_classes, embedding_dim), float32, with gradient."""
        return F.normalize(self.weight.float(), dim=1)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Logits (N, num_classes), float32, for a cross-entropy with the same labels.

        Args:
            embeddings: (N, embedding_dim), any length, any floating dtype.
            labels: (N,) int64 class numbers.

        Raises:
            EmbeddingError: Shapes that do not fit together.
        """
        expected = (labels.numel(), self.weight.shape[1])
        if embeddings.ndim != 2 or tuple(embeddings.shape) != expected or labels.ndim != 1:
            raise EmbeddingError(
                "ArcFaceHead",
                expected=f"embeddings {expected} for {labels.numel()} labels",
                found=f"embeddings {tuple(embeddings.shape)}, labels {tuple(labels.shape)}",
                action="pass one label an embedding",
            )
        with torch.autocast(embeddings.device.type, enabled=False):
            cosine = F.normalize(embeddings.float(), dim=1) @ self.classes.T
            cosine = cosine.clamp(-COSINE_LIMIT, COSINE_LIMIT)
            own = cosine.gather(1, labels[:, None])
            return self.scale * cosine.scatter(1, labels[:, None], add_margin(own, self.margin))

    @torch.no_grad()
    def imprint(self, class_means: Tensor) -> None:
        """Start from known class centres (num_classes, embedding_dim).

        Without it, or a margin ramp, ArcFace with few images a class pulls all embeddings together.
        """
        if class_means.shape != self.weight.shape or not bool(torch.isfinite(class_means).all()):
            raise EmbeddingError(
                "ArcFaceHead.imprint",
                expected=f"finite class means of shape {tuple(self.weight.shape)}",
                found=f"shape {tuple(class_means.shape)}, or values that are not finite",
                action="pass one mean embedding a class",
            )
        self.weight.copy_(F.normalize(class_means.float(), dim=1))
