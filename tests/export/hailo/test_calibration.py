"""Calibration images are drawn by a seed from development photos, and never from those that decide."""

from types import SimpleNamespace

import pytest

from cardembed.cards.catalogue import load_catalogue
from cardembed.cards.photo_cache import default_photo_set
from cardembed.cards.photo_plan import PhotoPlan
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import PhotoSetError
from cardembed.export.hailo.calibration import calibration_set

PLAN = PhotoPlan(
    clean=6, clean_second=0, occluded=4, glare=4, unknown=2, unknown_card=0, curve=0, zero_shot=0,
    zero_shot_occluded=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def photos():
    cards = load_catalogue("synthetic:5:12")
    return default_photo_set("calibration tests", cards, split="development", plan=PLAN, workers=1)


def test_a_seed_decides_which_and_their_order(photos):
    like = Preprocessing(64)
    one, again = (calibration_set(photos, like, count=12, seed=3) for _ in range(2))
    other = calibration_set(photos, like, count=12, seed=4)
    assert one.images.shape == (12, 64, 64, 3)
    assert (one.photos, one.digest) == (again.photos, again.digest)
    assert one.photos != other.photos
    assert len(set(one.photos)) == 12
    assert set(one.photos) <= {record.sha256 for record in photos.records}


def test_photos_that_decide_are_refused(photos):
    like = Preprocessing(64)
    with pytest.raises(PhotoSetError, match="on which a verdict is given"):
        calibration_set(photos, like, count=4, verdict=photos)
    verdict = SimpleNamespace(records=photos.records, root=photos.root, split="verdict")
    with pytest.raises(PhotoSetError, match="split 'verdict'"):
        calibration_set(verdict, like, count=4)


def test_the_splits_share_no_photo(photos):
    # What INT8 ranges are measured on where nobody names the verdict photos: of one seed and catalogue, even.
    cards = load_catalogue("synthetic:5:12")
    verdict = default_photo_set("calibration tests", cards, split="verdict", plan=PLAN, workers=1)
    assert len(verdict) >= len(photos)  # development holds some families of unknowns back
    calibration_set(photos, Preprocessing(64), count=len(photos), verdict=verdict)


def test_too_few_or_one_sided(photos):
    like = Preprocessing(64)
    with pytest.raises(PhotoSetError, match="photos"):
        calibration_set(photos, like, count=1000)
    clean = [record for record in photos.records if record.condition == "clean"]
    with pytest.raises(PhotoSetError, match="only clean"):
        calibration_set(SimpleNamespace(records=clean, split="development", root=photos.root), like, count=2)
