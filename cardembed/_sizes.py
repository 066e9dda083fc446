"""How large an artefact is and may be, asked before a byte of it is read or hashed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cardembed.errors import ArtefactError

__all__ = ["LARGEST_HEF", "LARGEST_ONNX", "check_size", "size_of_artefact"]

LARGEST_ONNX = (2 << 30) - 1
"""Bytes of an ONNX or ORT file: protobuf's own limit, and that of flatbuffers."""
LARGEST_HEF = 512 << 20
"""Bytes of a HEF: some four times the largest network of Hailo's zoo, and a second of MD5."""
_LARGEST = {
    ".onnx": LARGEST_ONNX, ".ort": LARGEST_ONNX, ".mlmodel": LARGEST_ONNX, ".hef": LARGEST_HEF,
    ".simhef": LARGEST_HEF,
}  # fmt: skip
_LARGEST_OTHER = (4 << 30) + (64 << 20)
"""Bytes of weights or a model package: 2³⁰ numbers in float32 and what describes them."""
_MOST_FILES = 10_000
"""In a model package, which has four."""


def check_size(path: Path | str) -> None:
    """Refuse an artefact that is larger than any of its kind; only names and sizes are looked at.

    Args:
        path: A file, or a folder whose files are counted together; something else passes, for whoever opens
            it says what is wrong.

    Raises:
        ArtefactError: It is larger, or has too many files.
    """
    path = Path(path)
    limit, total = _LARGEST.get(path.suffix, _LARGEST_OTHER), 0
    for number, size in enumerate(_sizes(path)):
        if number == _MOST_FILES:
            raise ArtefactError(
                path,
                expected=f"an artefact of at most {_MOST_FILES} files and folders",
                found="more",
                action="name an artefact that cardembed wrote",
            )
        total += size
        if total > limit:
            raise ArtefactError(
                path,
                expected=f"an artefact of at most {limit} bytes",
                found=f"{total} bytes",
                action="name an artefact that cardembed wrote",
            )


def size_of_artefact(path: Path | str) -> int:
    """Bytes of a file, or of all files of a folder; links, which `sha256_tree` refuses, do not count."""
    return sum(_sizes(Path(path)))


def _sizes(path: Path) -> Iterator[int]:
    """Bytes of every file, links not followed; 0 for folders and what is no file."""
    if not path.is_dir():
        yield path.stat().st_size if path.is_file() else 0
        return
    folders = [path]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                yield entry.stat(follow_symlinks=False).st_size if entry.is_file(follow_symlinks=False) else 0
