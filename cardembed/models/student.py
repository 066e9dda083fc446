"""Students: the networks that are deployed, trained to repeat the teacher's embeddings."""

from __future__ import annotations

from pathlib import Path

from cardembed.models.checkpoints import load_backbone
from cardembed.models.embedding import EmbeddingModel
from cardembed.models.profiles import EMBEDDING_DIM
from cardembed.models.profiles import architecture as known_architecture

__all__ = ["StudentModel"]


class StudentModel(EmbeddingModel):
    """A backbone of the architecture table with the projection head; untrained without `backbone_weights`.

    Args:
        architecture: A name of the table, such as "convnext_tiny", "convnext_base" or "vit_small".
        embedding_dim: Length of the embeddings.
        backbone_weights: A checkpoint of the backbone, as Meta or timm publish it.

    Raises:
        UnknownTargetError: No such architecture; the message lists what exists.
        ReleaseError: The checkpoint is unreadable or does not fit.

    Example:
        >>> model = StudentModel("convnext_tiny", embedding_dim=768)
        >>> model(torch.randn(1, 3, 224, 224)).shape
        torch.Size([1, 768])
    """

    def __init__(
        self,
        architecture: str,
        embedding_dim: int = EMBEDDING_DIM,
        *,
        backbone_weights: Path | str | None = None,
    ) -> None:
        super().__init__(known_architecture(architecture), embedding_dim)
        if backbone_weights is not None:
            load_backbone(self, backbone_weights)
