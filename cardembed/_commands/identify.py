"""`cardembed identify`: which card is on a photo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cardembed._commands._embedding import (
    catalogue_option,
    image_files,
    one_line,
    release_of,
    release_option,
    threads_option,
)
from cardembed._commands._output import emit, json_option
from cardembed.errors import ReleaseError

if TYPE_CHECKING:
    from cardembed.release import Release
    from cardembed.retrieval.database import Match

__all__ = ["command"]


@click.command("identify")
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True)
@release_option
@click.option("--target", default="server", show_default=True, help="Whose artefact is used.")
@catalogue_option
@click.option(
    "--database",
    "database_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file of `cardembed index build`, in place of embedding the catalogue.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 2, min_open=True),
    help="Largest cosine distance that is a match; the release's calibrated one without.",
)
@threads_option
@json_option
def command(
    *,
    images: tuple[Path, ...],
    release_dir: Path | None,
    target: str,
    catalogue: str | None,
    database_file: Path | None,
    threshold: float | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Name the card on each of IMAGES (files or folders), or say "No match found".

    Exit code 0 when every image was identified, 1 when some were not.

    \b
    Example:
      cardembed identify photo.jpg --target android
    """
    from cardembed._commands._database import build_database, check_database
    from cardembed.embedders.cache import embed_measured
    from cardembed.embedders.registry import open_embedder
    from cardembed.embedders.sources import FileSource
    from cardembed.release_cards import catalogue_of
    from cardembed.retrieval.database import ReferenceDatabase

    files = image_files(images)
    release = release_of(release_dir)
    limit = _threshold(release, target, threshold)
    database = None if database_file is None else ReferenceDatabase.load(database_file)
    given = database is not None and catalogue is None
    cards = None if given else catalogue_of(release, catalogue, searched=True)
    names = {} if cards is None else {card.id: card.name for card in cards}
    with open_embedder(release, target, threads=threads) as embedder:
        if database is not None:
            check_database(database, embedder, str(database_file))
        queries = embed_measured(embedder, FileSource(files), use_cache=False).embeddings
        if database is None:
            assert cards is not None
            database = build_database(embedder, cards)
    matches = database.match_all(queries, limit)
    data = [_as_data(file, match, names) for file, match in zip(files, matches, strict=True)]
    lines = [_as_text(file, match, names, limit) for file, match in zip(files, matches, strict=True)]
    emit({"threshold": limit, "images": data}, "\n".join(lines), as_json=as_json)
    if any(match.card_id is None for match in matches):
        raise SystemExit(1)


def _threshold(release: Release, target: str, given: float | None) -> float:
    calibrated = release.target(target).match_threshold
    if given is not None:
        return given
    if calibrated is None:
        raise ReleaseError(
            release.root,
            expected=f"a calibrated match threshold for {target}",
            found="none",
            action="run `cardembed calibrate --write`, or pass --threshold",
        )
    return calibrated


def _as_data(file: Path, match: Match, names: dict[str, str]) -> dict[str, Any]:
    return {
        "image": str(file),
        "text": match.text,
        "card": match.card_id,
        "name": names.get(match.card_id or ""),
        "distance": match.distance,
        "nearest": match.nearest,
        "ties": [
            {"card": tie.card_id, "name": names.get(tie.card_id), "distance": tie.distance}
            for tie in match.ties
        ],
    }


def _as_text(file: Path, match: Match, names: dict[str, str], limit: float) -> str:
    def called(card_id: str) -> str:
        return one_line(f"{card_id} {names.get(card_id, '')}".rstrip())

    if match.card_id is None:
        near = f"nearest {called(match.nearest)} at distance {match.distance:.3f}, threshold {limit:.3f}"
        return f"{file}: {match.text} ({near})"
    lines = [f"{file}: {called(match.card_id)} (distance {match.distance:.3f})"]
    lines += [f"  about as near: {called(tie.card_id)} (distance {tie.distance:.3f})" for tie in match.ties]
    return "\n".join(lines)
