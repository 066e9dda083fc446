import csv
import json
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cardembed.cards.catalogue import (
    Card,
    FolderCatalogue,
    SyntheticCatalogue,
    load_catalogue,
)
from cardembed.cards.images import to_array
from cardembed.cards.press import write_catalogue
from cardembed.cards.printer.sets import set_style
from cardembed.errors import CatalogueError, ImageError

WHOLE = 17_592


@pytest.fixture(scope="module")
def whole() -> SyntheticCatalogue:
    return SyntheticCatalogue(1, WHOLE)


def folder(root: Path, rows: list[dict[str, object]], *, table: str = "cards.csv") -> Path:
    root.mkdir(exist_ok=True)
    for row in rows:
        name = row.get("file")
        if name and not (root / str(name)).exists():
            (root / str(name)).parent.mkdir(exist_ok=True)
            Image.new("RGB", (20, 28), (len(str(name)) * 9, 40, 90)).save(root / str(name))
    if table == "cards.json":
        (root / table).write_text(json.dumps(rows))
    else:
        columns = list(dict.fromkeys(key for row in rows for key in row))
        with (root / table).open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
    return root


def refused(call, *words: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        call()
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


# ---- synthetic


def test_seventeen_thousand_cards_are_distinct(whole: SyntheticCatalogue):
    assert len(whole) == len(set(whole.ids)) == WHOLE
    assert len({(card.set_code, card.number) for card in whole}) == WHOLE
    assert len({(card.artwork, card.set_code) for card in whole}) == WHOLE  # a reprint is in another set


def test_at_least_fifteen_percent_share_an_artwork(whole: SyntheticCatalogue):
    groups = Counter(whole.artworks)
    shared = sum(groups[artwork] > 1 for artwork in whole.artworks)
    assert shared / WHOLE >= 0.15


def test_finishes_come_in_their_proportions(whole: SyntheticCatalogue):
    shares = {name: count / WHOLE for name, count in Counter(card.finish for card in whole).items()}
    assert shares["plain"] == pytest.approx(0.6, abs=0.02)
    assert shares["holo"] == pytest.approx(0.3, abs=0.02)
    assert shares["gold"] == pytest.approx(0.1, abs=0.02)


def test_reprints_keep_the_creature_and_change_the_border(whole: SyntheticCatalogue):
    groups: dict[str, list[Card]] = {}
    for card in whole:
        groups.setdefault(card.artwork, []).append(card)
    for cards in groups.values():
        assert len({(card.name, card.element) for card in cards}) == 1
        assert len({set_style(1, card.set_code).border for card in cards}) == len(cards)
        assert not any(cards[0].finish == other.finish == "gold" for other in cards[1:])


def test_collector_numbers_count_every_set_once(whole: SyntheticCatalogue):
    seen: dict[str, list[int]] = {}
    for card in whole:
        number, total = card.number.split("/")
        assert int(number) <= int(total)
        seen.setdefault(card.set_code, []).append(int(number))
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in seen.values())
    assert len(seen) > 100


def test_support_cards_have_no_hit_points(whole: SyntheticCatalogue):
    for card in whole:
        assert (card.hp is None) == (card.element in {"item", "ally", "place"})
        assert card.hp is None or (30 <= card.hp <= 400 and card.hp % 10 == 0)
    assert len({card.name for card in whole}) > WHOLE * 0.6


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**40), count=st.integers(7, 260), shorter=st.integers(1, 260))
def test_any_catalogue_is_deterministic_a_prefix_of_longer_ones_and_has_reprints(seed, count, shorter):
    catalogue = SyntheticCatalogue(seed, count)
    assert catalogue.cards == SyntheticCatalogue(seed, count).cards
    assert len(set(catalogue.ids)) == count
    small = SyntheticCatalogue(seed, min(shorter, count))
    assert catalogue.cards[: len(small)] == small.cards
    groups = Counter(catalogue.artworks)
    assert sum(groups[artwork] > 1 for artwork in catalogue.artworks) >= 0.13 * count


def test_the_deal_of_cards_does_not_change_unnoticed():
    # Releases carry this digest. If it must change, raise PRINTER_VERSION and make the releases anew.
    assert (
        SyntheticCatalogue(1, 100).digest
        == "25846b9918bd21abf1aab155273bbec7e41fd3316bddd685056961db98154f10"
    )


def test_digests_tell_seeds_and_counts_apart():
    digests = {SyntheticCatalogue(seed, count).digest for seed, count in [(1, 20), (2, 20), (1, 21)]}
    assert len(digests) == 3


def test_sequence_lookup_and_pickling():
    catalogue = SyntheticCatalogue(4, 9)
    third = catalogue[2]
    assert catalogue.by_id(third.id) is third
    assert catalogue.index_of(third.id) == 2
    assert third in catalogue
    assert list(catalogue) == list(catalogue.cards)
    assert catalogue[1:3] == catalogue.cards[1:3]
    packed = pickle.dumps(catalogue)
    assert len(packed) < 200
    assert pickle.loads(packed).digest == catalogue.digest
    refused(lambda: catalogue.by_id("zzz"), "'zzz'", third.id[:2])
    refused(lambda: catalogue.image("zzz"))


