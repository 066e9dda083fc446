"""What only training sees."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cardembed._seeds import rng
from cardembed.cards.catalogue import SyntheticCatalogue
from cardembed.cards.photo_conditions import PHOTO_SIZE
from cardembed.cards.unknowns import UNKNOWNS
from cardembed.training.outliers import OUTLIERS, outlier, scramble
from cardembed.training.view_plan import UNKNOWN_CARD, ViewPlan, plan_views
from cardembed.training.views import open_pool


def _tiles(image: Image.Image, side: int) -> list[bytes]:
    width, height = image.width // side, image.height // side
    return [
        image.crop((x * width, y * height, (x + 1) * width, (y + 1) * height)).tobytes()
        for y in range(side)
        for x in range(side)
    ]


@pytest.mark.parametrize("side", [2, 3, 4])
def test_every_tile_of_a_card_moves_and_none_is_lost(monkeypatch: pytest.MonkeyPatch, side: int) -> None:
    monkeypatch.setattr("cardembed.training.outliers._GRIDS", (side,))
    pixels = rng("card", side).integers(0, 256, (252, 180, 3), dtype=np.uint8)
    card = Image.fromarray(pixels)
    found = _tiles(scramble(card, rng("pieces", side)), side)
    assert sorted(found) == sorted(_tiles(card, side))
    assert not any(a == b for a, b in zip(found, _tiles(card, side), strict=True))


@pytest.mark.parametrize("family", sorted(OUTLIERS))
def test_a_seed_decides_a_photo(family: str) -> None:
    catalogue = SyntheticCatalogue(5, 2)
    card, other = (catalogue.image(item.id) for item in catalogue)
    first, second, third = (np.asarray(outlier(family, card, severity=2, seed=seed)) for seed in (7, 7, 8))
    assert first.shape == (PHOTO_SIZE[1], PHOTO_SIZE[0], 3)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)
    assert np.array_equal(first, np.asarray(outlier(family, other, severity=2, seed=7))) == (
        family != "scrambled"
    )


def test_outliers_are_no_family_of_a_verdict() -> None:
    assert not set(OUTLIERS) & set(UNKNOWNS)
    assert UNKNOWN_CARD not in OUTLIERS


def test_a_plan_takes_the_families_in_turn_after_all_else() -> None:
    plan = ViewPlan("outliers", views_per_card=2, unknowns=7, unknown_cards=3, outliers=6)
    views = plan_views(plan, SyntheticCatalogue(5, 2))
    assert [view.family for view in views[-9:-6]] == [UNKNOWN_CARD] * 3
    assert sorted(view.family for view in views[-6:]) == sorted([*OUTLIERS, *OUTLIERS])
    assert {view.card for view in views[-6:]} == {-1}
    same = plan_views(
        ViewPlan("outliers", views_per_card=2, unknowns=7, unknown_cards=3), SyntheticCatalogue(5, 2)
    )
    assert [view.family for view in views[:-6]] == [view.family for view in same]


@pytest.mark.usefixtures("own_cache")
def test_a_pool_renders_them() -> None:
    plan = ViewPlan("outliers", views_per_card=1, unknowns=0, unknown_cards=0, outliers=3)
    pool = open_pool(plan, SyntheticCatalogue(5, 1), (32,), workers=1)
    pictures = pool.squares(32)[1:]
    assert set(pool.families[1:]) == set(OUTLIERS)
    assert all(picture.std() > 1 for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == 3
