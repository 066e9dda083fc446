import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from cardembed.cards.catalogue import SyntheticCatalogue, load_catalogue
from cardembed.cards.press import write_catalogue
from cardembed.errors import UsageError


def one_line(err: str) -> str:
    assert err.startswith("cardembed: error: ")
    assert err.count("\n") == 1
    return err


def test_print_writes_a_catalogue(run, tmp_path: Path):
    code, out, err = run("cards", "print", "--out", tmp_path / "c", "--count", 7, "--seed", 5, "--backs")
    assert (code, err) == (0, "")
    assert out.startswith("7 cards with 6 artworks in ")
    catalogue = load_catalogue(tmp_path / "c")
    assert catalogue.cards == SyntheticCatalogue(5, 7).cards
    assert len(list((tmp_path / "c" / "backs").iterdir())) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c"]


def test_print_and_check_speak_json(run, tmp_path: Path):
    code, out, _ = run("cards", "print", "--out", tmp_path / "c", "--count", 3, "--json")
    assert code == 0
    data = json.loads(out)
    assert data["cards"] == 3
    assert data["reference"] == SyntheticCatalogue(1, 3).reference
    code, out, _ = run("cards", "check", tmp_path / "c", "--json")
    assert code == 0
    assert json.loads(out)["ok"] is True


def test_check_answers_no_with_code_one(run, tmp_path: Path):
    write_catalogue(SyntheticCatalogue(1, 3), tmp_path / "c")
    with (tmp_path / "c" / "cards.csv").open(newline="") as file:
        row = list(csv.reader(file))[1]
    with (tmp_path / "c" / "cards.csv").open("a", newline="") as file:
        csv.writer(file).writerow(row)
    code, out, _ = run("cards", "check", tmp_path / "c")
    assert code == 1
    assert f"duplicate-id: duplicate id '{row[0]}' on 2 rows" in out
    assert "4 cards, 1 problems" in out


def test_check_reports_reprints_without_complaint(run):
    code, out, _ = run("cards", "check", "synthetic:1:9")
    assert code == 0
    assert "no problems, 1 artworks with reprints" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--count", "0"],
        ["--count", "-3"],
        ["--count", "x"],
        ["--seed", "-1"],
    ],
)
def test_bad_numbers_write_nothing(run, tmp_path: Path, arguments: list[str]):
    code, _, err = run("cards", "print", "--out", tmp_path / "c", *arguments)
    assert code == 2
    one_line(err)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(run, tmp_path: Path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "precious.txt").write_text("x")
    code, _, err = run("cards", "print", "--out", tmp_path / "c", "--count", 2)
    assert code == 2
    assert "new or an empty folder" in one_line(err)
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["precious.txt"]
    code, _, err = run("cards", "print", "--out", tmp_path / "c" / "precious.txt", "--count", 2)
    assert code == 2
    code, _, err = run("cards", "print", "--out", tmp_path / "c" / "precious.txt" / "x", "--count", 2)
    assert code == 2
    one_line(err)


def test_an_empty_folder_is_filled(tmp_path: Path):
    (tmp_path / "c").mkdir()
    write_catalogue(SyntheticCatalogue(1, 2), tmp_path / "c")
    assert len(load_catalogue(tmp_path / "c")) == 2


def test_an_interrupted_print_leaves_nothing(tmp_path: Path):
    def stop(cards):
        for place, card in enumerate(cards):
            if place == 2:
                raise KeyboardInterrupt
            yield card

    with pytest.raises(KeyboardInterrupt):
        write_catalogue(SyntheticCatalogue(1, 5), tmp_path / "c", progress=stop)
    assert not list(tmp_path.iterdir())


def test_ids_that_are_no_file_names_get_others(tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    table = ["id,file"]
    for number, name in enumerate(["../up", "a/b", "Aa", "aa", "card-000001", "Ünder"]):
        Image.new("RGB", (20, 20), (number * 40, 0, 0)).save(source / f"{number}.png")
        table.append(f"{name},{number}.png")
    (source / "cards.csv").write_text("\n".join(table), encoding="utf-8")
    first = load_catalogue(source)
    second = load_catalogue(write_catalogue(first, tmp_path / "out"))
    assert second.cards == first.cards
    for card in first:
        assert second.image(card.id).getpixel((0, 0)) == first.image(card.id).getpixel((0, 0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


@pytest.mark.parametrize("kind", ["missing", "empty", "no table"])
def test_bad_catalogues_are_one_line_and_code_two(run, tmp_path: Path, kind: str):
    if kind == "empty":
        (tmp_path / "cards.csv").write_text("id,file\n")
    code, out, err = run("cards", "check", tmp_path / ("none" if kind == "missing" else ""))
    assert (code, out) == (2, "")
    one_line(err)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="choose another --out"):
        write_catalogue(SyntheticCatalogue(1, 1), tmp_path / "file" / "c")
