"""A backbone with a projection head: what teacher and students have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from torch import Tensor, nn

from cardembed._imports import require
from cardembed.errors import EmbeddingError
from cardembed.models.heads import ProjectionHead
from cardembed.models.profiles import EMBEDDING_DIM, Architecture

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EmbeddingModel"]


class EmbeddingModel(nn.Module):
    """Images to unit vectors.

    Args:
        architecture: A row of the architecture table.
        embedding_dim: Length of the embeddings.
        dropout: Share of the projection head's hidden units dropped in training.
        overrides: Arguments of `timm.create_model` that replace the table's.
    """

    def __init__(
        self,
        architecture: Architecture,
        embedding_dim: int = EMBEDDING_DIM,
        *,
        dropout: float = 0.1,
        overrides: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__()
        timm = require("timm", extra="train")
        self.architecture = architecture
        self.embedding_dim = embedding_dim
        arguments = {**architecture.timm_kwargs, **(overrides or {})}
        self.backbone: nn.Module = timm.create_model(architecture.timm_name, num_classes=0, **arguments)
        self.head = ProjectionHead(cast("int", self.backbone.num_features), embedding_dim, dropout=dropout)

    @property
    def input_size(self) -> int:
        """Side in pixels of the square input that the architecture is meant for."""
        return self.architecture.input_size

    def forward(self, images: Tensor) -> Tensor:
        """Preprocessed images (N, 3, S, S) float, to unit vectors (N, embedding_dim).

        Convolutional networks take any size, transformers multiples of their patch: position is relative.

        Raises:
            EmbeddingError: Not a batch of three-channel images.
        """
        if images.ndim != 4 or images.shape[1] != 3:
            size = self.input_size
            raise EmbeddingError(
                f"images for {self.architecture.name}",
                expected=f"shape (N, 3, {size}, {size})",
                found=f"shape {tuple(images.shape)}",
                action="pass preprocessed images, channels first",
            )
        return cast("Tensor", self.head(self.backbone(images)))
