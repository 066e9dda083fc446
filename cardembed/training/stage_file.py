"""A stage's weights, written when it ends: the run's folder is enough to go on, on any machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save

from cardembed._io import atomic_write_bytes
from cardembed.errors import TrainingError
from cardembed.models.embedding import EmbeddingModel
from cardembed.models.heads import ArcFaceHead

__all__ = ["Ended", "StageFile"]

Ended = dict[str, dict[str, float]]
"""The last log record of each stage so far, by the stage's name."""


@dataclass(frozen=True)
class StageFile:
    """The model and ArcFace's class vectors after a stage, in float16."""

    path: Path
    """A `.safetensors` file."""
    key: str
    """Digest of what the stage follows from: first weights, cards, settings of all stages up to it."""

    def write(self, model: EmbeddingModel, head: ArcFaceHead, ended: Ended) -> None:
        """Write it atomically.

        Raises:
            TrainingError: A weight is not finite in float16.
        """
        modules = {"model": model, "arcface": head}
        tensors = {
            f"{prefix}.{name}": value.detach().half() if value.is_floating_point() else value
            for prefix, module in modules.items()
            for name, value in module.state_dict().items()
        }
        for name, value in tensors.items():
            if not bool(torch.isfinite(value).all()):
                raise TrainingError(
                    self.path,
                    expected="finite weights in float16",
                    found=f"a value in {name} that is not",
                    action="train this stage again with a lower learning rate",
                )
        header = {"key": self.key, "ended": json.dumps(ended)}
        atomic_write_bytes(self.path, save(tensors, metadata=header))

    def read(self, model: EmbeddingModel, head: ArcFaceHead) -> Ended | None:
        """Load what was written into both; None, and nothing loaded, where there is none of this key.

        Raises:
            TrainingError: There is one, damaged.
        """
        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                header = file.metadata() or {}
            if header.get("key") != self.key:
                return None
            tensors = load(self.path.read_bytes())
            ended: Ended = json.loads(header["ended"])
            for prefix, module in (("model", model), ("arcface", head)):
                names = module.state_dict()
                module.load_state_dict({name: tensors[f"{prefix}.{name}"].float() for name in names})
        except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
            raise TrainingError(
                self.path,
                expected="the weights that a stage of this run left",
                found=f"{type(error).__name__}: {error}",
                action="delete the file: the stage before it, or its checkpoint, is gone on from",
            ) from error
        return ended
