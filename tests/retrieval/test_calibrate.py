import json

import numpy as np
import pytest

from cardembed.cards.catalogue import load_catalogue
from cardembed.cards.photo_plan import PhotoPlan
from cardembed.cards.photo_render import render_photo_set
from cardembed.embedders.baselines import NearestPixelEmbedder
from cardembed.errors import EmbeddingError, UsageError
from cardembed.retrieval.calibrate import calibrate_embedder, choose_threshold


def test_a_release_that_separates_gets_the_middle():
    found = choose_threshold({"clean": [0.1, 0.2, 0.3]}, {"hand": [0.6, 0.7], "table": [0.9]})
    assert (found.threshold, found.in_range, found.tpr, found.fpir) == (0.45, True, 1.0, 0.0)
    assert (found.known, found.unknown) == (3, 3)


def test_between_what_must_match_and_what_must_not():
    found = choose_threshold({"clean": [0.1, 0.44]}, {"hand": [0.471, 0.7]})
    assert 0.44 <= found.threshold < 0.471
    assert found.threshold == 0.455  # of .440 … .470
    found = choose_threshold({"clean": [0.1], "occluded": [0.43]}, {"hand": [0.43] * 2 + [0.9] * 98})
    assert found.threshold == 0.465  # two of a hundred let in are worth half of the cards
    assert found.fpir_by_family == {"hand": 0.02}
    assert found.tpr_by_condition == {"clean": 1.0, "occluded": 1.0}


def test_the_worst_family_counts():
    unknown = {"table": [0.9] * 1000, "blank": [0.45] * 10}
    found = choose_threshold({"clean": [0.1] * 10 + [0.48]}, unknown)
    assert found.threshold < 0.45
    assert found.in_range


def test_a_release_that_lets_unknowns_in_goes_below_the_range():
    found = choose_threshold({"clean": [0.1, 0.2]}, {"hand": [0.33, 0.35]})
    assert (found.threshold, found.in_range) == (0.325, False)
    assert (found.tpr, found.fpir) == (1.0, 0.0)


def test_a_collapsed_release_gets_the_lowest_and_says_so():
    found = choose_threshold({"clean": [0.001, np.inf]}, {"hand": [0.001]})
    assert (found.threshold, found.in_range, found.tpr, found.fpir) == (0.4, False, 0.5, 1.0)


def test_wrong_cards_are_never_matches():
    found = choose_threshold({"clean": [0.1, np.inf]}, {"hand": [0.9]})
    assert found.tpr == 0.5


@pytest.mark.parametrize(
    ("known", "unknown"),
    [
        ({}, {"hand": [0.5]}),
        ({"clean": [0.1]}, {}),
        ({"clean": []}, {"a": [1]}),
        ({"clean": [np.nan]}, {"a": [1]}),
    ],
)
def test_without_numbers_there_is_no_threshold(known, unknown):
    with pytest.raises(EmbeddingError):
        choose_threshold(known, unknown)


def test_photos_are_counted_at_their_severity_and_by_artwork(tmp_path):
    catalogue = load_catalogue("synthetic:5:12")
    plan = PhotoPlan(
        clean=6,
        clean_second=0,
        occluded=3,
        glare=2,
        unknown=2,
        unknown_card=2,
        curve=1,
        curve_severities=(5,),
    )
    photos = render_photo_set(
        catalogue, plan, split="development", seed=1, out=tmp_path / "d", workers=1, progress=None
    )
    embedder = NearestPixelEmbedder()
    found = calibrate_embedder(embedder, catalogue, photos)
    assert found.known == 11
    assert found.unknown == 2 * len(found.fpir_by_family)
    assert set(found.tpr_by_condition) == {"clean", "occluded", "glare"}
    assert found.photos_digest == photos.digest
    assert found.photos == ()
    assert found == calibrate_embedder(embedder, catalogue, photos)

    photos.manifest = photos.manifest.model_copy(update={"provenance": "captured"})
    captured = calibrate_embedder(embedder, catalogue, photos)
    assert set(captured.photos) == {one.sha256 for one in photos.records}
    assert json.loads(json.dumps(captured.figures()))["photos"] == sorted(captured.photos)

    photos.manifest = photos.manifest.model_copy(update={"split": "verdict"})
    with pytest.raises(UsageError, match="judge"):
        calibrate_embedder(embedder, catalogue, photos)
