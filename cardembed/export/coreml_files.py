"""Equal bytes for equal conversions: what Core ML tools write at random is replaced by what it names."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from cardembed._imports import require
from cardembed._io import atomic_write_bytes, canonical_json

__all__ = ["normalise_package"]


def normalise_package(path: Path) -> None:
    """Rewrite a saved `.mlpackage` or `.mlmodel` so that its bytes depend on its content alone.

    A package's manifest names its items by random UUIDs: they become UUIDs of the items' paths. Protobuf
    maps come in any order: they are sorted.
    """
    manifest = path / "Manifest.json"
    spec_file = path
    if path.is_dir():
        content = json.loads(manifest.read_bytes())
        names = {old: _name(item["path"]) for old, item in content["itemInfoEntries"].items()}
        root = content["itemInfoEntries"][content["rootModelIdentifier"]]["path"]
        content["itemInfoEntries"] = {names[old]: item for old, item in content["itemInfoEntries"].items()}
        content["rootModelIdentifier"] = names[content["rootModelIdentifier"]]
        atomic_write_bytes(manifest, canonical_json(content))
        spec_file = path / "Data" / root
    utils: Any = require("coremltools", extra="coreml").utils
    spec = utils.load_spec(str(path))
    atomic_write_bytes(spec_file, spec.SerializeToString(deterministic=True))


def _name(path: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://apple.com/coreml/{path}")).upper()
