import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from cardembed.training.losses import artwork_numbers
from cardembed.training.recipes import PretrainingRecipe
from cardembed.training.rehearsal import Rehearsal

RECIPE = PretrainingRecipe(margin=0.0)


@pytest.fixture
def rehearsal(pool, catalogue):
    return Rehearsal(pool, catalogue.artworks, RECIPE, cards=3)


def test_views_are_photos_and_then_the_scans_of_the_same_cards(rehearsal, pool):
    for step in range(5):
        photos, scans = np.split(rehearsal.views(step), 2)
        assert (pool.conditions[scans] == "scan").all()
        assert (pool.conditions[photos] != "scan").all()
        assert (pool.cards[photos] == pool.cards[scans]).all()
        assert len(set(scans.tolist())) == 3
    assert (rehearsal.views(1) == rehearsal.views(1)).all()  # a resumed run sees the same


def test_only_the_first_photos_are_asked_for_where_features_are_kept_of_those(pool, catalogue):
    first = Rehearsal(pool, catalogue.artworks, RECIPE, cards=3, photos_per_card=1)
    assert max(int(first.views(step).max()) for step in range(20)) < 2 * len(catalogue)


def loss_of(rehearsal, photos, scans, direction):
    views = np.concatenate([np.arange(3) + 1000, np.arange(3)])  # three cards of different artwork
    return rehearsal.loss(torch.cat([photos, scans]), views, direction).item()


def test_cards_that_are_apart_cost_less_than_cards_that_collapse(rehearsal):
    axes = torch.eye(5)
    nothing = axes[[4]]
    apart = loss_of(rehearsal, axes[:3], axes[:3], nothing)
    assert apart < 1e-3
    one = F.normalize(axes[:3] + 2 * axes[3], dim=1)
    assert loss_of(rehearsal, one, one, nothing) > 1
    # With non-cards: where a network sorts whatever it did not learn.
    near = F.normalize(axes[:3] + 1.5 * axes[4], dim=1)
    assert loss_of(rehearsal, near, near, nothing) > 1


def test_a_photo_far_from_its_scan_costs_though_it_is_the_nearest(rehearsal):
    axes = torch.eye(8)
    photos = F.normalize(axes[:3] + axes[3:6], dim=1)  # cosine .71 to the own scan, 0 to the others
    assert loss_of(rehearsal, photos, axes[:3], axes[[7]]) > RECIPE.own_weight * 0.15**2


def test_reprints_have_the_same_artwork_number():
    assert artwork_numbers(["a", "b", "a", "c"]).tolist() == [0, 1, 0, 2]
