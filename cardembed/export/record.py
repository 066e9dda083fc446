"""What stands beside an artefact: what it is, what it was made of and by what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from cardembed._io import atomic_write_json, sha256_artefact
from cardembed._sizes import size_of_artefact

__all__ = ["ExportRecord", "Port", "measure", "tool_versions", "write_record"]


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output."""

    name: str
    """As the file has it."""
    dtype: str
    """Such as "float32", or "image RGB"."""
    shape: tuple[int | str, ...]
    """A name or range stands for an axis that is not fixed."""


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """One export. JSON-able by `to_json`."""

    path: str
    """The artefact's name, without its folder."""
    format: str
    """"onnx", "ort", "mlpackage" or "mlmodel"."""
    sha256: str
    """Of the file, or `sha256_tree` of a package."""
    bytes: int
    """Size of the file, or of all files of a package; external data not included."""
    version: str
    """"opset 17", or "specification 7"."""
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    weights_sha256: str
    """Of the weight file that was exported."""
    metadata: dict[str, str]
    """What the artefact says about itself, its preprocessing included."""
    tools: dict[str, str]
    """Versions of the packages that wrote it."""
    quantisation: str = "none"
    """What was done to the numbers."""
    external_data: dict[str, str] | None = None
    """Files beside it that belong to it, with their SHA-256."""
    agreement: dict[str, Any] | None = None
    """Against the PyTorch model: 1 − cos, largest difference, inputs. None: it was not executed."""
    against_float: dict[str, Any] | None = None
    """Of a compressed artefact: its size's ratio and its agreement with the float one."""
    subnormal: dict[str, float] | None = None
    """Of a Core ML artefact: single float16 numbers, such as an eps, that hardware may take for 0."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def measure(path: Path) -> tuple[str, int]:
    """Digest and size of a file or package.

    Raises:
        ArtefactError: A package with a link, or without files.
    """
    return sha256_artefact(path), size_of_artefact(path)


def tool_versions(names: Iterable[str]) -> dict[str, str]:
    """Versions of installed packages by name."""
    return {name: metadata.version(name) for name in names}


def write_record(record: ExportRecord, artefact: Path) -> Path:
    """Write `<artefact>.json` atomically; gives its path."""
    path = artefact.with_name(f"{artefact.name}.json")
    atomic_write_json(path, record.to_json())
    return path
