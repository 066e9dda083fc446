"""`release build` refuses before it trains what it would refuse after hours."""

import json

import pytest

from cardembed.cards.catalogue import load_catalogue
from cardembed.cards.photo_plan import PhotoPlan
from cardembed.cards.photo_render import render_photo_set
from cardembed.training import release_recipe

RECIPE = 'name = "small"\ncatalogue = "synthetic:5:6"\n'
PLAN = PhotoPlan(clean=1, clean_second=0, occluded=0, glare=0, unknown=1, unknown_card=0, curve=0)


@pytest.fixture
def trainings(monkeypatch):
    """Trainings that end at once, with an error that nothing else has."""
    begun = []

    def train(recipe, options):
        begun.append((recipe.name, options.catalogue.digest))
        raise KeyboardInterrupt

    monkeypatch.setattr(release_recipe, "train_release", train)
    return begun


@pytest.fixture
def build(run, tmp_path, trainings):
    """The command with a recipe and further options, and the folder to write to."""

    def build(*options, recipe=RECIPE, out="out", weights="weights"):
        (tmp_path / "r.toml").write_text(recipe)
        return run(
            "release", "build", "--recipe", tmp_path / "r.toml", "--weights", tmp_path / weights,
            "--out", tmp_path / out, *options,
        )  # fmt: skip

    return build


@pytest.fixture(scope="module")
def photos(tmp_path_factory, own_cache):
    """Folders of photo sets by their split and seed of cards."""
    folder = tmp_path_factory.mktemp("photos")
    for split, seed in (("development", 5), ("verdict", 5), ("development", 6)):
        out, cards = folder / f"{split}-{seed}", load_catalogue(f"synthetic:{seed}:6")
        render_photo_set(cards, PLAN, split=split, seed=1, out=out, workers=1, progress=None)
    return folder


def refused(result, trainings, *words):
    code, out, err = result
    assert (code, out, trainings) == (2, "", [])
    assert err.startswith("cardembed: error: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


def test_training_begins_where_everything_fits(build, trainings, tmp_path, photos):
    (tmp_path / "out").mkdir()
    build("--photos", photos / "development-5")
    build("--photos", photos / "verdict-5", "--no-calibrate")  # they are not looked at
    assert trainings == [("small", load_catalogue("synthetic:5:6").digest)] * 2


def test_a_destination_that_cannot_be_is_refused_first(build, trainings, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("kept")
    refused(build(out="full"), trainings, "something there", "choose another --out")
    refused(build(out="full/file"), trainings, "a file at")
    refused(build(out="full/file/new"), trainings, "a file at")
    refused(build(out="full/../weights"), trainings, "folder of the weights")
    refused(build(out="new", weights="new/weights"), trainings, "folder of the weights")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere", ["nowhere"]),
        ("development-6", ["photos of another catalogue"]),
        ("verdict-5", ["expected a development photo set"]),
    ],
)
def test_photos_that_do_not_fit_are_refused_first(build, trainings, photos, name, words):
    refused(build("--photos", photos / name), trainings, *words)


@pytest.mark.parametrize(
    "recipe",
    [
        RECIPE.replace("synthetic:5:6", "nowhere"),
        RECIPE + 'zero_shot = "nowhere"',
        RECIPE + 'distractors = "nowhere"',
    ],
)
def test_cards_that_are_not_there_are_missed_first(build, trainings, recipe):
    refused(build(recipe=recipe), trainings, "nowhere", "nothing there")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--zero-shot", "synthetic:05:6"], ["--zero-shot", "those of --catalogue"]),
        (["--distractors", "synthetic:5:100"], ["--distractors", "those of --catalogue"]),
        (["--zero-shot", "x", "--distractors", "./x"], ["--distractors", "those of --zero-shot"]),
        (["--zero-shot", "synthetic:9:3"], ["--zero-shot", "those of stage 0"]),
        (["--distractors", "synthetic:09:3"], ["--distractors", "those of stage 0"]),
        (["--catalogue", "synthetic:9:6"], ["stage 0", "those of --catalogue"]),
        (["--zero-shot", "synthetic:nine"], ["synthetic:nine", "synthetic:SEED:COUNT"]),
    ],
)
def test_options_that_name_the_same_cards_are_refused(run, trainings, tmp_path, options, words):
    entry = {
        "catalogue": load_catalogue("synthetic:5:6").reference,
        "recipe": {"pretraining": {"catalogue": "synthetic:9:8"}},
    }
    (tmp_path / "training.json").write_text(json.dumps({"teacher": entry}))
    arguments = ("release", "build", "--weights", tmp_path, "--name", "x", "--out", tmp_path / "out")
    refused(run(*arguments, *options), trainings, *words)


@pytest.mark.parametrize("recipe", [None, 3, {}, {"pretraining": None}, {"pretraining": {"catalogue": 3}}])
def test_a_record_without_a_stage_0_forbids_nothing(run, trainings, tmp_path, recipe):
    entry = {"catalogue": load_catalogue("synthetic:5:6").reference, "recipe": recipe}
    (tmp_path / "training.json").write_text(json.dumps({"teacher": entry}))
    arguments = ("release", "build", "--weights", tmp_path, "--name", "x", "--out", tmp_path / "out")
    refused(run(*arguments, "--zero-shot", "synthetic:9:3"), trainings, "--profile")
