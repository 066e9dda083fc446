"""Render a photo set: plan, print, photograph on several cores, and put the folder in place in one step."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cardembed._io import atomic_write_bytes, sha256_bytes
from cardembed.cards.photo_conditions import simulate_photo
from cardembed.cards.photo_manifest import MANIFEST, PhotoManifest, PhotoRecord
from cardembed.cards.photo_plan import PhotoPlan, PlannedPhoto, Split, distractor_seed, plan_photos
from cardembed.cards.photo_set import PhotoSet
from cardembed.cards.unknowns import simulate_unknown
from cardembed.errors import InfrastructureError, PhotoSetError, UsageError

if TYPE_CHECKING:
    from cardembed.cards.catalogue import Catalogue

__all__ = ["SIMULATOR_VERSION", "default_workers", "planned_photos", "render_photo_set"]

SIMULATOR_VERSION = 2
"""Raised whenever the same seed would give another photo."""

Progress = Callable[[int, int], None]
"""Called with how many photos are done, and of how many."""

_CHUNK = 24
_CONDITION_OF = {"occluded": "occluded", "zero-shot-occluded": "occluded", "glare": "glare"}
"""What the simulator calls a photo's condition; it knows "clean" besides."""
_RELEASE_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Done:
    sha256: str
    occluded: float
    saturated: float


class _Renderer:
    """Renders photos into a folder, in whatever process."""

    def __init__(
        self, folder: Path, size: tuple[int, int], catalogue: Catalogue, distractors: Catalogue | None
    ) -> None:
        self._folder, self._size = folder, size
        self._catalogue, self._distractors = catalogue, distractors

    def __call__(self, photos: list[PlannedPhoto]) -> list[_Done]:
        """Render photos of one or several cards; a card's print serves its photos in a row."""
        done, print_of = [], None
        for photo in photos:
            if photo.card is None:
                made = simulate_unknown(
                    photo.family, severity=photo.severity, seed=photo.seed, size=self._size
                )
                occluded = 0.0
            else:
                source = self._distractors if photo.condition == "unknown-card" else self._catalogue
                assert source is not None  # a plan has no unknown cards without distractors
                if print_of != (photo.condition == "unknown-card", photo.card):
                    picture = source.image(photo.card)
                    print_of = (photo.condition == "unknown-card", photo.card)
                made = simulate_photo(
                    picture,
                    finish=source.by_id(photo.card).finish,
                    condition=_CONDITION_OF.get(photo.condition, "clean"),
                    severity=photo.severity,
                    seed=photo.seed,
                    family=photo.family or None,
                    size=self._size,
                )
                occluded = made.occluded_fraction
            (self._folder / _file(photo)).write_bytes(made.jpeg)
            done.append(_Done(sha256_bytes(made.jpeg), round(occluded, 4), round(made.saturated_fraction, 4)))
        return done


_renderer: _Renderer | None = None


def _start(renderer: _Renderer) -> None:
    global _renderer  # noqa: PLW0603 - a worker process has one renderer for its life
    _renderer = renderer


def _work(photos: list[PlannedPhoto]) -> list[_Done]:
    assert _renderer is not None  # _start ran first
    return _renderer(photos)


def _file(photo: PlannedPhoto) -> str:
    return f"photos/{photo.id}.jpg"


def default_workers() -> int:
    """Processes to render with, unless told otherwise: two, or one where there is one core."""
    return min(2, os.cpu_count() or 1)


def _chunks(photos: list[PlannedPhoto]) -> list[list[int]]:
    """Numbers of photos in pieces of work; photos of a card stay together."""
    groups: dict[tuple[bool, str | None], list[int]] = defaultdict(list)
    for number, photo in enumerate(photos):
        groups[photo.condition == "unknown-card", photo.card].append(number)
    order = [number for group in groups.values() for number in group]
    return [order[start : start + _CHUNK] for start in range(0, len(order), _CHUNK)]


