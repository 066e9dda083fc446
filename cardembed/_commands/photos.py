"""`cardembed photos`: make photo sets, pack them to carry, check them."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from cardembed._commands._embedding import catalogue_option, release_of, release_option
from cardembed._commands._output import emit, json_option
from cardembed.errors import PhotoSetError, UnavailableError, UsageError

if TYPE_CHECKING:
    from cardembed.cards.catalogue import Catalogue
    from cardembed.cards.photo_plan import PhotoPlan, Split
    from cardembed.cards.photo_set import PhotoSet
    from cardembed.release import Release

__all__ = ["command"]

_PLAN_BYTES = 1 << 20
"""Of a plan; the default one has some hundred."""

_OUT = click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Where the set goes: a new folder."
)
_SPLIT = click.option(
    "--split", type=click.Choice(["verdict", "development"]), default="verdict", show_default=True
)
_TEACHER = click.option(
    "--teacher/--no-teacher", default=True, help="Lay the teacher's embeddings beside the photos."
)


@click.group()
def command() -> None:
    """Make and check photo sets.

    \b
    Example:
      cardembed photos make --out verdict-photos
    """


@command.command()
@_OUT
@release_option
@catalogue_option
@_SPLIT
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path),
    help="JSON file with numbers of photos. Verdicts take the default size.",
)
@click.option(
    "--seed", help="What seeds derive from, in place of the release's digest; no verdict takes it then."
)
@click.option("--workers", type=int, help="Processes that render; two without.")
@_TEACHER
@json_option
def make(
    *,
    out: Path,
    release_dir: Path | None,
    catalogue: str | None,
    split: Split,
    plan_file: Path | None,
    seed: str | None,
    workers: int | None,
    teacher: bool,
    as_json: bool,
) -> None:
    """Render a photo set into a folder that other machines can judge from.

    Verdict photos derive from the release's digest, and the teacher's embeddings lie beside them, so that a
    machine without PyTorch can compare a student with its teacher. Run again, it leaves the same set alone.

    \b
    Examples:
      cardembed photos make --out verdict-photos
      cardembed photos make --out dev --split development --catalogue synthetic:1:384 --no-teacher
    """
    from cardembed.cards.photo_render import render_photo_set

    start = time.perf_counter()
    release = _release(release_dir)
    cards = _cards(release, catalogue)
    with tqdm(desc="photos", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        photos = render_photo_set(
            cards,
            _plan(plan_file, split),
            split=split,
            seed=_seed(seed, split, release),
            out=out,
            workers=workers,
            progress=progress,
        )
    note = ""
    if teacher:
        photos, note = _attach(photos, release, cards)
    data = {**_summary(photos), "seconds": round(time.perf_counter() - start, 1), "note": note}
    emit(data, _text(data), as_json=as_json)


@command.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@_OUT
@release_option
@catalogue_option
@_SPLIT
@_TEACHER
@json_option
def import_(
    *,
    folder: Path,
    out: Path,
    release_dir: Path | None,
    catalogue: str | None,
    split: Split,
    teacher: bool,
    as_json: bool,
) -> None:
    """Make a photo set from pictures that a camera took.

    They show cards of the gallery that the release names, which holds the cards of --catalogue where it
    learned these. The teacher's embeddings lie beside photos that the release can judge.

    FOLDER holds the pictures and a table photos.csv, one row a picture, with the columns file and condition,
    and of the others those that apply:

    \b
      file       the picture's name in FOLDER
      condition  clean, clean-second, occluded, glare, zero-shot, zero-shot-occluded, unknown or unknown-card
      card       its id in the catalogue; empty for unknown and unknown-card
      family     what occludes or glares, and of an unknown (required there) what it shows
      severity   1 to 5, an estimate; 2 where empty
      device     the camera

    The i-th clean-second and the i-th occluded photo show the card of the i-th clean one. Glare is of holo
    and gold cards. The default policy expects unknowns of every one of these families; others may be added:

    \b
      wood, cloth, stone, blank, hands, scenes, printed, playing-cards, card-backs

    \b
    Example:
      cardembed photos import phone-pictures --release my-release --catalogue scans --out captured-photos
    """
    from cardembed.cards.photo_capture import import_photo_set

    release = _release(release_dir)
    cards = _cards(release, catalogue)
    photos, note = import_photo_set(folder, cards, out=out, split=split), ""
    if release is not None and cards.digest != release.searched_digest:
        note = f"photos of {cards.name}, which the release {release.name} does not search"
    elif teacher:
        photos, note = _attach(photos, release, cards)
    data = {**_summary(photos), "note": note}
    emit(data, _text(data), as_json=as_json)


@command.command()
@click.argument("directory", type=click.Path(path_type=Path))
@json_option
def check(directory: Path, as_json: bool) -> None:
    """Compare every file of a photo set with its digest; exit code 1 where they do not fit.

    \b
    Example:
      cardembed photos check verdict-photos
    """
    from cardembed.cards.photo_manifest import read_manifest
    from cardembed.cards.photo_set import PhotoSet

    read_manifest(directory)  # no photo set at all: misuse, exit code 2
    try:
        data = {"ok": True, **_summary(PhotoSet.load(directory))}
    except PhotoSetError as error:
        emit({"ok": False, "out": str(directory), "problem": error.found}, str(error), as_json=as_json)
        raise SystemExit(1) from error
    emit(data, _text(data), as_json=as_json)


def _release(directory: Path | None) -> Release | None:
    from cardembed.release import MANIFEST, default_release_dir

    if directory is None and not (default_release_dir() / MANIFEST).is_file():
        return None
    return release_of(directory)


def _cards(release: Release | None, spec: str | None) -> Catalogue:
    """The cards that photos show, and those that they are searched among: as a verdict finds them."""
    from cardembed.cards.catalogue import load_catalogue
    from cardembed.release_cards import catalogue_of

    if release is not None:
        return catalogue_of(release, spec, searched=True)
    if spec is None:
        raise UsageError(
            "--catalogue",
            expected="a catalogue, or a release that names one",
            found="neither",
            action="add --catalogue synthetic:1:384, a folder of scans, or --release DIR",
        )
    return load_catalogue(spec)


def _seed(seed: str | None, split: Split, release: Release | None) -> int | str:
    if seed is not None:
        return seed
    if split == "development":
        return 0
    if release is None:
        raise UsageError(
            "--seed",
            expected="a release, whose digest the photos derive from, or a seed",
            found="neither",
            action="add --release DIR or --seed TEXT",
        )
    return release.digest


def _plan(file: Path | None, split: Split) -> PhotoPlan:
    from cardembed._validation import read_record
    from cardembed.cards.photo_plan import PhotoPlan

    if file is None:
        return PhotoPlan.default(split)

    def refused(found: str) -> UsageError:
        return UsageError(
            file,
            expected=f"a JSON object with some of {', '.join(PhotoPlan.model_fields)}",
            found=found,
            action="correct the plan",
        )

    return read_record(PhotoPlan, file, refused, limit=_PLAN_BYTES)


def _attach(photos: PhotoSet, release: Release | None, catalogue: Catalogue) -> tuple[PhotoSet, str]:
    """The set with the teacher's embeddings, or as it was with the reason why not; "" without a teacher."""
    if release is None or "teacher" not in release.targets:
        return photos, ""
    from cardembed._commands._output import progress
    from cardembed.cards.photo_set import attach_teacher
    from cardembed.embedders.cache import embed_cached
    from cardembed.embedders.registry import open_embedder
    from cardembed.embedders.sources import GallerySource

    try:
        with open_embedder(release, "teacher") as embedder:
            digest = embedder.artefact_digest
            beside = photos.manifest.teacher
            if beside is not None and beside.artefact_digest == digest:
                return photos, ""
            gallery = embed_cached(embedder, GallerySource(catalogue), progress=progress)
            embeddings = embed_cached(embedder, photos, progress=progress)
    except UnavailableError as error:
        return photos, f"without the teacher's embeddings: {error}"
    return attach_teacher(photos, embeddings, gallery, digest), ""


def _summary(photos: PhotoSet) -> dict[str, Any]:
    teacher = photos.manifest.teacher
    return {
        "out": str(photos.root),
        "digest": photos.digest,
        "split": photos.split,
        "provenance": photos.provenance,
        "photos": len(photos),
        "conditions": dict(Counter(record.condition for record in photos.records)),
        "teacher": teacher.artefact_digest if teacher is not None else None,
    }


def _text(data: dict[str, Any]) -> str:
    kinds = ", ".join(f"{count} {condition}" for condition, count in data["conditions"].items())
    lines = [
        f"{data['out']}: {data['photos']} {data['provenance']} {data['split']} photos ({kinds})",
        f"digest {data['digest']}, teacher {data['teacher'] or 'not attached'}",
    ]
    if data.get("note"):
        lines.append(str(data["note"]))
    return "\n".join(lines)
