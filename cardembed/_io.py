"""Files and digests: everything is written atomically, digests are SHA-256 in lower-case hex."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from cardembed.errors import ArtefactError

__all__ = [
    "atomic_write_bytes",
    "atomic_write_json",
    "atomic_write_text",
    "cache_root",
    "canonical_json",
    "config_root",
    "json_bytes",
    "json_value",
    "sha256_array",
    "sha256_artefact",
    "sha256_bytes",
    "sha256_file",
    "sha256_listing",
    "sha256_tree",
]


def atomic_write_bytes(path: Path | str, data: bytes, *, mode: int | None = None) -> None:
    """Write `data` so that `path` holds either what it held before or all of it.

    Args:
        path: Where to write; its folder is made.
        data: The bytes.
        mode: Permission bits, such as 0o600 for a key; the process's default without.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is None:
            mask = os.umask(0)
            os.umask(mask)
            mode = 0o666 & ~mask
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def atomic_write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 `text` atomically, see `atomic_write_bytes`."""
    atomic_write_bytes(path, text.encode())


def atomic_write_json(path: Path | str, value: object) -> None:
    """Write `value` as `json_bytes`, atomically."""
    atomic_write_bytes(path, json_bytes(value))


def json_bytes(value: object) -> bytes:
    """Indented JSON and a newline, for files; NaN and infinity are refused."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def json_value(value: Mapping[str, object]) -> dict[str, Any]:
    """What is read back of an object that is written as JSON: tuples are lists, keys texts."""
    read: dict[str, Any] = json.loads(canonical_json(value))
    return read


def canonical_json(value: Any) -> bytes:  # noqa: ANN401 - whatever JSON can hold
    """Bytes that are equal exactly when the JSON values are: sorted keys, no spaces, UTF-8."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of `data`, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path | str) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_tree(path: Path | str) -> str:
    """SHA-256 of a folder: of the sorted lines `<file's digest>  <relative path>`, 64 hex digits.

    Times, permissions and empty folders do not count. It is what `sha256sum` prints for the files in the
    order of their paths' UTF-8 bytes, hashed once more.

    Raises:
        ArtefactError: A link, or no file at all: the digest would stand for other bytes than the folder's.
    """
    root, files = Path(path), []
    for item in root.rglob("*"):
        if item.is_symlink():
            raise ArtefactError(item, expected="plain files", found="a link", action="copy the file it names")
        if item.is_file():
            files.append((item.relative_to(root).as_posix(), sha256_file(item)))
    if root.is_symlink() or not files:
        raise ArtefactError(root, expected="a folder with files", found="none", action="write it again")
    return sha256_listing(files)


def sha256_artefact(path: Path | str) -> str:
    """SHA-256 of an artefact: `sha256_tree` of a folder, `sha256_file` of anything else."""
    return sha256_tree(path) if Path(path).is_dir() else sha256_file(path)


def sha256_listing(files: Iterable[tuple[str, str]]) -> str:
    r"""SHA-256 of the lines that `sha256sum` writes, by the paths' bytes: digest, two spaces, path, "\n".

    Args:
        files: (path, SHA-256 as 64 hex digits) of each.
    """
    lines = sorted((path.encode(), digest.encode()) for path, digest in files)
    return sha256_bytes(b"".join(digest + b"  " + path + b"\n" for path, digest in lines))


def sha256_array(array: NDArray[np.generic]) -> str:
    """SHA-256 of an array's dtype, shape and C-ordered bytes, 64 hex digits."""
    head = f"{array.dtype.str}{array.shape}".encode()
    digest = hashlib.sha256(head)
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def cache_root() -> Path:
    """Where derived files go: CARDEMBED_CACHE, or the user's cache folder. Safe to delete."""
    chosen = os.environ.get("CARDEMBED_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("cardembed", appauthor=False))


def config_root() -> Path:
    """Where the signing key is kept: CARDEMBED_CONFIG, or the user's configuration folder."""
    chosen = os.environ.get("CARDEMBED_CONFIG")
    return Path(chosen) if chosen else Path(platformdirs.user_config_dir("cardembed", appauthor=False))
