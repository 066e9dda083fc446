"""A compile kit's manifest, `kit.json`: what the kit is made of, and what it is made for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cardembed._io import sha256_bytes
from cardembed._validation import parse_record, read_limited, read_record
from cardembed.errors import ArtefactError
from cardembed.export.hailo.compiler import COMPILED, MANIFEST

__all__ = ["CompiledRecord", "Images", "KitManifest", "read_compiled", "read_kit"]

_LIMIT = 4 << 20
_SHA256 = r"^[0-9a-f]{64}$"
_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Images(BaseModel):
    """Development photos as the chip is given them."""

    model_config = _STRICT
    images: str
    """The file: (N, S, S, 3) uint8, RGB."""
    count: int = Field(gt=0)
    """How many."""
    digest: str = Field(pattern=_SHA256)
    """Over the pixels and their order."""
    photos_digest: str = Field(pattern=_SHA256)
    """Of the photo set that they were drawn from."""
    photos: tuple[Annotated[str, Field(pattern=_SHA256)], ...]
    """SHA-256 of each image's photo: none of them is a photo that a verdict is given on."""
    seed: int
    """Decided which."""
    embeddings: str | None = None
    """The file of the float student's answers (N, 768) float32, of length 1."""


class KitManifest(BaseModel):
    """What `kit.json` holds."""

    model_config = _STRICT
    format: Literal["cardembed-hailo-kit-1"] = "cardembed-hailo-kit-1"
    cardembed: str
    """The version that wrote it."""
    target: str
    """The target whose weights these are."""
    hw_arch: str
    """The chip, as the compiler calls it."""
    network: str
    """The network's name in the compiler: its architecture."""
    onnx: str
    """The file of the network: one normalised image (1, 3, S, S) to features (1, 768) of any length."""
    script: str
    """The file of the model script."""
    input: str
    """The network's input."""
    start_node_names: tuple[str, ...]
    """Where the parser starts."""
    end_node_names: tuple[str, ...]
    """Where it ends."""
    normalised: Literal["chip", "host"]
    """Who normalises once it is compiled."""
    preprocessing: dict[str, Any]
    """size, mean, std (of 0 to 1), interpolation."""
    embedding_dim: int
    """Length of the output."""
    weights_sha256: str = Field(pattern=_SHA256)
    """Of the weight file."""
    release_digest: str | None = Field(default=None, pattern=_SHA256)
    """Of the release that the weights are from."""
    sixteen_bit: tuple[str, ...] = ()
    """Layers that were named for 16 bits, besides those of the recipe."""
    calibration: Images
    """What ranges are measured on."""
    evaluation: Images
    """What the compiler's emulation is compared with the float student on."""
    files: dict[str, str]
    """SHA-256 of each file by its name."""
    tools: dict[str, str]
    """Versions of the packages that wrote the network."""


class CompiledRecord(BaseModel):
    """What `compiled.json` holds: how the HEF of a kit came about."""

    model_config = _STRICT
    hef: str
    """The file."""
    hef_sha256: str = Field(pattern=_SHA256)
    """Its digest."""
    kit_sha256: str = Field(pattern=_SHA256)
    """Digest of the `kit.json` that it was made from."""
    compiler: str
    """Version of hailo_sdk_client; empty where it states none."""
    emulated: dict[str, dict[str, float]]
    """As `cardembed.release.Compilation.emulated`."""
    images: int
    """Images that were compared."""
    seconds: float
    """How long it took."""


def read_kit(folder: Path) -> tuple[KitManifest, str]:
    """A kit's manifest and its SHA-256. `folder` may be the manifest itself.

    Raises:
        ArtefactError: There is none, or it is another file.
    """
    path = folder if folder.is_file() else folder / MANIFEST
    refused = partial(_bad, path)
    data = read_limited(path, refused, limit=_LIMIT)
    return parse_record(KitManifest, data, refused), sha256_bytes(data)


def read_compiled(folder: Path) -> CompiledRecord | None:
    """What the compiler's run left in a kit; None where it left nothing. `folder` may be the manifest itself.

    Raises:
        ArtefactError: It is another file.
    """
    path = (folder.parent if folder.is_file() else folder) / COMPILED
    if not path.is_file():
        return None
    return read_record(CompiledRecord, path, partial(_bad, path), limit=_LIMIT)


def _bad(path: Path, found: str) -> ArtefactError:
    return ArtefactError(
        path,
        expected="what `cardembed export hailo` or its compile.py wrote",
        found=found,
        action="name the folder of the kit, as it came back from the compiler",
    )
