"""Plans: the right numbers, the same cards where pairs are compared, and splits that share nothing."""

import pytest
from pydantic import ValidationError

from cardembed.cards.catalogue import SyntheticCatalogue
from cardembed.cards.photo_conditions import HELD_OUT
from cardembed.cards.photo_plan import PhotoPlan, distractor_seed, plan_photos
from cardembed.cards.unknowns import UNKNOWNS

CATALOGUE = SyntheticCatalogue(3, 60)
OTHERS = SyntheticCatalogue(4, 60)
DIGEST = "ab" * 32


def planned(plan=None, *, split="verdict", seed=DIGEST, catalogue=CATALOGUE):
    return plan_photos(
        catalogue, plan or PhotoPlan.default(split), split=split, seed=seed, distractors=OTHERS
    )


def of(photos, condition, severity=2):
    return [photo for photo in photos if photo.condition == condition and photo.severity == severity]


def test_the_verdict_plan_has_the_numbers_that_the_criteria_name():
    photos = planned()
    for condition in ("clean", "clean-second", "occluded", "glare"):
        assert len(of(photos, condition)) == 640
    for family in UNKNOWNS:
        assert sum(photo.family == family for photo in of(photos, "unknown")) == 200
    assert len(of(photos, "unknown-card")) == 200
    for severity in (1, 3, 4, 5):
        for condition in ("clean", "occluded", "glare"):
            assert len(of(photos, condition, severity)) == 60
    assert len({photo.id for photo in photos}) == len(photos)


def test_pairs_show_the_same_card_from_other_seeds():
    photos = planned()
    clean, second, occluded = (of(photos, c) for c in ("clean", "clean-second", "occluded"))
    assert [p.card for p in clean] == [p.card for p in second] == [p.card for p in occluded]
    assert len({p.seed for p in clean + second + occluded}) == 3 * 640


def test_cards_are_drawn_from_the_whole_catalogue_with_replacement():
    clean = [photo.card for photo in of(planned(), "clean")]
    assert set(clean) == set(CATALOGUE.ids)  # 640 draws of 60 cards miss one with a chance of 1e-3
    assert len(set(clean)) < len(clean)


def test_glare_is_of_holo_and_gold_cards_only():
    finishes = {CATALOGUE.by_id(photo.card).finish for photo in of(planned(), "glare")}
    assert finishes == {"holo", "gold"}


def test_a_catalogue_without_foil_has_no_glare():
    class Plain(SyntheticCatalogue):
        pass

    plain = Plain(3, 60)
    plain.cards = tuple(card for card in CATALOGUE.cards if card.finish == "plain")
    vars(plain).pop("ids", None)
    assert plain.ids
    assert not [p for p in planned(catalogue=plain) if p.condition == "glare"]


def test_seeds_of_all_photos_differ_within_and_between_splits_and_releases():
    plan = PhotoPlan(clean=99, clean_second=99, occluded=99, glare=99, unknown=9, unknown_card=9, curve=5)
    seeds = []
    for split in ("verdict", "development"):
        for seed in (DIGEST, "cd" * 32, 0):
            seeds += [photo.seed for photo in planned(plan, split=split, seed=seed)]
            seeds.append(distractor_seed(split, seed))
    assert len(set(seeds)) == len(seeds)


def test_another_release_gets_other_cards():
    first = [photo.card for photo in of(planned(), "clean")]
    assert first == [photo.card for photo in of(planned(), "clean")]
    assert first != [photo.card for photo in of(planned(seed="cd" * 32), "clean")]


@pytest.mark.parametrize("seed", [0, 1, DIGEST])
def test_development_never_shows_held_out_families(seed):
    plan = PhotoPlan(clean=300, clean_second=0, occluded=300, glare=300, unknown=3, unknown_card=3, curve=9)
    development = {photo.family for photo in planned(plan, split="development", seed=seed)}
    assert not development & HELD_OUT
    verdict = {photo.family for photo in planned(plan, split="verdict", seed=seed)}
    assert verdict - development == HELD_OUT


@pytest.mark.parametrize(
    "wrong",
    [
        {"clean": 10},  # clean_second and occluded would have nothing to pair with
        {"clean": 0, "clean_second": 0, "occluded": 0},
        {"severity": 6},
        {"curve_severities": (2,)},
        {"curve_severities": (3, 3)},
        {"size": (4, 4)},
        {"unknown": -1},
        {"cards": 3},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        PhotoPlan.model_validate(wrong)
