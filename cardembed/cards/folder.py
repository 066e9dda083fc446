"""Reading a folder of scans with its table of cards, and finding everything that is wrong with it."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from cardembed._io import sha256_file
from cardembed.cards.card import FINISHES, Card
from cardembed.cards.images import SUFFIXES
from cardembed.errors import CatalogueError

__all__ = ["TABLES", "FolderListing", "Problem", "digest_of_files", "read_folder", "unlisted_images"]

TABLES = ("cards.csv", "cards.json")
"""Names of the metadata file, the first that exists counts."""
_TEXTS = ("name", "set_code", "number", "rarity", "element", "layout")
_MAX_TABLE = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: kind ("duplicate-id", "missing-file", "bad-metadata"), card ids, explanation."""

    kind: str
    ids: tuple[str, ...]
    text: str


@dataclass(slots=True)
class FolderListing:
    """What a folder's table says: cards with distinct ids, the file of each, and the problems met.

    Args:
        root: The folder.
        cards: The cards whose rows are right, the first of each id.
        files: File of each of these cards by id, relative to the folder.
        problems: Everything else.
        rows: How many rows the table has.
    """

    root: Path
    cards: list[Card] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    rows: int = 0

    def refuse_problems(self) -> None:
        """Raise a CatalogueError with the first few problems, if there are any."""
        if not self.problems:
            return
        first = "; ".join(problem.text for problem in self.problems[:3])
        more = f"; and {len(self.problems) - 3} more" if len(self.problems) > 3 else ""
        raise CatalogueError(
            self.root,
            expected="a table with one row a card, every id once and every file there",
            found=f"{first}{more}",
            action="mend the table (all of its problems: cardembed cards check)",
        )


def read_folder(root: Path) -> FolderListing:
    """Read the table of a folder and look whether its files exist; no image is opened.

    Raises:
        CatalogueError: No folder, no or an unreadable table, a table without rows, a folder without images.
    """
    if not root.is_dir():
        raise CatalogueError(
            root,
            expected="a folder of card images with cards.csv or cards.json, or synthetic:SEED:COUNT",
            found="a file" if root.exists() else "nothing there",
            action="check the path",
        )
    table = next((root / name for name in TABLES if (root / name).is_file()), None)
    if table is None:
        raise CatalogueError(
            root,
            expected="cards.csv or cards.json beside the images",
            found=f"neither, {'some' if _has_images(root) else 'and no'} images",
            action="write a table with the columns id, file and if known name, set_code, finish, artwork",
        )
    rows = _rows(table)
    if not rows:
        raise CatalogueError(
            table, expected="at least one card", found="an empty table", action="add a row for each card"
        )
    if not _has_images(root):
        raise CatalogueError(
            root,
            expected=f"images ({', '.join(SUFFIXES)})",
            found="a table but no image",
            action="put the scans beside the table",
        )
    listing = FolderListing(root, rows=len(rows))
    for number, row in enumerate(rows, start=1):
        _take(listing, number, row)
    seen = Counter(str(row.get("id") or "").strip() for row in rows)
    for card_id, times in seen.items():
        if card_id and times > 1:
            listing.problems.append(
                Problem("duplicate-id", (card_id,), f"duplicate id {card_id!r} on {times} rows")
            )
    return listing


def digest_of_files(root: Path, files: list[str]) -> list[str]:
    """SHA-256 of each file.

    Raises:
        CatalogueError: A file that cannot be read.
    """
    try:
        return [sha256_file(root / file) for file in files]
    except OSError as error:
        raise CatalogueError(
            root, expected="readable image files", found=str(error), action="check the folder's files"
        ) from error


def unlisted_images(listing: FolderListing) -> list[str]:
    """Images in the folder that no right row of the table names, relative to it, sorted."""
    named = {(listing.root / file).resolve() for file in listing.files.values()}
    found = (path for path in listing.root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    return sorted(path.relative_to(listing.root).as_posix() for path in found if path.resolve() not in named)


def _has_images(root: Path) -> bool:
    return any(path.suffix.lower() in SUFFIXES for path in root.rglob("*") if path.is_file())


def _rows(table: Path) -> list[dict[str, Any]]:
    try:
        if table.stat().st_size > _MAX_TABLE:
            raise ValueError(f"{table.stat().st_size} bytes")
        text = table.read_text(encoding="utf-8-sig")
        if table.suffix == ".csv":
            reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
            rows: object = [dict(row) for row in reader]
            absent = [name for name in ("id", "file") if name not in (reader.fieldnames or ())]
            if rows and absent:
                raise ValueError(f"no column {' and no column '.join(absent)}")
        else:
            rows = json.loads(text)
            if isinstance(rows, dict):
                rows = rows.get("cards")
    except (OSError, ValueError, csv.Error, RecursionError) as error:
        raise CatalogueError(
            table,
            expected="a readable UTF-8 table",
            found=str(error) or type(error).__name__,
            action="mend the file",
        ) from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CatalogueError(
            table,
            expected='a list of objects, or {"cards": [...]}',
            found=type(rows).__name__ if not isinstance(rows, list) else "a list of other things",
            action="write one object a card",
        )
    return rows


def _take(listing: FolderListing, number: int, row: dict[str, Any]) -> None:
    """Add the row's card, or what is wrong with it."""
    values = {key: "" if found is None else str(found).strip() for key, found in row.items() if key}
    card_id, file = values.get("id", ""), values.get("file", "")
    wrong = _wrong_with(listing.root, values)
    if wrong:
        kind, text = wrong
        ids = (card_id,) if card_id else ()
        listing.problems.append(Problem(kind, ids, f"row {number}: {text}"))
        return
    if card_id in listing.files:
        return  # reported with all its rows as a duplicate id
    hp = values.get("hp", "")
    texts = {key: values.get(key, "") for key in _TEXTS}
    texts["name"] = texts["name"] or card_id
    finish, artwork = values.get("finish", "").lower() or "plain", values.get("artwork") or f"card:{card_id}"
    card = Card(id=card_id, finish=finish, artwork=artwork, hp=int(hp) if hp else None, **texts)
    listing.cards.append(card)
    listing.files[card_id] = file


def _wrong_with(root: Path, values: dict[str, str]) -> tuple[str, str] | None:
    """Kind and text of the first thing wrong with a row."""
    card_id, file, hp = (values.get(key, "") for key in ("id", "file", "hp"))
    finish = values.get("finish", "").lower() or "plain"
    tests = (
        ("bad-metadata", bool(card_id), "no id"),
        ("bad-metadata", bool(file), f"card {card_id!r} names no file"),
        ("bad-metadata", finish in FINISHES, f"finish {finish!r} is none of {', '.join(FINISHES)}"),
        (
            "bad-metadata",
            not hp or (hp.isascii() and hp.isdigit() and len(hp) < 7),
            f"hp {hp!r} is no number",
        ),
        ("bad-metadata", not file or _inside(root, file), f"file {file!r} lies outside the folder"),
    )
    for kind, right, text in tests:
        if not right:
            return kind, text
    if not (root / file).is_file():
        return "missing-file", f"card {card_id!r}: no file {file!r}"
    return None


def _inside(root: Path, file: str) -> bool:
    """Whether a relative path stays in the folder, links followed."""
    path = PurePosixPath(file.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in file or ":" in path.parts[0]:
        return False
    return (root / file).resolve().is_relative_to(root.resolve())
