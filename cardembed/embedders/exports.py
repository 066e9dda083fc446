"""ONNX files derived from a release's weights at first use, kept in the cache by the weights' digest."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from filelock import FileLock

from cardembed._imports import require
from cardembed._io import atomic_write_json, cache_root, sha256_file
from cardembed.release import Release

__all__ = ["exported_onnx"]


def exported_onnx(release: Release, target: str) -> tuple[Path, str]:
    """The ONNX file of a target and its SHA-256: the release's own, else exported here once.

    Only the export needs PyTorch. One process exports, others wait for it; a file that does not fit the
    digest noted beside it is exported anew.

    Raises:
        UnavailableError: The release ships no ONNX for the target, none was exported before, no PyTorch.
        ExportError: The export differs from the weights.
        ReleaseError: The release ships neither ONNX nor weights, or other bytes than it promises.
    """
    shipped = release.artefact(target, "onnx")
    if shipped is not None:
        return release.path(shipped), shipped.sha256
    weights = release.weights(target)
    folder = cache_root() / "exports" / weights.sha256
    file = folder / f"{release.target(target).architecture}.onnx"
    release.read(weights)  # what was derived from them stands for them only while they are what is promised
    digest = _known(file)
    if digest is not None:
        return file, digest
    require("torch", extra="train")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{file.name}.lock"):
        digest = _known(file)
        if digest is None:
            digest = _export(release, target, file)
    return file, digest


def _known(file: Path) -> str | None:
    try:
        digest = json.loads(_note(file).read_bytes())["sha256"]
        return str(digest) if sha256_file(file) == digest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _export(release: Release, target: str, file: Path) -> str:
    from cardembed.export.onnx import export_to_onnx
    from cardembed.models.weights import load_weights

    weights = release.weights(target)
    model = load_weights(release.path(weights), sha256=weights.sha256)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".export.") as temporary:
        made = Path(export_to_onnx(model, temporary))
        digest = sha256_file(made)
        made.replace(file)
    atomic_write_json(
        _note(file), {"sha256": digest, "bytes": file.stat().st_size, "weights": weights.sha256}
    )
    return digest


def _note(file: Path) -> Path:
    return file.with_suffix(".json")
