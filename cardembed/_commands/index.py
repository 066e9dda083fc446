"""`cardembed index build`: a catalogue's embeddings as a file."""

from __future__ import annotations

from pathlib import Path

import click

from cardembed._commands._embedding import (
    catalogue_option,
    release_of,
    release_option,
    threads_option,
)
from cardembed._commands._output import emit, json_option, refuse_unwritable
from cardembed.errors import UsageError

__all__ = ["command"]


@click.group("index")
def command() -> None:
    """Build a reference database.

    \b
    Example:
      cardembed index build --target server --out card_embeddings.json
    """


@command.command("build")
@release_option
@click.option("--target", default="server", show_default=True, help="Whose artefact embeds the cards.")
@catalogue_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write: .npz, or .json (the PRD's card_embeddings.json).",
)
@threads_option
@json_option
def build(
    *,
    release_dir: Path | None,
    target: str,
    catalogue: str | None,
    out: Path,
    threads: int | None,
    as_json: bool,
) -> None:
    """Embed every card of a catalogue and write the reference database.

    \b
    Example:
      cardembed index build --target android --out card_embeddings.json
    """
    from cardembed._commands._database import build_database
    from cardembed.embedders.registry import open_embedder
    from cardembed.release_cards import catalogue_of

    if out.suffix not in (".npz", ".json"):
        raise UsageError(out, expected=".npz or .json", found=repr(out.suffix), action="choose another --out")
    refuse_unwritable(out)
    release = release_of(release_dir)
    release.target(target)
    cards = catalogue_of(release, catalogue, searched=True)
    with open_embedder(release, target, threads=threads) as embedder:
        database = build_database(embedder, cards)
    database.save(out)
    data = {"out": str(out), "cards": len(database), **database.metadata}
    emit(data, f"{len(database)} cards in {out}", as_json=as_json)
