"""Requests and responses as folders or ZIP archives. What is read came from elsewhere and is not believed."""

from __future__ import annotations

import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter, ValidationError

from cardembed._io import sha256_bytes
from cardembed.devices.wire import RelativePath, WireFile
from cardembed.errors import EvidenceError

__all__ = ["MAX_FILES", "Parcel", "pack"]

MAX_FILES = 20_000
MAX_BYTES = 2 << 30
"""Of one file: it is read as a whole."""
_DIRECTORY_BYTES = 400 * MAX_FILES
"""Of an archive's directory, which is parsed as a whole: 46 bytes an entry, and its name."""
_END = struct.Struct("<4s4H2LH")
"""End of central directory: signature, disks, entries, the directory's size and place, the comment's size."""
_PATH: TypeAdapter[str] = TypeAdapter(RelativePath)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BIT_ENCRYPTED = 0x1
_UNREADABLE = (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
"""What `zipfile` raises, depending on where an archive is damaged."""


class Parcel:
    """A folder or ZIP archive whose names are plain paths; bytes are read under a limit, and only when asked.

    Nothing is ever extracted by name: readers get bytes, so no path leads anywhere.

    Args:
        path: The folder, or the `.zip` file.

    Raises:
        EvidenceError: Neither, too many files, links, a name that is no plain relative path, or one twice.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._zip: zipfile.ZipFile | None = None
        if self.path.is_dir():
            self.names = self._in_folder()
        elif self.path.is_file():
            self.names = self._in_archive()
        else:
            raise self._bad("nothing")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._zip is not None:
            self._zip.close()

    def read(self, name: str, limit: int) -> bytes:
        """A file's bytes.

        Raises:
            EvidenceError: It is missing, has more than `limit` bytes, or is damaged.
        """
        if name not in self.names:
            raise self._bad(f"no {name}", "it is incomplete: fetch it again")
        try:
            if self._zip is not None:
                with self._zip.open(name) as member:
                    data = member.read(limit + 1)
            else:
                with (self.path / name).open("rb") as file:
                    data = file.read(limit + 1)
        except _UNREADABLE as error:
            raise self._bad(f"{name}, which cannot be read ({error})", "fetch it again") from error
        if len(data) > limit:
            raise self._bad(f"{name} with more than {limit} bytes", "it is not what was asked for")
        return data

    def checked(self, file: WireFile) -> bytes:
        """A file's bytes, which have the size and digest that the JSON names.

        Raises:
            EvidenceError: As `read`, or they differ.
        """
        if file.bytes > MAX_BYTES:
            raise self._bad(
                f"{file.path} of {file.bytes} bytes, and {MAX_BYTES} are the most", "make it smaller"
            )
        data = self.read(file.path, file.bytes)
        if len(data) != file.bytes or sha256_bytes(data) != file.sha256:
            found = f"{file.path} with {len(data)} bytes, SHA-256 {sha256_bytes(data)[:16]}…"
            wanted = f"{file.bytes} bytes, SHA-256 {file.sha256[:16]}…"
            raise EvidenceError(
                self.path, expected=wanted, found=found, action="it is truncated or changed: fetch it again"
            )
        return data

    def only(self, names: Iterable[str]) -> None:
        """Refuse files that the JSON does not name.

        Raises:
            EvidenceError: There are some.
        """
        extra = sorted(set(self.names) - set(names))
        if extra:
            raise self._bad(f"also {', '.join(extra[:3])}", "remove what does not belong to it")

    def _in_folder(self) -> frozenset[str]:
        found = []
        for file in self.path.rglob("*"):
            mode = file.lstat().st_mode
            if stat.S_ISDIR(mode):
                continue
            name = file.relative_to(self.path).as_posix()
            if not stat.S_ISREG(mode):
                raise self._bad(f"{name}, a link or a special file")
            found.append(self._plain(name))
            if len(found) > MAX_FILES:
                raise self._bad(f"more than {MAX_FILES} files")
        return frozenset(found)

    def _in_archive(self) -> frozenset[str]:
        try:
            self._check_directory()
            self._zip = zipfile.ZipFile(self.path)
            entries = self._zip.infolist()
        except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
            raise self._bad(
                f"no ZIP archive ({error})", "it is truncated or something else: fetch it again"
            ) from error
        try:
            return self._listed(entries)
        except EvidenceError:
            self._zip.close()
            raise

    def _check_directory(self) -> None:
        """Refuse what would take long to parse. Archives above 4 GB say ffffffff here, and are refused."""
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - (1 << 16) - _END.size))
            tail = file.read()
        place = tail.rfind(b"PK\5\6")
        if place < 0 or len(tail) - place < _END.size:
            return  # `zipfile` says that it is none
        size = _END.unpack_from(tail, place)[5]
        if size > _DIRECTORY_BYTES:
            raise self._bad(f"a directory of {size} bytes", f"at most {MAX_FILES} files belong to it")

    def _listed(self, entries: list[zipfile.ZipInfo]) -> frozenset[str]:
        if len(entries) > MAX_FILES:
            raise self._bad(f"more than {MAX_FILES} files")
        names = []
        for entry in entries:
            if entry.is_dir():
                continue
            name = self._plain(entry.filename)
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise self._bad(f"{name}, a link or a special file")
            if entry.flag_bits & _BIT_ENCRYPTED or entry.compress_type not in _METHODS:
                raise self._bad(f"{name}, encrypted or compressed by another method than deflate")
            names.append(name)
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise self._bad(f"{twice} twice")
        return frozenset(names)

    def _plain(self, name: str) -> str:
        try:
            return _PATH.validate_python(name)
        except ValidationError as error:
            raise self._bad(
                f"the name {name[:80]!r}", "a path that leads elsewhere is never followed"
            ) from error

    def _bad(self, found: str, action: str = "give the folder or ZIP that was written") -> EvidenceError:
        return EvidenceError(
            self.path,
            expected="a folder or ZIP archive of plain files",
            found=found,
            action=action,
        )


def pack(folder: Path, out: Path) -> None:
    """Move a folder to `out`, or write it as a ZIP archive where `out` ends in `.zip`; all or nothing.

    Raises:
        EvidenceError: `out` is there already.
    """
    if out.exists():
        raise EvidenceError(
            out, expected="a name that is free", found="something there", action="give another --out"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix != ".zip":
        folder.chmod(0o755)  # folders of `tempfile` are private
        folder.rename(out)
        return
    with tempfile.NamedTemporaryFile(
        dir=out.parent, prefix=f".{out.name}.", suffix=".part", delete=False
    ) as part:
        temporary = Path(part.name)
    try:
        # Floats hardly shrink, and devices read stored files without a decompressor's memory.
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(folder).as_posix())
        temporary.chmod(0o644)
        temporary.rename(out)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