def _run(renderer: _Renderer, jobs: list[list[PlannedPhoto]], workers: int) -> Iterator[list[_Done]]:
    if workers == 1:
        yield from map(renderer, jobs)
        return
    # Started anew rather than forked: a fork copies locks that other threads of this process may hold.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(renderer,)) as pool:
        try:
            yield from pool.map(_work, jobs)
        except BrokenProcessPool as error:
            raise InfrastructureError(
                "rendering photos",
                expected=f"{workers} worker processes to finish",
                found="one that ended early (out of memory, or killed)",
                action="run it again, or with --workers 1",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def render_photo_set(
    catalogue: Catalogue,
    plan: PhotoPlan,
    *,
    split: Split,
    seed: int | str,
    out: Path | str,
    workers: int | None = None,
    progress: Progress | None = None,
    name: str | None = None,
) -> PhotoSet:
    """Render a photo set into `out`, which appears complete or not at all.

    Args:
        catalogue: The cards; its pictures are printed or read as needed.
        plan: How many photos of each kind.
        split: "verdict" photos may show held-out families, "development" photos never do.
        seed: For a verdict the release's digest; otherwise any text or whole number.
        out: A folder that is absent, empty, or holds this very set already (then it stays as it is).
        workers: Processes; `default_workers` without.
        progress: Called after every piece of work.
        name: For people.

    Raises:
        PhotoSetError: `out` holds something else.
        UsageError: No worker.
        ImageError, CatalogueError: A card's picture cannot be read.
        InfrastructureError: A worker process died.
    """
    out = Path(out)
    workers = default_workers() if workers is None else workers
    if workers < 1:
        raise UsageError("workers", expected="1 or more", found=str(workers), action="give at least one")
    present = _present(out, catalogue, plan, split, seed)
    if present is not None:
        return present
    photos, distractors = planned_photos(catalogue, plan, split=split, seed=seed)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=".part"))
    except OSError as error:
        raise PhotoSetError(
            out, expected="a place to write to", found=str(error), action="choose another folder"
        ) from error
    try:
        (temporary / "photos").mkdir()
        renderer = _Renderer(temporary, plan.size, catalogue, distractors)
        chunks = _chunks(photos)
        done: dict[int, _Done] = {}
        results = _run(renderer, [[photos[number] for number in chunk] for chunk in chunks], workers)
        for chunk, made in zip(chunks, results, strict=True):
            done.update(zip(chunk, made, strict=True))
            if progress is not None:
                progress(len(done), len(photos))
        manifest = PhotoManifest(
            name=name or f"{split} photos of {catalogue.name}"[:200],
            split=split,
            provenance="simulated",
            catalogue_digest=catalogue.digest,
            cards=len(catalogue),
            distractors=distractors.reference if distractors is not None else None,
            release_digest=_release_digest(split, seed),
            seed=seed,
            plan=plan,
            simulator=SIMULATOR_VERSION,
            photos=tuple(_record(photo, done[number]) for number, photo in enumerate(photos)),
        )
        atomic_write_bytes(temporary / MANIFEST, manifest.to_bytes())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o777 & ~mask)
        with suppress(FileNotFoundError):
            out.rmdir()  # an empty folder; one that is not is caught above
        temporary.rename(out)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return PhotoSet(out, manifest)


def planned_photos(
    catalogue: Catalogue, plan: PhotoPlan, *, split: Split, seed: int | str
) -> tuple[list[PlannedPhoto], Catalogue | None]:
    """The photos of a set, in their order, and the catalogue that its unknown cards come from, if any.

    Args:
        catalogue: The cards.
        plan: How many photos of each kind.
        split: What they may be used for.
        seed: What all seeds derive from.
    """
    from cardembed.cards.catalogue import SyntheticCatalogue

    others: Catalogue | None = None
    if plan.unknown_card:
        others = SyntheticCatalogue(distractor_seed(split, seed), max(256, 2 * plan.unknown_card))
    return plan_photos(catalogue, plan, split=split, seed=seed, distractors=others), others


def _release_digest(split: Split, seed: int | str) -> str | None:
    is_digest = isinstance(seed, str) and _RELEASE_DIGEST.fullmatch(seed) is not None
    return str(seed) if split == "verdict" and is_digest else None


def _record(photo: PlannedPhoto, done: _Done) -> PhotoRecord:
    return PhotoRecord.model_validate(
        {
            "id": photo.id,
            "file": _file(photo),
            "sha256": done.sha256,
            "card": None if photo.condition == "unknown-card" else photo.card,
            "condition": photo.condition,
            "severity": photo.severity,
            "family": photo.family,
            "seed": photo.seed,
            "provenance": "simulated",
            "occluded_fraction": done.occluded,
            "saturated_fraction": done.saturated,
        }
    )


def _present(
    out: Path, catalogue: Catalogue, plan: PhotoPlan, split: Split, seed: int | str
) -> PhotoSet | None:
    """The set, where `out` holds it already; None where there is nothing."""
    if not out.exists() and not out.is_symlink():
        return None
    if out.is_dir() and not any(out.iterdir()):
        return None
    try:
        found = PhotoSet.load(out)
    except PhotoSetError as error:
        raise _occupied(out, "something else") from error
    theirs = found.manifest
    mine = (catalogue.digest, plan, split, seed, SIMULATOR_VERSION)
    if mine != (theirs.catalogue_digest, theirs.plan, theirs.split, theirs.seed, theirs.simulator):
        raise _occupied(out, f"another photo set ({theirs.name})")
    return found


def _occupied(out: Path, found: str) -> PhotoSetError:
    return PhotoSetError(
        out, expected="a new or empty folder", found=found, action="choose another folder, or remove this one"
    )
