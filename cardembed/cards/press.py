"""Writing a catalogue as a folder of PNG files with `cards.csv`, as `FolderCatalogue` reads it."""

from __future__ import annotations

import csv
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path

from cardembed.cards.card import Card
from cardembed.cards.catalogue import Catalogue
from cardembed.cards.printer import BACK_DESIGNS, print_back
from cardembed.errors import UsageError

__all__ = ["write_catalogue"]

_COLUMNS = ("id", "file", *(entry.name for entry in fields(Card) if entry.name != "id"))


def write_catalogue(
    catalogue: Catalogue,
    out: Path,
    *,
    backs: bool = False,
    progress: Callable[[Iterable[Card]], Iterable[Card]] = iter,
) -> Path:
    """Write every card as cards/<id>.png and the table cards.csv; all of it or nothing.

    Args:
        catalogue: What to write.
        out: A folder that does not exist or is empty.
        backs: Whether to add backs/<design>.png, one of each design of the synthetic printer. No row of the
            table names them: they are no cards.
        progress: Wraps the iteration over cards, for a progress bar.

    Returns:
        `out`.

    Raises:
        UsageError: `out` is a file or a folder that holds something, or cannot be written.
    """
    _check_free(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=".part"))
    except OSError as error:
        raise UsageError(
            out, expected="a place to write to", found=str(error), action="choose another --out"
        ) from error
    try:
        _write(catalogue, draft, backs, progress)
        mask = os.umask(0)
        os.umask(mask)
        draft.chmod(0o777 & ~mask)
        draft.replace(out)
    except OSError as error:
        raise UsageError(
            out,
            expected="a place to write to",
            found=str(error),
            action="free some space or choose another --out",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return out


def _check_free(out: Path) -> None:
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise UsageError(
            out,
            expected="a new or an empty folder",
            found="a folder that holds something" if out.is_dir() else "a file",
            action="choose another --out or remove it",
        )


def _write(
    catalogue: Catalogue, draft: Path, backs: bool, progress: Callable[[Iterable[Card]], Iterable[Card]]
) -> None:
    (draft / "cards").mkdir()
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for place, card in enumerate(progress(catalogue.cards)):
        file = f"cards/{card.id if _is_plain(card.id) else f'card-{place:06d}'}.png"
        catalogue.image(card.id).save(draft / file, compress_level=3)
        values = card.as_dict() | {"file": file}
        writer.writerow(["" if values[column] is None else values[column] for column in _COLUMNS])
    (draft / "cards.csv").write_text(table.getvalue(), encoding="utf-8")
    if backs:
        (draft / "backs").mkdir()
        for seed, design in enumerate(BACK_DESIGNS):
            print_back(seed).save(draft / "backs" / f"{design}.png", compress_level=3)


def _is_plain(card_id: str) -> bool:
    """Whether an id can be part of a file's name everywhere, and of no other file's when case is ignored."""
    return (
        len(card_id) <= 80
        and card_id.isascii()
        and card_id == card_id.lower()
        and all(letter.isalnum() or letter in "-_" for letter in card_id)
        and not card_id.startswith("card-")
    )
