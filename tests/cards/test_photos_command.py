"""The command line of photo sets."""

import json
from typing import get_args

import pytest
from click.testing import CliRunner
from PIL import Image

from cardembed._commands.photos import command
from cardembed.cards.photo_capture import COLUMNS, TABLE
from cardembed.cards.photo_manifest import Condition
from cardembed.cards.unknowns import UNKNOWNS
from cardembed.errors import PhotoSetError, UsageError

PLAN = {
    "clean": 2, "clean_second": 1, "occluded": 1, "glare": 1,
    "unknown": 0, "unknown_card": 1, "curve": 0, "size": [64, 90],
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_release(monkeypatch, tmp_path):
    monkeypatch.setenv("CARDEMBED_RELEASE", str(tmp_path / "none"))


@pytest.fixture
def options(tmp_path):
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    return ["make", "--out", str(tmp_path / "set"), "--catalogue", "synthetic:3:20", "--workers", "1",
            "--plan", str(tmp_path / "plan.json"), "--json"]  # fmt: skip


def call(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_make_check_and_damage(options, tmp_path):
    made = call(*options, "--split", "development")
    assert made.exit_code == 0, made.output
    data = json.loads(made.output)
    assert (data["photos"], data["split"], data["teacher"]) == (6, "development", None)
    assert data["conditions"] == {"clean": 2, "clean-second": 1, "occluded": 1, "glare": 1, "unknown-card": 1}
    good = call("check", tmp_path / "set")
    assert good.exit_code == 0
    assert data["digest"] in good.output
    next((tmp_path / "set" / "photos").iterdir()).unlink()
    bad = call("check", tmp_path / "set", "--json")
    assert bad.exit_code == 1
    assert "is missing" in json.loads(bad.output)["problem"]


def test_checking_what_is_no_photo_set_is_misuse(tmp_path):
    assert isinstance(call("check", tmp_path).exception, PhotoSetError)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--split", "verdict"], "--release DIR or --seed"),
        (["--plan", "PLAN"], "clean"),
        (["--plan", "/nowhere.json", "--seed", "x"], "nowhere"),
        (["--workers", "0", "--seed", "x"], "1 or more"),
    ],
)
def test_misuse_is_told_and_writes_nothing(options, tmp_path, more, text):
    (tmp_path / "bad.json").write_text('{"clean": "many"}')
    more = [str(tmp_path / "bad.json") if word == "PLAN" else word for word in more]
    result = call(*options, *more)
    assert isinstance(result.exception, UsageError)
    assert text in str(result.exception)
    assert not (tmp_path / "set").exists()


def test_a_verdict_set_may_have_a_seed_of_its_own(options, tmp_path):
    assert call(*options, "--seed", "rehearsal").exit_code == 0
    assert json.loads((tmp_path / "set" / "manifest.json").read_bytes())["release_digest"] is None


def test_without_catalogue_and_release_there_is_nothing_to_photograph(tmp_path):
    result = call("make", "--out", tmp_path / "set")
    assert isinstance(result.exception, UsageError)
    assert "--catalogue" in str(result.exception)


def test_pictures_of_a_camera_become_a_set(tmp_path):
    source = tmp_path / "pictures"
    source.mkdir()
    Image.new("RGB", (40, 56)).save(source / "a.png")
    (source / "photos.csv").write_text("file,condition,family\na.png,unknown,blank\n")
    result = call("import", source, "--out", tmp_path / "set", "--catalogue", "synthetic:3:20", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["provenance"] == "captured"
    assert call("check", tmp_path / "set").exit_code == 0


def test_the_help_of_import_says_what_the_table_holds():
    text = call("import", "--help").output
    assert TABLE in text
    for column in COLUMNS:
        assert f"    {column} " in text
    for condition in get_args(Condition):
        assert condition in text
    assert ", ".join(UNKNOWNS) in text


def test_an_unknown_without_a_family_is_bad_input(tmp_path):
    source = tmp_path / "pictures"
    source.mkdir()
    Image.new("RGB", (40, 56)).save(source / "a.png")
    (source / "photos.csv").write_text("file,condition\na.png,unknown\n")
    result = call("import", source, "--out", tmp_path / "set", "--catalogue", "synthetic:3:20")
    assert isinstance(result.exception, PhotoSetError)  # the command line's exit code 2
    assert "row 2: family" in str(result.exception)
    assert not (tmp_path / "set").exists()
