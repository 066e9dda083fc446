"""Loading published backbone checkpoints: official DINOv3 and ConvNeXt files, from Meta or timm."""

from __future__ import annotations

import contextlib
import importlib
import io
import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from cardembed.errors import ReleaseError
from cardembed.models.embedding import EmbeddingModel

__all__ = ["BROKEN_PICKLE", "load_backbone", "read_state_dict"]

BROKEN_PICKLE = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    AttributeError,
    TypeError,
)
"""What PyTorch raises for bytes that are no checkpoint."""

_CLASSIFIER = ("head.fc.", "head.weight", "head.bias")


def _unusable(path: Path, found: str) -> ReleaseError:
    return ReleaseError(
        path,
        expected="a checkpoint of this backbone, .safetensors or .pth",
        found=found,
        action="download the checkpoint of this architecture again",
    )


def read_state_dict(path: Path | str) -> dict[str, Tensor]:
    """Read tensors by name from a `.safetensors` or a PyTorch file; nothing in the file is executed.

    Raises:
        ReleaseError: Missing, unreadable, or something else than tensors by name.
    """
    path = Path(path)
    if not path.is_file():
        raise _unusable(path, "no such file")
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        state: object = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, *BROKEN_PICKLE) as error:
        raise _unusable(path, f"{type(error).__name__}: {error}") from error
    for wrapper in ("state_dict", "model", "teacher"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise _unusable(path, "something else than tensors by name")
    return state


def load_backbone(model: EmbeddingModel, path: Path | str) -> int:
    """Load a published checkpoint into the backbone, strictly; the projection head stays as it is.

    Official DINOv3 names (`storage_tokens`, `ls1.gamma`, `rope_embed.periods`, …) are translated and patch
    embeddings of another size resampled by timm's own filters.

    Returns:
        The number of tensors loaded.

    Raises:
        ReleaseError: Unreadable, or its tensors are not this backbone's.
    """
    state = read_state_dict(path)
    module = importlib.import_module(type(model.backbone).__module__)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # timm's filter prints what it leaves out
            state = module.checkpoint_filter_fn(state, model.backbone)
        state = {name: value for name, value in state.items() if not name.startswith(_CLASSIFIER)}
        model.backbone.load_state_dict(state, strict=True)
    except (RuntimeError, KeyError, AttributeError, ValueError, AssertionError) as error:
        raise _unusable(Path(path), f"{type(error).__name__}: {error}") from error
    return len(state)
