from dataclasses import replace

import numpy as np
import pytest

from cardembed._io import cache_root
from cardembed.cards.catalogue import SyntheticCatalogue
from cardembed.cards.photo_conditions import HELD_OUT
from cardembed.cards.unknowns import UNKNOWNS
from cardembed.training import views
from cardembed.training.outliers import OUTLIERS
from cardembed.training.view_plan import CHECK_PLAN, TRAINING_PLAN, UNKNOWN_CARD, plan_views
from cardembed.training.views import open_pool, square

TRAINING = replace(TRAINING_PLAN, views_per_card=5, unknowns=8, unknown_cards=4, outliers=6)
# as the fixture `pool`
CHECK = replace(CHECK_PLAN, views_per_card=4, unknowns=7)


def test_the_plan_holds_what_it_says(catalogue):
    views = plan_views(TRAINING, catalogue)
    assert len(views) == 5 * 6 + 8 + 4 + 6
    assert [view.card for view in views[:30]] == list(range(6)) * 5
    assert [view.condition for view in views[:6]] == ["scan"] * 6
    assert {view.condition for view in views[6:30]} <= {"clean", "occluded", "glare"}
    assert {view.card for view in views[30:]} == {-1}
    assert [view.family for view in views[38:42]] == [UNKNOWN_CARD] * 4
    assert sorted(view.family for view in views[42:]) == sorted([*OUTLIERS, *OUTLIERS])
    assert len({view.seed for view in views}) == len(views)


def test_shares_of_conditions_and_severities_are_kept():
    views = plan_views(TRAINING_PLAN, SyntheticCatalogue(5, 40))
    known = [view for view in views if view.card >= 0 and view.condition != "scan"]
    for name, share in TRAINING_PLAN.conditions.items():
        assert np.mean([view.condition == name for view in known]) == pytest.approx(share, abs=0.04)
    for severity, share in TRAINING_PLAN.severities.items():
        assert np.mean([view.severity == severity for view in known]) == pytest.approx(share, abs=0.04)


def test_held_out_families_are_never_trained_on():
    families = {view.family for view in plan_views(TRAINING_PLAN, SyntheticCatalogue(5, 4))}
    assert HELD_OUT & set(UNKNOWNS)
    assert families == (set(UNKNOWNS) - HELD_OUT) | {*OUTLIERS, UNKNOWN_CARD, ""}


def test_training_and_check_views_share_no_seed(catalogue):
    seeds = [{view.seed for view in plan_views(plan, catalogue)} for plan in (TRAINING, CHECK)]
    assert not seeds[0] & seeds[1]
    assert all(view.condition != "scan" for view in plan_views(CHECK, catalogue))


def test_a_pool_shows_the_cards_it_names(catalogue, pool):
    squares = pool.squares(96)
    assert squares.shape == (48, 96, 96, 3)
    assert squares.dtype == np.uint8
    for number, card in enumerate(catalogue):
        assert np.array_equal(squares[number], square(catalogue.image(card.id), 96))
    scans = squares[:6].astype(float)
    clean = [index for index in range(6, 30) if pool.conditions[index] == "clean"]
    for index in clean:
        distances = np.abs(scans - squares[index]).mean((1, 2, 3))
        assert distances.argmin() == pool.cards[index]


def test_a_pool_is_rendered_once_and_found_again(catalogue, pool):
    def never(done, total):
        raise AssertionError("rendered again")

    again = open_pool(TRAINING, catalogue, (128, 96, 112), workers=1, progress=never)
    assert again.root == pool.root
    assert (
        open_pool(replace(TRAINING, unknowns=1, views_per_card=1), catalogue, (32,), workers=1).key
        != pool.key
    )


def test_processes_render_the_same_pixels(catalogue):
    plan = replace(TRAINING, views_per_card=2, unknowns=2, unknown_cards=1, outliers=3, name="processes")
    seen = []
    one = open_pool(plan, catalogue, (32,), workers=1).squares(32).copy()
    (open_pool(plan, catalogue, (32,), workers=1).root / "pool.json").unlink()
    two = open_pool(plan, catalogue, (32,), workers=2, progress=lambda *counts: seen.append(counts)).squares(
        32
    )
    assert np.array_equal(one, two)
    assert seen[-1] == (18, 18)


def test_a_rendering_in_processes_ends_when_it_is_cut_off(catalogue, monkeypatch):
    plan = replace(TRAINING, name="stopped", views_per_card=40, unknowns=0, unknown_cards=0, outliers=0)
    monkeypatch.setattr(views, "_CHUNK", 1)

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_pool(plan, catalogue, (32,), workers=2, progress=interrupt)
    (partial,) = (cache_root() / "views").glob("*.part")
    assert 1 <= len(list(partial.glob("*.done"))) < 20  # of 240: those that the workers had taken


def test_a_rendering_that_was_cut_off_goes_on(catalogue, monkeypatch):
    plan = replace(TRAINING, name="interrupted", views_per_card=1, unknowns=0, unknown_cards=0, outliers=0)
    monkeypatch.setattr(views, "_CHUNK", 4)
    rendered = []
    render = views._Renderer.render
    monkeypatch.setattr(
        views._Renderer, "render", lambda self, index: rendered.append(index) or render(self, index)
    )

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_pool(plan, catalogue, (32,), workers=1, progress=interrupt)
    assert rendered == [0, 1, 2, 3]
    told = []
    pool = open_pool(plan, catalogue, (32,), workers=1, progress=lambda *counts: told.append(counts))
    assert rendered == [0, 1, 2, 3, 4, 5]
    assert told == [(6, 6)]
    assert len(pool) == 6
    assert sorted(path.name for path in pool.root.iterdir()) == ["pool.json", "views-32.npy"]
    assert pool.squares(32).any(axis=(1, 2, 3)).all()
