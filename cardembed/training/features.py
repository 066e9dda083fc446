"""Features of a frozen backbone, computed once: training a head on them costs minutes instead of hours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray

from cardembed._io import cache_root, sha256_bytes
from cardembed.models.embedding import EmbeddingModel
from cardembed.training.batches import to_input
from cardembed.training.views import ViewPool

__all__ = ["backbone_digest", "backbone_features", "square_features"]


def backbone_digest(model: EmbeddingModel) -> str:
    """SHA-256 over the backbone's weights in their order."""
    parts = [
        value.detach().cpu().contiguous().numpy().tobytes() for value in model.backbone.state_dict().values()
    ]
    return sha256_bytes(b"".join(parts))


@torch.no_grad()
def square_features(
    model: EmbeddingModel,
    squares: NDArray[np.uint8],
    *,
    batch: int = 64,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float16]:
    """Pooled features (N, features) float16 of squares (N, S, S, 3) uint8, in evaluation mode."""
    was_training = model.training
    model.eval()
    parts = []
    for start in range(0, len(squares), batch):
        parts.append(model.backbone(to_input(squares[start : start + batch])).half().numpy())
        if progress is not None:
            progress(min(start + batch, len(squares)), len(squares))
    model.train(was_training)
    features: NDArray[np.float16] = np.concatenate(parts)
    return features


def backbone_features(
    model: EmbeddingModel, pool: ViewPool, *, progress: Callable[[int, int], None] | None = None
) -> NDArray[np.float16]:
    """Pooled features (views, features) float16 of a pool's views at full size, kept in the cache.

    Args:
        model: Its backbone is used as it is.
        pool: Views with squares at the model's input size.
        progress: Called with the views done and their total.
    """
    path = cache_root() / "features" / f"{backbone_digest(model)[:32]}-{pool.key}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.is_file():
            partial = path.with_suffix(".part.npy")
            np.save(partial, square_features(model, pool.squares(model.input_size), progress=progress))
            partial.replace(path)
    array: NDArray[np.float16] = np.load(path)
    return array