@pytest.mark.parametrize(
    "spec", ["synthetic:1", "synthetic:a:3", "synthetic:1:2:3", "synthetic:-1:3", "synthetic:1:1.5"]
)
def test_misspelt_synthetic_catalogues_are_refused(spec: str):
    refused(lambda: load_catalogue(spec), "synthetic:SEED:COUNT" if spec != "synthetic:-1:3" else spec)


def test_an_empty_or_huge_synthetic_catalogue_is_refused():
    refused(lambda: load_catalogue("synthetic:1:0"), "at least one card")
    refused(lambda: SyntheticCatalogue(1, 10_000_000), "count 10000000")
    refused(lambda: SyntheticCatalogue(-1, 3), "seed -1")


# ---- folders


@pytest.mark.parametrize("table", ["cards.csv", "cards.json"])
def test_a_folder_loads(table: str, tmp_path: Path):
    rows = [
        {
            "id": "a-1",
            "file": "a.png",
            "name": "Aby, the first",
            "finish": "Holo",
            "artwork": "x",
            "hp": "70",
        },
        {"id": "a-2", "file": "scans/b.png", "name": "", "finish": "", "artwork": "x", "hp": ""},
        {"id": "Ä 3", "file": "c.png", "name": "Ünder\u2009", "finish": "gold", "artwork": "", "hp": "30"},
    ]
    catalogue = load_catalogue(folder(tmp_path / "scans", rows, table=table))
    assert isinstance(catalogue, FolderCatalogue)
    assert catalogue.ids == ["a-1", "a-2", "Ä 3"]
    assert [card.finish for card in catalogue] == ["holo", "plain", "gold"]
    assert [card.hp for card in catalogue] == [70, None, 30]
    assert catalogue.artworks[0] == catalogue.artworks[1] != catalogue.artworks[2]
    assert catalogue[1].name == "a-2"
    assert catalogue.image("a-2").size == (20, 28)
    assert catalogue.reference == {"kind": "folder", "digest": catalogue.digest}


def test_json_may_hold_the_cards_in_an_object(tmp_path: Path):
    folder(tmp_path, [{"id": "1", "file": "a.png"}])
    (tmp_path / "cards.csv").unlink()
    (tmp_path / "cards.json").write_text(json.dumps({"cards": [{"id": 1, "file": "a.png", "hp": 40}]}))
    card = FolderCatalogue(tmp_path)[0]
    assert (card.id, card.hp) == ("1", 40)


def test_a_byte_order_mark_and_spaces_are_harmless(tmp_path: Path):
    folder(tmp_path, [{"id": "1", "file": "a.png"}])
    (tmp_path / "cards.csv").write_bytes(b"\xef\xbb\xbfid,file,finish\r\n 1 , a.png , GOLD\r\n")
    assert FolderCatalogue(tmp_path)[0].finish == "gold"


def test_the_digest_covers_metadata_and_bytes(tmp_path: Path):
    rows: list[dict[str, object]] = [{"id": "1", "file": "a.png", "name": "A"}]
    first = FolderCatalogue(folder(tmp_path / "x", rows)).digest
    assert FolderCatalogue(folder(tmp_path / "y", rows)).digest == first
    Image.new("RGB", (20, 28), (1, 2, 3)).save(tmp_path / "x" / "a.png")
    assert FolderCatalogue(tmp_path / "x").digest != first
    rows[0]["name"] = "B"
    assert FolderCatalogue(folder(tmp_path / "y", rows)).digest != first


def test_a_printed_catalogue_comes_back(tmp_path: Path):
    catalogue = SyntheticCatalogue(6, 8)
    write_catalogue(catalogue, tmp_path / "out", backs=True)
    loaded = load_catalogue(str(tmp_path / "out"))
    assert loaded.cards == catalogue.cards
    for card in catalogue.cards[:3]:
        assert np.array_equal(to_array(loaded.image(card.id)), to_array(catalogue.image(card.id)))
    assert len(list((tmp_path / "out" / "backs").glob("*.png"))) >= 5


def test_folders_that_are_none(tmp_path: Path):
    refused(lambda: load_catalogue(tmp_path / "none"), "nothing there")
    (tmp_path / "file").write_text("x")
    refused(lambda: load_catalogue(str(tmp_path / "file")), "a file")
    refused(lambda: load_catalogue(tmp_path), "cards.csv or cards.json", "no images")
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    refused(lambda: load_catalogue(tmp_path), "some images")


def test_a_folder_without_images_is_refused(tmp_path: Path):
    (tmp_path / "cards.csv").write_text("id,file\n1,a.png\n")
    refused(lambda: load_catalogue(tmp_path), "a table but no image")


