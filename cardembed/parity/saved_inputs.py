"""The gate's inputs in a file, so that machines with other image libraries compare the same numbers.

Drawing cards, simulating photos and shrinking them is done once. Pixels are kept, as a quarter of the size;
what they are normalised to is compared with its digest when they are read.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed._io import atomic_write_bytes, atomic_write_json, sha256_array, sha256_bytes
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import DigestMismatchError, PhotoSetError
from cardembed.parity.retrieval import SearchInputs

__all__ = ["SavedInputs", "read_inputs", "save_inputs"]

_SCHEMA = 1
_LARGEST = 4 << 30  # bytes unpacked


@dataclass(frozen=True, slots=True)
class SavedInputs:
    """What every artefact of a target is given."""

    batch: NDArray[np.float32]
    """(N, 3, S, S): pictures, preprocessed."""
    search: SearchInputs | None
    """Scans and photos, preprocessed; None where they were saved for no compressed artefact."""
    sha256: str
    """Of the file: machines that print the same compared the same."""


def save_inputs(
    folder: Path,
    target: str,
    preprocessing: Preprocessing,
    batch: NDArray[np.float32],
    search: SearchInputs | None,
) -> str:
    """Write `<target>.npz`, and `<target>.json` with its digests; gives the file's SHA-256.

    Args:
        folder: Made where missing; a target's earlier files are replaced.
        target: Whose inputs.
        preprocessing: What they went through.
        batch: (N, 3, S, S) pictures, preprocessed.
        search: Scans and photos, preprocessed.
    """
    arrays = {"pictures": batch}
    if search is not None:
        arrays |= {"gallery": search.gallery, "queries": search.queries}
    buffer = io.BytesIO()
    pixels: dict[str, Any] = {name: preprocessing.squares(array) for name, array in arrays.items()}
    np.savez_compressed(buffer, **pixels)
    data = buffer.getvalue()
    digest = sha256_bytes(data)
    atomic_write_bytes(folder / f"{target}.npz", data)
    content = {
        "schema_version": _SCHEMA,
        "sha256": digest,
        "preprocessing": preprocessing.digest,
        "normalised": {name: sha256_array(array) for name, array in arrays.items()},
    }
    atomic_write_json(folder / f"{target}.json", content)
    return digest


def read_inputs(folder: Path, target: str, preprocessing: Preprocessing) -> SavedInputs:
    """What `save_inputs` wrote.

    Raises:
        PhotoSetError: No such files, unreadable ones, or inputs for another preprocessing.
        DigestMismatchError: Other bytes than were written, or this machine normalises them to other numbers.
    """
    path = folder / f"{target}.npz"
    try:
        said = json.loads((folder / f"{target}.json").read_bytes())
        version, wanted, prepared = said["schema_version"], str(said["sha256"]), said["preprocessing"]
        normalised = dict(said["normalised"])
        data = path.read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from error
    if version != _SCHEMA:
        raise _unreadable(path, f"schema version {version}")
    if sha256_bytes(data) != wanted:
        raise DigestMismatchError(
            path,
            expected=f"SHA-256 {wanted}, which {target}.json names",
            found=sha256_bytes(data),
            action="copy the folder again",
        )
    if prepared != preprocessing.digest:
        raise PhotoSetError(
            path,
            expected=f"inputs prepared as this release's {target} asks, of {preprocessing.size} pixels",
            found="inputs of another preprocessing",
            action="save them with this release: cardembed parity check --save-inputs DIR",
        )
    arrays = {
        name: _normalised(path, name, pixels, preprocessing, normalised)
        for name, pixels in _pixels(path, data)
    }
    if "pictures" not in arrays or len(arrays) not in (1, 3) or set(arrays) != set(normalised):
        raise _unreadable(path, f"the arrays {', '.join(sorted(arrays)) or '(none)'}")
    search = SearchInputs(arrays["gallery"], arrays["queries"]) if "gallery" in arrays else None
    return SavedInputs(arrays["pictures"], search, wanted)


def _pixels(path: Path, data: bytes) -> list[tuple[str, NDArray[np.uint8]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _LARGEST:
                raise _unreadable(path, f"more than {_LARGEST >> 30} GB")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return [(name, arrays[name]) for name in arrays.files]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        raise _unreadable(path, f"a damaged file ({error})") from error


def _normalised(
    path: Path,
    name: str,
    pixels: NDArray[np.uint8],
    preprocessing: Preprocessing,
    digests: dict[str, str],
) -> NDArray[np.float32]:
    size = preprocessing.size
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != (size, size, 3) or not len(pixels):
        raise _unreadable(path, f"{name} {pixels.shape} {pixels.dtype}")
    batch = preprocessing.batch(list(pixels))
    if sha256_array(batch) != digests.get(name):
        raise DigestMismatchError(
            f"{name} of {path}",
            expected=f"float32 numbers with SHA-256 {digests.get(name)}",
            found=sha256_array(batch),
            action="copy the folder again; where that changes nothing, this machine's NumPy rounds otherwise",
        )
    return batch


def _unreadable(path: Path, found: str) -> PhotoSetError:
    return PhotoSetError(
        path,
        expected="inputs of the parity gate, and a .json with their digests beside them",
        found=found,
        action="save them: cardembed parity check --save-inputs DIR",
    )
