"""Reading and writing reference databases: `.npz`, and `.json` in the PRD's form."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from cardembed._io import atomic_write_bytes, canonical_json
from cardembed.errors import DatabaseError
from cardembed.retrieval.database import ReferenceDatabase

__all__ = ["read_database", "write_database"]

_SCHEMA = 1
_LARGEST = 4 << 30  # bytes unpacked: a million cards
_ARRAYS = {"schema_version", "ids", "embeddings", "artworks", "metadata"}


def write_database(database: ReferenceDatabase, path: Path) -> None:
    """Write atomically, in the format that the suffix names."""
    if path.suffix == ".npz":
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {
            "schema_version": np.int64(_SCHEMA),
            "ids": np.array(database.ids),
            "embeddings": database.embeddings,
            "metadata": np.frombuffer(canonical_json(database.metadata), dtype=np.uint8),
        }
        if database.artworks is not None:
            arrays["artworks"] = np.array(database.artworks)
        np.savez(buffer, **arrays)
        atomic_write_bytes(path, buffer.getvalue())
    elif path.suffix == ".json":
        # Not sorted: the order of the cards is the order of the rows.
        text = json.dumps(_as_json(database), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        atomic_write_bytes(path, text.encode() + b"\n")
    else:
        raise _unreadable(path, f"the suffix {path.suffix!r}")


def _as_json(database: ReferenceDatabase) -> dict[str, Any]:
    # Nine significant digits bring every float32 back exactly.
    rows = ([float(f"{number:.9g}") for number in row] for row in database.embeddings.tolist())
    content: dict[str, Any] = {
        "schema_version": _SCHEMA,
        "metadata": database.metadata,
        "embeddings": dict(zip(database.ids, rows, strict=True)),
    }
    if database.artworks is not None:
        content["artworks"] = dict(zip(database.ids, database.artworks, strict=True))
    return content


def read_database(path: Path) -> ReferenceDatabase:
    """Read either format.

    Raises:
        DatabaseError: Unreadable, another format, or content that `ReferenceDatabase` refuses.
    """
    if not path.is_file():
        raise _unreadable(path, "no such file")
    if path.suffix == ".npz":
        return _read_npz(path)
    if path.suffix == ".json":
        return _read_json(path)
    raise _unreadable(path, f"the suffix {path.suffix!r}")


def _read_npz(path: Path) -> ReferenceDatabase:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > _LARGEST:
                raise _unreadable(path, f"more than {_LARGEST >> 30} GB")
            names = [member.filename.removesuffix(".npy") for member in members]
        if (
            len(set(names)) != len(names)
            or not {"schema_version", "ids", "embeddings"} <= set(names) <= _ARRAYS
        ):
            raise _unreadable(path, f"the arrays {', '.join(sorted(names)) or '(none)'}")
        with np.load(path, allow_pickle=False) as data:
            version = int(data["schema_version"])
            ids = _strings(data["ids"])
            artworks = _strings(data["artworks"]) if "artworks" in data else None
            metadata = json.loads(data["metadata"].tobytes()) if "metadata" in data else {}
            embeddings = data["embeddings"]
    except DatabaseError:
        raise
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        raise _unreadable(path, f"a damaged file ({error})") from error
    _check_version(path, version)
    return ReferenceDatabase(ids, embeddings, artworks, metadata=_texts(path, metadata), source=str(path))


def _strings(array: Any) -> list[str]:  # noqa: ANN401 - what the file holds
    if array.ndim != 1 or array.dtype.kind != "U":
        raise ValueError(f"names as an array {array.shape} {array.dtype}")
    return [str(text) for text in array]


def _read_json(path: Path) -> ReferenceDatabase:
    if path.stat().st_size > _LARGEST:
        raise _unreadable(path, f"more than {_LARGEST >> 30} GB")
    try:
        content = json.loads(path.read_bytes(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, f"no JSON ({error})") from error
    if not isinstance(content, dict):
        raise _unreadable(path, f"a JSON {type(content).__name__}")
    plain = "schema_version" not in content
    if not plain:
        _check_version(path, content["schema_version"])
    rows: Any = content if plain else content.get("embeddings")
    artworks: Any = None if plain else content.get("artworks")
    metadata: Any = {} if plain else content.get("metadata", {})
    if not isinstance(rows, dict):
        raise _unreadable(path, "no object `embeddings`")
    try:
        embeddings = np.array(list(rows.values()), dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise _unreadable(path, "embeddings that are not lists of numbers of one length") from error
    groups = None
    if artworks is not None:
        if not isinstance(artworks, dict) or set(artworks) != set(rows):
            raise _unreadable(path, "artworks of other cards than embeddings")
        groups = [str(artworks[card_id]) for card_id in rows]
    return ReferenceDatabase(
        list(rows), embeddings, groups, metadata=_texts(path, metadata), source=str(path)
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands there twice")
    return content


def _texts(path: Path, metadata: Any) -> dict[str, str]:  # noqa: ANN401 - what the file holds
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _unreadable(path, "metadata that is no object of texts")
    return metadata


def _check_version(path: Path, version: object) -> None:
    if version != _SCHEMA:
        raise _unreadable(path, f"schema version {version!r}")


def _unreadable(path: Path, found: str) -> DatabaseError:
    return DatabaseError(
        path,
        expected="a reference database, .npz or .json (card_embeddings.json), of schema 1",
        found=found,
        action="build it with `cardembed index build`",
    )