def test_a_column_that_is_missing_is_named_once(tmp_path: Path):
    (tmp_path / "a.png").touch()
    (tmp_path / "cards.csv").write_text("idd,file\none,a.png\ntwo,a.png\n")
    refused(lambda: load_catalogue(tmp_path), "cards.csv", "no column id")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cards.csv", b""),
        ("cards.csv", b"id,file\n"),
        ("cards.json", b"[]"),
        ("cards.json", b'{"cards": []}'),
    ],
)
def test_an_empty_catalogue_is_refused(name: str, content: bytes, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    refused(lambda: load_catalogue(tmp_path), "at least one card")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cards.csv", b"id,file\n\xff\xfe,a.png\n"),
        ("cards.csv", b'id,file\n"1,a.png\n'),
        ("cards.json", b"{"),
        ("cards.json", b"[1, 2]"),
        ("cards.json", b'{"other": 1}'),
        ("cards.json", b"[" * 100_000),
    ],
)
def test_a_damaged_table_is_refused(name: str, content: bytes, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    refused(lambda: load_catalogue(tmp_path), name)


def test_duplicate_ids_are_refused_and_named(tmp_path: Path):
    rows = [{"id": i, "file": f"{n}.png"} for n, i in enumerate(["a", "b", "a", "c", "c", "c"])]
    refused(lambda: FolderCatalogue(folder(tmp_path, rows)), "'a' on 2 rows", "'c' on 3 rows")


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"id": "", "file": "a.png"}, "row 2: no id"),
        ({"id": "b", "file": ""}, "'b' names no file"),
        ({"id": "b", "file": "a.png", "finish": "shiny"}, "'shiny'"),
        ({"id": "b", "file": "a.png", "hp": "many"}, "'many'"),
        ({"id": "b", "file": "a.png", "hp": "-3"}, "'-3'"),
        ({"id": "b", "file": "../outside.png"}, "outside the folder"),
        ({"id": "b", "file": "/etc/hostname"}, "outside the folder"),
        ({"id": "b", "file": "..\\outside.png"}, "outside the folder"),
        ({"id": "b", "file": "link.png"}, "outside the folder"),
        ({"id": "b", "file": "none.png"}, "no file 'none.png'"),
        ({"id": "b", "file": "."}, "outside the folder"),
        ({"id": "b", "file": "sub"}, "no file 'sub'"),
    ],
)
def test_bad_rows_are_refused(row: dict[str, str], word: str, tmp_path: Path):
    root = folder(tmp_path / "scans", [{"id": "a", "file": "a.png"}])
    Image.new("RGB", (20, 20)).save(tmp_path / "outside.png")
    (root / "link.png").symlink_to(tmp_path / "outside.png")
    (root / "sub").mkdir()
    (root / "cards.csv").unlink()
    (root / "cards.json").write_text(json.dumps([{"id": "a", "file": "a.png"}, row]))
    refused(lambda: FolderCatalogue(root), word)


def test_many_problems_are_counted(tmp_path: Path):
    rows: list[dict[str, object]] = [{"id": "ok", "file": "a.png"}]
    root = folder(tmp_path, rows)
    (root / "cards.csv").write_text("id,file\nok,a.png\n" + "".join(f"c{n},gone{n}.png\n" for n in range(9)))
    refused(lambda: FolderCatalogue(root), "gone0", "gone2", "and 6 more")


def test_an_unreadable_scan_is_reported_when_it_is_opened(tmp_path: Path):
    root = folder(tmp_path, [{"id": "a", "file": "a.png"}])
    (root / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    catalogue = FolderCatalogue(root)
    with pytest.raises(ImageError, match=r"a\.png"):
        catalogue.image("a")


# ---- references


def test_references_find_the_catalogue_again(tmp_path: Path):
    catalogue = SyntheticCatalogue(3, 12)
    assert load_catalogue(json.loads(json.dumps(catalogue.reference))).digest == catalogue.digest
    scans = FolderCatalogue(folder(tmp_path, [{"id": "a", "file": "a.png"}]))
    assert load_catalogue({**scans.reference, "path": str(tmp_path)}).digest == scans.digest


@pytest.mark.parametrize(
    "reference",
    [
        {},
        {"kind": "cloud"},
        {"kind": "folder", "digest": "0" * 64},
        {"kind": "synthetic", "seed": "1", "count": 3},
        {"kind": "synthetic", "seed": 1, "count": True},
        {"kind": "synthetic", "seed": 1, "count": 3, "printer": "0"},
    ],
)
def test_references_that_lead_nowhere_are_refused(reference):
    refused(lambda: load_catalogue(reference))


def test_a_folder_that_changed_is_refused(tmp_path: Path):
    folder(tmp_path, [{"id": "a", "file": "a.png"}])
    refused(lambda: load_catalogue({"kind": "folder", "path": str(tmp_path), "digest": "0" * 64}), "0" * 64)
