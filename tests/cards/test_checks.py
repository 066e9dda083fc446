import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from cardembed.cards.catalogue import FolderCatalogue, SyntheticCatalogue
from cardembed.cards.checks import CheckReport, check_catalogue
from cardembed.cards.press import write_catalogue
from cardembed.errors import CatalogueError

COUNT = 16


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalogue(SyntheticCatalogue(11, COUNT), tmp_path_factory.mktemp("printed") / "cards")


@pytest.fixture
def scans(printed: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(printed, tmp_path / "scans"))


def rows(root: Path) -> list[dict[str, str]]:
    with (root / "cards.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def add(root: Path, image: Image.Image | None, name: str, **values: str) -> None:
    """One more row, and its image where there is one."""
    table = rows(root)
    blank = dict.fromkeys(table[0], "")
    table.append({**blank, "id": name, "file": f"cards/{name}.png", **values})
    if image is not None:
        image.save(root / "cards" / f"{name}.png")
    with (root / "cards.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(blank))
        writer.writeheader()
        writer.writerows(table)


def problems(report: CheckReport) -> list[tuple[str, set[str]]]:
    return [(finding.kind, set(finding.ids)) for finding in report.problems]


def first_scan(root: Path) -> tuple[dict[str, str], Image.Image]:
    row = rows(root)[0]
    return row, Image.open(root / row["file"]).convert("RGB")


def test_a_printed_catalogue_is_in_order(scans: Path):
    report = check_catalogue(scans)
    assert report.ok
    assert report.cards == COUNT
    assert report.counts()["reprint"] >= 2  # information, no problem
    catalogue = FolderCatalogue(scans)
    for finding in report.findings:
        assert finding.kind == "reprint"
        artwork = catalogue.by_id(finding.ids[0]).artwork
        assert list(finding.ids) == [card.id for card in catalogue if card.artwork == artwork]
    assert check_catalogue(FolderCatalogue(scans)).counts() == report.counts()


def test_a_synthetic_catalogue_is_checked_by_its_name():
    by_name, itself = check_catalogue("synthetic:11:9"), check_catalogue(SyntheticCatalogue(11, 9))
    assert by_name.as_dict() == itself.as_dict()
    assert by_name.ok


def test_duplicate_ids_are_found(scans: Path):
    row = rows(scans)[0]
    add(scans, None, row["id"], file=row["file"])
    report = check_catalogue(scans)
    assert problems(report) == [("duplicate-id", {row["id"]})]
    assert report.cards == COUNT + 1


@pytest.mark.parametrize("change", ["jpeg", "brighter", "shifted"])
def test_a_second_scan_under_another_id_is_found(scans: Path, change: str, tmp_path: Path):
    row, image = first_scan(scans)
    if change == "jpeg":
        image.save(tmp_path / "a.jpg", quality=40)
        image = Image.open(tmp_path / "a.jpg")
    elif change == "brighter":
        image = ImageEnhance.Brightness(image).enhance(1.06)
    else:
        image = image.crop((1, 1, 180, 251)).resize((360, 504), Image.Resampling.BICUBIC)
    add(scans, image, "again", artwork="another")
    assert problems(check_catalogue(scans)) == [("near-duplicate", {row["id"], "again"})]


def test_a_reprint_that_the_table_declares_is_no_duplicate(scans: Path):
    row, image = first_scan(scans)
    add(scans, image, "again", artwork=row["artwork"], set_code="OTHER", number="1/2")
    report = check_catalogue(scans)
    assert report.ok
    assert any({"again", row["id"]} <= set(f.ids) for f in report.findings if f.kind == "reprint")


def test_the_same_printing_twice_in_an_artwork_group_is_a_duplicate(scans: Path):
    row, image = first_scan(scans)
    same = {key: row[key] for key in ("artwork", "set_code", "number", "finish")}
    add(scans, image, "again", **same)
    assert problems(check_catalogue(scans)) == [("near-duplicate", {row["id"], "again"})]


def test_placeholders_are_found(scans: Path):
    soon = Image.new("RGB", (180, 252), (200, 200, 205))
    soon.paste((90, 90, 100), (40, 60, 140, 190))
    soon.paste((230, 120, 30), (60, 100, 120, 120))
    for number in range(3):
        add(scans, soon, f"soon{number}")
    noise = np.random.default_rng(0).integers(118, 124, (252, 180, 3), dtype=np.uint8)
    add(scans, Image.fromarray(noise), "blank")
    found = problems(check_catalogue(scans))
    assert ("placeholder", {"soon0", "soon1", "soon2"}) in found
    assert ("placeholder", {"blank"}) in found
    assert len(found) == 2


def test_unreadable_missing_and_unlisted_files_are_found(scans: Path):
    listed = rows(scans)
    (scans / listed[0]["file"]).write_bytes(b"")
    (scans / listed[1]["file"]).write_bytes((scans / listed[1]["file"]).read_bytes()[:900])
    (scans / listed[2]["file"]).unlink()
    Image.new("RGB", (20, 20)).save(scans / "extra.png")
    report = check_catalogue(scans)
    kinds = {finding.kind: finding for finding in report.findings if finding.kind != "unreadable"}
    assert {f.ids[0] for f in report.findings if f.kind == "unreadable"} == {listed[0]["id"], listed[1]["id"]}
    assert kinds["missing-file"].ids == (listed[2]["id"],)
    assert "extra.png" in kinds["unlisted"].text
    assert not kinds["unlisted"].problem
    assert not report.ok


def test_nothing_to_check_is_an_error(tmp_path: Path):
    for source in (tmp_path, tmp_path / "none", "synthetic:1:0"):
        with pytest.raises(CatalogueError):
            check_catalogue(source)


def test_progress_sees_every_card(scans: Path):
    seen = []

    def watch(cards):
        for card in cards:
            seen.append(card.id)
            yield card

    check_catalogue(scans, progress=watch)
    assert len(seen) == COUNT
