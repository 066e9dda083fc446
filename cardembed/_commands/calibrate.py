"""`cardembed calibrate`: match thresholds from development photos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cardembed._commands._embedding import (
    catalogue_option,
    release_of,
    release_option,
    rendering_bar,
    threads_option,
)
from cardembed._commands._output import emit, json_option, progress
from cardembed.errors import UsageError

if TYPE_CHECKING:
    from cardembed.cards.catalogue import Catalogue
    from cardembed.cards.photo_set import PhotoSet
    from cardembed.retrieval.calibrate import Calibration

__all__ = ["as_text", "command", "development_photos"]


def development_photos(directory: Path | None, catalogue: Catalogue) -> PhotoSet:
    """The photos in a directory, or the default development set, rendered into the cache at first use.

    Raises:
        PhotoSetError: No photo set, or one of other cards.
    """
    from cardembed.cards.photo_cache import default_photo_set
    from cardembed.cards.photo_set import PhotoSet

    if directory is not None:
        photos = PhotoSet.load(directory)
        photos.check_cards(catalogue)
        return photos
    return default_photo_set("calibration", catalogue, split="development", progress=rendering_bar("photos"))


def as_text(found: dict[str, Calibration]) -> str:
    """A table for people."""
    lines = [f"{'target':<10}{'threshold':>10}{'matched':>10}{'let in':>10}  worst family"]
    for target, one in found.items():
        worst = max(one.fpir_by_family, key=lambda family: one.fpir_by_family[family])
        note = "" if one.in_range else "  (the release allows none between .4 and .5)"
        lines.append(f"{target:<10}{one.threshold:>10.3f}{one.tpr:>10.3f}{one.fpir:>10.3f}  {worst}{note}")
    return "\n".join(lines)


@click.command("calibrate")
@release_option
@click.option("--target", "targets", multiple=True, help="Only this target; may be repeated.")
@catalogue_option
@click.option(
    "--photos",
    type=click.Path(path_type=Path, file_okay=False),
    help="A development photo set; rendered into the cache without.",
)
@click.option("--write", is_flag=True, help="Write the thresholds into release.json.")
@threads_option
@json_option
def command(
    *,
    release_dir: Path | None,
    targets: tuple[str, ...],
    catalogue: str | None,
    photos: Path | None,
    write: bool,
    threads: int | None,
    as_json: bool,
) -> None:
    """Find each target's match threshold on development photos.

    Between .4 and .5 where the release allows: there, the middle of the thresholds that match most photos of
    cards and let in fewest unknowns, with at most 5 % of any family let in. Writing thresholds changes the
    release's digest, and with it the photos that it is judged on.

    \b
    Example:
      cardembed calibrate --release my-release --write
    """
    from cardembed.release_cards import catalogue_of
    from cardembed.retrieval.calibrate import calibrate_release

    release = release_of(release_dir)
    for target in targets:
        release.target(target)
    cards = catalogue_of(release, catalogue, searched=True)
    if write and cards.digest != release.searched_digest:
        raise UsageError(
            "--catalogue",
            expected="the release's own gallery, which its thresholds are for",
            found=f"{cards.name}, another one",
            action="leave --catalogue out, or leave --write out",
        )
    found = calibrate_release(
        release,
        cards,
        development_photos(photos, cards),
        targets=targets or None,
        threads=threads,
        progress=progress,
    )
    if write:
        release = release.with_thresholds(
            {target: (one.threshold, one.figures()) for target, one in found.items()}
        ).write()
    data = {
        "release_digest": release.digest,
        "written": write,
        "targets": {t: c.figures() for t, c in found.items()},
    }
    emit(data, as_text(found), as_json=as_json)
