"""Captured photo sets: what the table says, the very bytes of the camera, or nothing at all."""

import csv
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from cardembed.cards.catalogue import SyntheticCatalogue
from cardembed.cards.photo_capture import import_photo_set
from cardembed.cards.photo_set import PhotoSet
from cardembed.cards.unknowns import UNKNOWNS
from cardembed.errors import PhotoSetError

CATALOGUE = SyntheticCatalogue(3, 5)
A, B = CATALOGUE.ids[:2]
PLAIN, HOLO, GOLD = (
    next(card.id for card in CATALOGUE.cards if card.finish == finish) for finish in ("plain", "holo", "gold")
)
ROWS = [
    {"file": "a.jpg", "card": A, "condition": "clean", "device": "phone"},
    {"file": "b.JPG", "card": B, "condition": "clean", "severity": "3"},
    {"file": "c.png", "card": A, "condition": "clean-second"},
    {"file": "d.png", "card": A, "condition": "occluded", "family": "fingers"},
    {"file": "e.png", "condition": "unknown", "family": "wood"},
]


@pytest.fixture
def folder(tmp_path):
    source = tmp_path / "pictures"
    source.mkdir()
    for number, row in enumerate(ROWS):
        Image.new("RGB", (40, 56), (number * 40, 90, 120)).save(source / row["file"])
    write(source, ROWS)
    return source


def write(source, rows, columns=("file", "card", "condition", "family", "severity", "device")):
    with (source / "photos.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        table.writerows(rows)


def test_photos_keep_their_bytes_and_what_the_table_says(folder, tmp_path):
    made = import_photo_set(folder, CATALOGUE, out=tmp_path / "set")
    photos = PhotoSet.load(tmp_path / "set")
    assert photos.digest == made.digest
    assert (photos.provenance, photos.manifest.catalogue_digest) == ("captured", CATALOGUE.digest)
    for row, record in zip(ROWS, photos.records, strict=True):
        assert (photos.root / record.file).read_bytes() == (folder / row["file"]).read_bytes()
        assert (record.card, record.condition) == (row.get("card"), row["condition"])
        assert (record.family, record.device) == (row.get("family", ""), row.get("device"))
        assert record.severity == int(row.get("severity", 2))
        assert (record.seed, record.provenance) == (None, "captured")


@pytest.mark.parametrize(
    ("number", "change", "text"),
    [
        (0, {"file": "missing.jpg"}, "row 2: .*missing.jpg"),
        (0, {"file": "../outside.jpg"}, "outside"),
        (1, {"card": "nobody"}, "row 3: .*nobody"),
        (1, {"card": ""}, "does not go with card"),
        (4, {"card": A}, "does not go with card"),
        (2, {"condition": "sharp"}, "condition"),
        (2, {"severity": "9"}, "severity"),
        (2, {"card": B}, "i-th clean-second"),
        (3, {"card": B}, "i-th occluded"),
    ],
)
def test_rows_that_cannot_be_used_are_told_and_nothing_is_written(folder, tmp_path, number, change, text):
    Image.new("RGB", (40, 56)).save(tmp_path / "outside.jpg")
    write(folder, [row | change if k == number else row for k, row in enumerate(ROWS)])
    with pytest.raises(PhotoSetError, match=text):
        import_photo_set(folder, CATALOGUE, out=tmp_path / "set")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside.jpg", "pictures"]


@pytest.mark.parametrize("family", ["", "  "])
def test_an_unknown_without_a_family_is_told_with_those_that_the_policy_expects(folder, tmp_path, family):
    write(folder, [row | {"family": family} if row["condition"] == "unknown" else row for row in ROWS])
    with pytest.raises(PhotoSetError, match="row 6: family: none") as caught:
        import_photo_set(folder, CATALOGUE, out=tmp_path / "set")
    policy = tomllib.loads((Path(__file__).resolve().parents[2] / "policy.toml").read_text())["policy"]
    assert set(UNKNOWNS) == set(policy["unknown_families"])
    assert ", ".join(UNKNOWNS) in str(caught.value)
    assert "or another name" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "set").exists()


def test_an_unknown_may_be_of_a_family_of_its_own(folder, tmp_path):
    write(folder, [row | {"family": "moss"} if row["condition"] == "unknown" else row for row in ROWS])
    photos = import_photo_set(folder, CATALOGUE, out=tmp_path / "set")
    assert photos.records[-1].family == "moss"


def test_other_conditions_need_no_family(folder, tmp_path):
    write(folder, [ROWS[0], {"file": "e.png", "condition": "unknown-card"}])
    photos = import_photo_set(folder, CATALOGUE, out=tmp_path / "set")
    assert [record.family for record in photos.records] == ["", ""]


def test_glare_is_of_holo_and_gold_cards_only(folder, tmp_path):
    cards = zip("cde", (HOLO, PLAIN, GOLD), strict=True)
    rows = [{"file": f"{name}.png", "condition": "glare", "card": card} for name, card in cards]
    write(folder, rows)
    with pytest.raises(
        PhotoSetError, match=f"row 3: glare of {PLAIN}: a plain card .*AC-3.*holo/gold"
    ) as caught:
        import_photo_set(folder, CATALOGUE, out=tmp_path / "set")
    assert "row 2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "set").exists()
    write(folder, [rows[0], rows[2]])
    assert len(import_photo_set(folder, CATALOGUE, out=tmp_path / "set")) == 2


def test_a_picture_counts_once(folder, tmp_path):
    (folder / "copy.png").write_bytes((folder / "c.png").read_bytes())
    write(folder, [*ROWS, {"file": "copy.png", "condition": "unknown", "family": "cloth"}])
    with pytest.raises(PhotoSetError, match=r"row 7: copy\.png: the same picture as row 4"):
        import_photo_set(folder, CATALOGUE, out=tmp_path / "set")
    write(folder, [*ROWS, ROWS[-1]])
    with pytest.raises(PhotoSetError, match=r"row 7: e\.png: the same picture as row 6"):
        import_photo_set(folder, CATALOGUE, out=tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_tables_that_cannot_be_used_are_told(folder, tmp_path):
    def refused(text):
        with pytest.raises(PhotoSetError, match=text):
            import_photo_set(folder, CATALOGUE, out=tmp_path / "set")

    write(folder, [])
    refused("no rows")
    write(folder, [{"file": "a.jpg"}], columns=("file",))
    refused("columns")
    write(folder, [ROWS[0] | {"mood": "sad"}], columns=(*ROWS[0], "mood"))
    refused("mood")
    (folder / "photos.csv").write_bytes(b"\xff\xfe\x00")
    refused("photos.csv")
    (folder / "photos.csv").unlink()
    refused("none")


def test_damaged_pictures_are_told(folder, tmp_path):
    (folder / "a.jpg").write_bytes((folder / "a.jpg").read_bytes()[:300])
    with pytest.raises(PhotoSetError, match="row 2"):
        import_photo_set(folder, CATALOGUE, out=tmp_path / "set")


def test_an_occupied_folder_is_left_alone(folder, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("x")
    with pytest.raises(PhotoSetError, match="something there"):
        import_photo_set(folder, CATALOGUE, out=tmp_path / "set")
    assert (tmp_path / "set" / "mine.txt").read_text() == "x"
