"""The teacher: a DINOv3 vision transformer with the projection head."""

from __future__ import annotations

from pathlib import Path

from cardembed.errors import UnknownTargetError
from cardembed.models.checkpoints import load_backbone
from cardembed.models.embedding import EmbeddingModel
from cardembed.models.profiles import ARCHITECTURES, EMBEDDING_DIM, architecture

__all__ = ["DINOv3TeacherModel"]


class DINOv3TeacherModel(EmbeddingModel):
    """DINOv3-ViT-L/14 at 518 × 518 with a head to 768 dimensions; without `backbone_weights`, untrained.

    DINOv3 was published with patches of 16 pixels; its official weights are resampled to the PRD's 14.

    Args:
        name: An architecture: "dinov3_vit_large" (the PRD's), "dinov3_vit_large_16" (512 × 512, 16-pixel
            patches: 0.7 of the cost) or "dinov3_vit_tiny" (the reference profile's, 128 × 128).
        embedding_dim: Length of the embeddings.
        backbone_weights: A DINOv3 checkpoint, as Meta (`.pth`) or timm (`.safetensors`) publishes it.

    Raises:
        UnknownTargetError: Not a teacher's architecture.
        ReleaseError: The checkpoint is unreadable or does not fit.
    """

    def __init__(
        self,
        name: str = "dinov3_vit_large",
        embedding_dim: int = EMBEDDING_DIM,
        *,
        backbone_weights: Path | str | None = None,
    ) -> None:
        if not name.startswith("dinov3_"):
            raise UnknownTargetError(
                f"teacher architecture {name!r}",
                expected="one of " + ", ".join(item for item in ARCHITECTURES if item.startswith("dinov3_")),
                found=repr(name),
                action="choose one of these, or use StudentModel",
            )
        super().__init__(architecture(name), embedding_dim)
        if backbone_weights is not None:
            load_backbone(self, backbone_weights)
