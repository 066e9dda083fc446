"""Features of a frozen backbone, computed once: training a head on them costs minutes instead of hours."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from torch import nn

from cardembed._io import atomic_write_bytes, cache_root, sha256_bytes
from cardembed.models.embedding import EmbeddingModel
from cardembed.training.batches import to_input
from cardembed.training.precision import fast_precision, training_precision
from cardembed.training.views import ViewPool

__all__ = ["backbone_features", "in_parts", "module_digest", "square_features"]


def module_digest(module: nn.Module) -> str:
    """SHA-256 over a module's weights in their order."""
    parts = [value.detach().cpu().contiguous().numpy().tobytes() for value in module.state_dict().values()]
    return sha256_bytes(b"".join(parts))


def in_parts(
    path: Path,
    total: int,
    compute: Callable[[int, int], NDArray[np.generic]],
    *,
    size: int = 1024,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[Any]:
    """An array computed part by part into a file; a run that was cut off goes on after its last part.

    Args:
        path: The `.npy` file; read back where it is.
        total: Number of rows.
        compute: Gives rows `start` to `stop`.
        size: Rows a part.
        progress: Called with the rows done and their total.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.is_file():
            parts = path.with_suffix(".parts")
            parts.mkdir(exist_ok=True)
            files = []
            for start in range(0, total, size):
                stop = min(start + size, total)
                files.append(parts / f"{start}.npy")
                if not files[-1].is_file():
                    _save(files[-1], compute(start, stop))
                if progress is not None:
                    progress(stop, total)
            _save(path, np.concatenate([np.load(file) for file in files]))
            shutil.rmtree(parts)
    array: NDArray[Any] = np.load(path)
    return array


def _save(path: Path, array: NDArray[Any]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array)
    atomic_write_bytes(path, buffer.getvalue())


@torch.no_grad()
def square_features(
    model: EmbeddingModel, squares: NDArray[np.uint8], *, batch: int = 64
) -> NDArray[np.float16]:
    """Pooled features (N, features) float16 of squares (N, S, S, 3) uint8, in evaluation mode."""
    was_training = model.training
    model.eval()
    with fast_precision(model):
        parts = [
            model.backbone(to_input(squares[start : start + batch])).half().numpy()
            for start in range(0, len(squares), batch)
        ]
    model.train(was_training)
    features: NDArray[np.float16] = np.concatenate(parts)
    return features


def backbone_features(
    model: EmbeddingModel,
    pool: ViewPool,
    *,
    count: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float16]:
    """Pooled features (views, features) float16 of a pool's views at full size, kept in the cache.

    Args:
        model: Its backbone is used as it is.
        pool: Views with squares at the model's input size.
        count: Only the first so many views; all without.
        progress: Called with the views done and their total.
    """
    squares = pool.squares(model.input_size)[:count]
    part = "" if count is None else f"-{len(squares)}"
    return in_parts(
        cache_root()
        / "features"
        / f"{module_digest(model.backbone)[:32]}-{pool.key}-{training_precision()}{part}.npy",
        len(squares),
        lambda start, stop: square_features(model, squares[start:stop]),
        progress=progress,
    )
