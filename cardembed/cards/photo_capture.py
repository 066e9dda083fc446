"""Photo sets from a camera: pictures in a folder and a table that says what each shows."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from cardembed._io import atomic_write_bytes, sha256_bytes
from cardembed.cards.images import open_image
from cardembed.cards.photo_manifest import MANIFEST, PhotoManifest, PhotoRecord
from cardembed.cards.photo_plan import Split
from cardembed.cards.photo_set import PhotoSet
from cardembed.cards.unknowns import UNKNOWNS
from cardembed.errors import CardembedError, CatalogueError, PhotoSetError

if TYPE_CHECKING:
    from cardembed.cards.catalogue import Catalogue

__all__ = ["TABLE", "import_photo_set"]

TABLE = "photos.csv"
COLUMNS = frozenset({"file", "card", "condition", "family", "severity", "device"})
_SHOWN = 3


def import_photo_set(
    source: Path | str,
    catalogue: Catalogue,
    *,
    out: Path | str,
    split: Split = "verdict",
    name: str | None = None,
) -> PhotoSet:
    """Make a captured photo set from a folder of pictures.

    The folder's `photos.csv` has the columns `file` (in the folder) and `condition` ("clean", "clean-second",
    "occluded", "glare", "unknown", "unknown-card"), and where it applies `card` (an id of the catalogue),
    `family`, `severity` (an estimate, 2 without one) and `device`. Rows keep their order: the i-th
    "clean-second" and the i-th "occluded" must show the card of the i-th "clean". An "unknown" needs a
    family, because AC-4 is decided in every family on its own: one of `UNKNOWNS`, as the default policy
    expects, or another name. A "glare" shows a holo or gold card, as AC-3 says. Files are copied unchanged.

    Args:
        source: The folder.
        catalogue: The cards that the table names.
        out: A folder that is absent or empty; it appears complete or not at all.
        split: What the photos may be used for.
        name: For people.

    Raises:
        PhotoSetError: The table or a picture cannot be used, or a picture stands in two rows, with the first
            few reasons; or `out` is not empty.
    """
    source, out = Path(source), Path(out)
    if out.is_symlink() or (out.exists() and not (out.is_dir() and not any(out.iterdir()))):
        raise PhotoSetError(
            out, expected="a new or empty folder", found="something there", action="choose another folder"
        )
    rows = _rows(source)
    problems: list[str] = []
    records: list[PhotoRecord] = []
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=".part"))
    try:
        (temporary / "photos").mkdir()
        for number, row in enumerate(rows):
            try:
                records.append(_take(source, temporary, number, row, catalogue))
            except CardembedError as error:
                problems.append(f"row {number + 2}: {error.thing}: {error.found}")
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                problems.append(f"row {number + 2}: {'.'.join(map(str, first['loc']))} {first['msg']}")
        if not problems:
            problems = _twice(records, [row["file"] for row in rows]) + _pairs(records)
        if problems:
            shown = "; ".join(problems[:_SHOWN]) + (" …" if len(problems) > _SHOWN else "")
            raise PhotoSetError(
                source / TABLE,
                expected="rows with pictures of the folder, and cards and families as each condition needs",
                found=f"{len(problems)} problems: {shown}" if len(problems) > 1 else shown,
                action="correct the table",
            )
        manifest = PhotoManifest(
            name=(name or f"captured {split} photos of {catalogue.name}")[:200],
            split=split,
            provenance="captured",
            catalogue_digest=catalogue.digest,
            cards=len(catalogue),
            photos=tuple(records),
        )
        atomic_write_bytes(temporary / MANIFEST, manifest.to_bytes())
        temporary.chmod(0o755)
        with suppress(FileNotFoundError):
            out.rmdir()
        temporary.rename(out)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return PhotoSet(out, manifest)


def _rows(source: Path) -> list[dict[str, str]]:
    table = source / TABLE
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            rows = [{k: (v or "").strip() for k, v in row.items() if k is not None} for row in reader]
            columns = set(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        found = "none" if isinstance(error, FileNotFoundError) else str(error)
        raise PhotoSetError(
            source,
            expected=f"a folder with pictures and a table {TABLE}",
            found=found,
            action="write the table, see: cardembed photos import --help",
        ) from error
    if not rows or not {"file", "condition"} <= columns <= COLUMNS:
        raise PhotoSetError(
            table,
            expected=f"rows, with file and condition among the columns, and no others than {sorted(COLUMNS)}",
            found="no rows" if not rows else f"columns {sorted(columns)}",
            action="correct the table",
        )
    return rows


def _take(
    source: Path, target: Path, number: int, row: Mapping[str, str], catalogue: Catalogue
) -> PhotoRecord:
    """Check a row, and copy its picture."""
    file = source / row["file"]
    if not file.resolve().is_relative_to(source.resolve()):
        raise PhotoSetError(
            file, expected="a file of the folder", found="one outside", action="copy it there"
        )
    open_image(file)
    if card := row.get("card", ""):
        try:
            catalogue.index_of(card)
        except CatalogueError as error:
            raise PhotoSetError(
                card,
                expected=f"the id of a card of {catalogue.name}",
                found="no card of the catalogue has this id",
                action="correct the table",
            ) from error
    data = file.read_bytes()
    identity = f"captured-{number:05d}"
    record = PhotoRecord.model_validate(
        {
            "id": identity,
            "file": f"photos/{identity}{file.suffix.lower()}",
            "sha256": sha256_bytes(data),
            "card": card or None,
            "condition": row["condition"],
            "severity": row.get("severity") or 2,
            "family": row.get("family", ""),
            "provenance": "captured",
            "device": row.get("device") or None,
        }
    )
    _check_condition(record, catalogue)
    (target / record.file).write_bytes(data)
    return record


def _check_condition(record: PhotoRecord, catalogue: Catalogue) -> None:
    """What AC-3 and AC-4 need of their photos."""
    if record.condition == "unknown" and not record.family:
        raise PhotoSetError(
            "family",
            expected="a family for condition unknown",
            found=f"none, where condition unknown needs {', '.join(UNKNOWNS)} or another name",
            action="say in the table what the picture shows",
        )
    if record.condition == "glare" and record.card and catalogue.by_id(record.card).finish == "plain":
        raise PhotoSetError(
            f"glare of {record.card}",
            expected="a holo/gold card",
            found="a plain card by the catalogue's finish, where AC-3 needs a holo/gold card",
            action="leave the row out, or correct the finish in the catalogue",
        )


def _twice(records: list[PhotoRecord], names: list[str]) -> list[str]:
    """A picture that stands for several photos would count as many, and agree with itself in AC-6."""
    first: dict[str, int] = {}
    problems = []
    for number, record in enumerate(records):
        before = first.setdefault(record.sha256, number)
        if before != number:
            problems.append(f"row {number + 2}: {names[number]}: the same picture as row {before + 2}")
    return problems


def _pairs(records: list[PhotoRecord]) -> list[str]:
    cards = {
        condition: [record.card for record in records if record.condition == condition]
        for condition in ("clean", "clean-second", "occluded")
    }
    problems = []
    for condition in ("clean-second", "occluded"):
        mine = cards[condition]
        if mine != cards["clean"][: len(mine)]:
            problems.append(f"the i-th {condition} photo must show the card of the i-th clean one")
    return problems
