"""The digest of an artefact that may be a folder, so that any device can compute it with SHA-256 alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cardembed._io import sha256_file, sha256_listing
from cardembed.devices.wire import WireFile
from cardembed.errors import ReleaseError

__all__ = ["artefact_files", "folder_digest", "joint_digest"]


def folder_digest(files: Iterable[WireFile]) -> str:
    r"""SHA-256 of the lines `sha256sum` writes for a folder's files, in byte order of their paths.

    Each line is the digest, two spaces, the path relative to the folder and "\n". In a shell:
    `cd m.mlpackage && find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum`.
    """
    return sha256_listing((file.path, file.sha256) for file in files)


def joint_digest(root: str, files: Iterable[WireFile]) -> str:
    """An artefact's digest from its files below the request: of the file itself, or of the folder `root`."""
    listed = list(files)
    if len(listed) == 1 and listed[0].path == root:
        return listed[0].sha256
    head = f"{root}/"
    return folder_digest(file.model_copy(update={"path": file.path.removeprefix(head)}) for file in listed)


def artefact_files(path: Path, below: str) -> list[WireFile]:
    """The files of an artefact as they are named below a request, in byte order of their paths.

    Args:
        path: A file, or the folder of an `.mlpackage`.
        below: Its path below the request.

    Raises:
        ReleaseError: It is not there, is empty, or holds links.
    """
    inside = [path] if path.is_file() else sorted(file for file in path.rglob("*") if not file.is_dir())
    strange = [file for file in [path, *inside] if file.is_symlink()]
    if strange or not inside:
        raise ReleaseError(
            path,
            expected="an artefact: a file, or a folder of files",
            found=f"a link: {strange[0].name}" if strange else "nothing",
            action="name an exported artefact",
        )
    named = [
        WireFile(
            path=below if file is path else f"{below}/{file.relative_to(path).as_posix()}",
            sha256=sha256_file(file),
            bytes=file.stat().st_size,
        )
        for file in inside
    ]
    return sorted(named, key=lambda file: file.path.encode())
