"""The loss of stage 0: photos find their scan among scans, and what is no card finds none."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed.models.heads import COSINE_LIMIT, add_margin

__all__ = ["ContrastiveHead"]


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

    def forward(self, photos: Tensor, scans: Tensor, unknowns: Tensor) -> Tensor:
        """Mean loss of photos against scans, scans against photos, and unknowns against scans.

        Args:
            photos: (cards, D) unit vectors, of cards that are different from each other.
            scans: (cards, D) unit vectors of the same cards in the same order.
            unknowns: (N, D) unit vectors of what is no card; N may be 0.
        """
        background = F.normalize(self.background, dim=0)[None]
        gallery = torch.cat([background, scans.float()])
        number = torch.arange(1, len(scans) + 1)
        loss = F.cross_entropy(self._logits(photos, gallery, number), number)
        back = self._logits(scans, torch.cat([background, photos.float()]), number)
        loss = loss + F.cross_entropy(back, number)
        if len(unknowns):
            nothing = torch.zeros(len(unknowns), dtype=torch.int64)
            loss = loss + F.cross_entropy(self._logits(unknowns, gallery, nothing), nothing)
        return loss

    def _logits(self, embeddings: Tensor, classes: Tensor, labels: Tensor) -> Tensor:
        cosine = (embeddings.float() @ classes.T).clamp(-COSINE_LIMIT, COSINE_LIMIT)
        own = cosine.gather(1, labels[:, None])
        return self.scale * cosine.scatter(1, labels[:, None], add_margin(own, self.margin))
