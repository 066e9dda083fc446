"""Photos made or imported for a release show cards of the gallery that its verdicts search."""

import csv
import json
import shutil

import pytest

from cardembed.cards.gallery import gallery_of
from cardembed.cards.photo_set import PhotoSet
from cardembed.errors import PhotoSetError
from cardembed.release import Release

PLAN = {
    "clean": 1, "clean_second": 0, "occluded": 0, "glare": 0, "zero_shot": 1, "zero_shot_occluded": 0,
    "unknown": 0, "unknown_card": 0, "curve": 0, "size": [64, 90],
}  # fmt: skip


@pytest.fixture(scope="module")
def gallery():
    return gallery_of("synthetic:5:12", zero_shot="synthetic:6:3", distractors="synthetic:7:4")


@pytest.fixture(scope="module")
def release(random_release, gallery, tmp_path_factory):
    """A release whose gallery holds more cards than it learned."""
    folder = shutil.copytree(random_release, tmp_path_factory.mktemp("searched") / "release")
    content = json.loads((folder / "release.json").read_text())
    content |= {"gallery": gallery.reference, "gallery_digest": gallery.digest}
    (folder / "release.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def phone(gallery, tmp_path):
    """A camera's folder with a learned card and one that joined later."""
    folder = tmp_path / "phone"
    folder.mkdir()
    shown = (("clean", gallery.ids[2]), ("zero-shot", gallery.enrolled_later[0]))
    with (folder / "photos.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file", "condition", "card"))
        for condition, card in shown:
            gallery.image(card).save(folder / f"{condition}.png")
            table.writerow((f"{condition}.png", condition, card))
    return folder


def names(release, cards):
    return ("--release", release, *(("--catalogue", cards) if cards else ()))


@pytest.fixture(params=[None, "synthetic:5:12"])
def chosen(request, release):
    """The release, without and with the cards that it learned."""
    return names(release, request.param)


def test_captured_photos_are_of_the_gallery_and_carry_its_teacher(run, chosen, gallery, phone, tmp_path):
    code, out, err = run("photos", "import", phone, "--out", tmp_path / "set", *chosen)
    assert (code, "not attached" in out) == (0, False), err
    photos = PhotoSet.load(tmp_path / "set")
    photos.check_cards(gallery)
    assert photos.manifest.teacher.artefact_digest == Release.load(chosen[1]).weights("teacher").sha256


def test_captured_photos_of_other_cards_are_said_to_be(run, release, gallery, phone, tmp_path):
    (phone / "photos.csv").write_text("file,condition,family\nclean.png,unknown,blank\n")
    chosen = names(release, "synthetic:5:11")
    code, out, _ = run("photos", "import", phone, "--out", tmp_path / "set", *chosen)
    assert (code, "does not search" in out, "not attached" in out) == (0, True, True)
    with pytest.raises(PhotoSetError, match="--release DIR"):
        PhotoSet.load(tmp_path / "set").check_cards(gallery)


def test_the_folder_of_the_learned_cards_stands_for_the_gallery(run, release, gallery, tmp_path):
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    chosen = ("--plan", tmp_path / "plan.json", "--no-teacher", *names(release, "synthetic:5:12"))
    code, _, err = run("photos", "make", "--out", tmp_path / "set", *chosen)
    assert code == 0, err
    PhotoSet.load(tmp_path / "set").check_cards(gallery)
