"""A photo set: photos made once, with manifest, digests and the teacher's embeddings; then only read."""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from cardembed._io import atomic_write_bytes, sha256_bytes, sha256_file
from cardembed.cards.images import open_image
from cardembed.cards.photo_manifest import MANIFEST, PhotoManifest, PhotoRecord, TeacherRecord, read_manifest
from cardembed.errors import EmbeddingError, PhotoSetError

if TYPE_CHECKING:
    from cardembed.cards.catalogue import Catalogue

__all__ = ["EMBEDDING_DIM", "MAX_PHOTO_BYTES", "PhotoRecord", "PhotoSet", "attach_teacher"]

EMBEDDING_DIM = 768
MAX_PHOTO_BYTES = 64 * 2**20
_SHOWN = 3


class PhotoSet:
    """Photos with what is known about each. Made by `load` or `render_photo_set`.

    Example:
        >>> photos = PhotoSet.load("verdict-photos")
        >>> photos.image(int(photos.indices(condition="clean", severity=2)[0])).size
        (180, 252)
    """

    def __init__(self, root: Path, manifest: PhotoManifest) -> None:
        self.root = root
        self.manifest = manifest
        self.records: tuple[PhotoRecord, ...] = manifest.photos

    @classmethod
    def load(cls, directory: Path | str, verify: bool = True) -> PhotoSet:
        """Open a photo set.

        Args:
            directory: The folder with the manifest.
            verify: Compare every photo's bytes, and the teacher's, with the digests. That they exist, are
                files of the folder itself and no links is checked in any case.

        Raises:
            PhotoSetError: The manifest cannot be used, or names what is missing, a link, too large or other
                than its digest; the message holds the first few.
        """
        root = Path(directory)
        photos = cls(root, read_manifest(root))
        problems = list(photos._problems(verify=verify))
        if problems:
            shown = "; ".join(problems[:_SHOWN]) + (" …" if len(problems) > _SHOWN else "")
            raise PhotoSetError(
                root,
                expected=f"the {len(photos)} photos that its manifest names",
                found=f"{len(problems)} problems: {shown}" if len(problems) > 1 else shown,
                action="fetch the set again, or make it with: cardembed photos make --out DIR",
            )
        return photos

    def __len__(self) -> int:
        return len(self.records)

    @property
    def provenance(self) -> str:
        """Either "simulated" or "captured"."""
        return self.manifest.provenance

    @property
    def split(self) -> str:
        """Either "verdict" or "development"."""
        return self.manifest.split

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all photos' records and, through their digests, of their bytes; not of the teacher's."""
        return self.manifest.digest

    def check_cards(self, catalogue: Catalogue) -> None:
        """Refuse photos that were not made for these cards.

        Raises:
            PhotoSetError: They were made for others.
        """
        if self.manifest.catalogue_digest != catalogue.digest:
            raise PhotoSetError(
                self.root,
                expected=f"photos of the catalogue {catalogue.name}",
                found="photos of another catalogue",
                action="name their catalogue with --catalogue, or make them for this release: "
                "cardembed photos make|import --release DIR",
            )

    def image(self, index: int, /) -> Image.Image:
        """The photo with this number in the manifest, RGB.

        Raises:
            ImageError: Its file cannot be read.
        """
        return open_image(self.root / self.records[index].file)

    def indices(
        self, *, condition: str | None = None, severity: int | None = None, family: str | None = None
    ) -> NDArray[np.int64]:
        """Numbers of the photos that fit all that is given, in the manifest's order, (n,) int64."""
        fits = (
            number
            for number, record in enumerate(self.records)
            if condition in (None, record.condition)
            and severity in (None, record.severity)
            and family in (None, record.family)
        )
        return np.fromiter(fits, dtype=np.int64)

    def families(self, condition: str) -> list[str]:
        """The families that photos of a condition show, in the manifest's order."""
        return list(dict.fromkeys(record.family for record in self.records if record.condition == condition))

    @cached_property
    def teacher_embeddings(self) -> NDArray[np.float16] | None:
        """The teacher's embedding of every photo, (photos, 768) float16, or None where the set has none.

        Raises:
            PhotoSetError: The file differs from its digest or has another shape.
        """
        return self._teacher(0, len(self))

    @cached_property
    def teacher_gallery(self) -> NDArray[np.float16] | None:
        """The teacher's embedding of every card, (cards, 768) float16, or None; errors as above."""
        return self._teacher(1, self.manifest.cards)

    def _teacher(self, which: int, rows: int) -> NDArray[np.float16] | None:
        record = self.manifest.teacher
        if record is None:
            return None
        file = self.root / record.files[which]
        problem = _file_problem(file, 2 * EMBEDDING_DIM * rows + 4096)
        data = b"" if problem else file.read_bytes()
        if not problem and sha256_bytes(data) != (record.embeddings_sha256, record.gallery_sha256)[which]:
            problem = "differs from its digest"
        if problem:
            raise _bad_teacher(file, problem)
        try:
            array: NDArray[np.float16] = np.load(io.BytesIO(data), allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise _bad_teacher(file, str(error)) from error
        if array.dtype != np.float16 or array.shape != (rows, EMBEDDING_DIM) or not np.isfinite(array).all():
            raise _bad_teacher(file, f"{array.dtype} {array.shape}, or values that are not finite")
        array.setflags(write=False)
        return array

    def _problems(self, *, verify: bool) -> Iterator[str]:
        folders: dict[PurePosixPath, bool] = {}
        for record in self.records:
            path = PurePosixPath(record.file)
            for parent in list(path.parents)[:-1]:
                if parent not in folders:
                    folders[parent] = (self.root / parent).is_symlink()
            if any(folders[parent] for parent in list(path.parents)[:-1]):
                yield f"{record.file} lies behind a link"
                continue
            file = self.root / record.file
            problem = _file_problem(file, MAX_PHOTO_BYTES)
            if problem:
                yield f"{record.file} {problem}"
            elif verify and sha256_file(file) != record.sha256:
                yield f"{record.file} differs from its digest"
        if verify and self.manifest.teacher is not None:
            try:
                self._read_teacher()
            except PhotoSetError as error:
                yield f"{Path(error.thing).name} {error.found}"

    def _read_teacher(self) -> None:
        """Read both arrays now: another process may lay others in their place later."""
        _ = self.teacher_embeddings, self.teacher_gallery


def _file_problem(file: Path, limit: int) -> str:
    """What is wrong with a file, before its bytes are read; "" if nothing is."""
    try:
        status = file.lstat()
    except OSError:
        return "is missing"
    if stat.S_ISLNK(status.st_mode):
        return "is a link"
    if not stat.S_ISREG(status.st_mode):
        return "is no file"
    return f"has {status.st_size} bytes" if status.st_size > limit else ""


def _bad_teacher(file: Path, found: str) -> PhotoSetError:
    return PhotoSetError(
        file,
        expected="the teacher's embeddings that the manifest names, float16",
        found=found,
        action="fetch the set again, or let a machine with the teacher attach them anew",
    )


def _teacher_bytes(thing: str, values: ArrayLike, rows: int) -> bytes:
    array = np.asarray(values)
    right = array.shape == (rows, EMBEDDING_DIM) and np.issubdtype(array.dtype, np.floating)
    if not right or not np.isfinite(array).all():
        raise EmbeddingError(
            thing,
            expected=f"({rows}, {EMBEDDING_DIM}) finite numbers",
            found=f"{array.dtype} {array.shape}" if not right else "NaN or infinity",
            action="embed the set's photos and its catalogue in order",
        )
    buffer = io.BytesIO()
    np.save(buffer, array.astype(np.float16), allow_pickle=False)
    return buffer.getvalue()


def attach_teacher(
    photo_set: PhotoSet, embeddings: ArrayLike, gallery: ArrayLike, artefact_digest: str
) -> PhotoSet:
    """Lay the teacher's embeddings beside the photos, in place of earlier ones; the set's digest stays.

    Args:
        photo_set: The set; its manifest is rewritten after the new files lie there, in one step.
        embeddings: (photos, 768) floating, in the manifest's order; stored as float16.
        gallery: (cards, 768) floating, in the catalogue's order; stored as float16.
        artefact_digest: Of the teacher.

    Returns:
        The set with the embeddings.

    Raises:
        EmbeddingError: Wrong shape, or values that are not finite.
        PhotoSetError: The folder's set is another by now.
    """
    first = _teacher_bytes("teacher's embeddings of the photos", embeddings, len(photo_set))
    second = _teacher_bytes("teacher's embeddings of the cards", gallery, photo_set.manifest.cards)
    record = TeacherRecord(
        artefact_digest=artefact_digest,
        embeddings_sha256=sha256_bytes(first),
        gallery_sha256=sha256_bytes(second),
    )
    root = photo_set.root.resolve()
    with FileLock(root.parent / f".{root.name}.lock"):
        current = read_manifest(root)
        if current.digest != photo_set.digest:
            raise PhotoSetError(
                root, expected="the set that was opened", found="another set", action="open it again"
            )
        for name, data in zip(record.files, (first, second), strict=True):
            atomic_write_bytes(root / name, data)
        manifest = current.model_copy(update={"teacher": record})
        atomic_write_bytes(root / MANIFEST, manifest.to_bytes())
        if current.teacher is not None:
            for name in set(current.teacher.files) - set(record.files):
                (root / name).unlink(missing_ok=True)
        attached = PhotoSet(photo_set.root, manifest)
        attached._read_teacher()
    return attached
