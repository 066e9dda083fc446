"""Weight files: safetensors with the architecture in their metadata, in float16 or float32."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save

from cardembed._io import atomic_write_bytes, sha256_bytes
from cardembed._sizes import check_size
from cardembed._version import __version__
from cardembed.errors import DigestMismatchError, ReleaseError
from cardembed.models.embedding import EmbeddingModel
from cardembed.models.profiles import EMBEDDING_DIM, target_profile
from cardembed.models.profiles import architecture as known_architecture
from cardembed.models.student import StudentModel
from cardembed.models.teacher import DINOv3TeacherModel

__all__ = ["build_architecture", "build_model", "load_weights", "read_metadata", "save_weights"]

FORMAT = "cardembed-weights-1"
_DTYPES = {"float16": torch.float16, "float32": torch.float32}


def build_architecture(name: str, embedding_dim: int = EMBEDDING_DIM) -> EmbeddingModel:
    """An untrained model of an architecture: a teacher for the DINOv3 names, else a student."""
    known = known_architecture(name)
    if known.name.startswith("dinov3_"):
        return DINOv3TeacherModel(known.name, embedding_dim)
    return StudentModel(known.name, embedding_dim)


def build_model(
    profile: str, target: str, *, seed: int | None = None, architecture: str | None = None
) -> EmbeddingModel:
    """The untrained model of a profile's target; equal weights for equal seeds.

    Args:
        profile: Its name.
        target: Of the profile.
        seed: Decides the weights; PyTorch's generator without.
        architecture: One of the target's fallbacks; the profile's choice without.

    Raises:
        UnknownTargetError: No such profile or target, or no architecture of this target.
    """
    name = target_profile(profile, target).choose(architecture).name
    if seed is None:
        return build_architecture(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_architecture(name)


def save_weights(
    model: EmbeddingModel,
    path: Path | str,
    *,
    dtype: str = "float16",
    metadata: Mapping[str, object] | None = None,
) -> str:
    """Write a model's weights atomically.

    Args:
        model: Teacher or student.
        path: A `.safetensors` file.
        dtype: "float16" (what a release ships) or "float32".
        metadata: JSON values to keep in the file's header, such as training figures.

    Returns:
        SHA-256 of the file, 64 hex digits.

    Raises:
        ReleaseError: A weight is not finite, or too large for float16.
    """
    tensors = {}
    for name, value in model.state_dict().items():
        cast = value.detach().to("cpu", _DTYPES[dtype] if value.is_floating_point() else value.dtype)
        if not bool(torch.isfinite(cast).all()):
            raise ReleaseError(
                path,
                expected=f"finite weights in {dtype}",
                found=f"a value in {name} that is not",
                action="train again, or write float32",
            )
        tensors[name] = cast.contiguous()
    header = {
        "format": FORMAT,
        "architecture": model.architecture.name,
        "embedding_dim": str(model.embedding_dim),
        "cardembed": __version__,
        **{key: json.dumps(value, sort_keys=True) for key, value in sorted((metadata or {}).items())},
    }
    data = _in_order(save(tensors, metadata=header))
    atomic_write_bytes(path, data)
    return sha256_bytes(data)


def _in_order(data: bytes) -> bytes:
    """A safetensors file with its metadata sorted: the library's order changes from one write to the next."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # tensors stay aligned
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def _unreadable(path: Path, found: str) -> ReleaseError:
    return ReleaseError(
        path,
        expected="a weight file of cardembed (.safetensors)",
        found=found,
        action="name a file that `cardembed train` wrote",
    )


def read_metadata(path: Path | str) -> dict[str, str]:
    """The header of a weight file: format, architecture, embedding_dim and what training added.

    Raises:
        ReleaseError: Not a weight file of cardembed.
    """
    path = Path(path)
    if not path.is_file():
        raise _unreadable(path, "no such file")
    try:
        with safe_open(path, framework="pt") as file:
            header: dict[str, str] = dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, str(error)) from error
    if header.get("format") != FORMAT:
        raise _unreadable(path, f"format {header.get('format')!r}")
    return header


def load_weights(path: Path | str, *, sha256: str | None = None) -> EmbeddingModel:
    """Build the model that a weight file describes, in float32 and evaluation mode.

    Args:
        path: A file that `save_weights` wrote.
        sha256: What its digest must be; checked before the file is parsed.

    Raises:
        DigestMismatchError: The bytes are others than promised.
        ReleaseError: Unreadable, or its tensors do not fit its architecture.
        ArtefactError: It is larger than any weights.
    """
    path = Path(path)
    if not path.is_file():
        raise _unreadable(path, "no such file")
    check_size(path)
    data = path.read_bytes()
    if sha256 is not None and (found := sha256_bytes(data)) != sha256:
        raise DigestMismatchError(
            path, expected=f"SHA-256 {sha256}", found=found, action="fetch the release again"
        )
    header = read_metadata(path)
    try:
        model = build_architecture(header["architecture"], int(header["embedding_dim"]))
        state = {
            name: value.float() if value.is_floating_point() else value for name, value in load(data).items()
        }
        model.load_state_dict(state, strict=True)
    except (KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise _unreadable(path, str(error)) from error
    return model.eval()
