"""The gallery's scans as training knows them."""

import numpy as np

from cardembed.cards.catalogue import SyntheticCatalogue
from cardembed.training.batches import catalogue_squares
from cardembed.training.gallery_scans import GalleryScans
from cardembed.training.view_plan import GALLERY_PLAN
from cardembed.training.views import open_pool


def test_distractors_follow_the_cards_to_learn(catalogue):
    others = SyntheticCatalogue(6, 3)
    scans = GalleryScans(catalogue, others, open_pool(GALLERY_PLAN, others, (96,), workers=1))
    squares = scans.squares(96)
    assert len(scans.cards) == len(squares) == len(catalogue) + 3
    assert np.array_equal(squares[: len(catalogue)], catalogue_squares(catalogue, 96))
    assert scans.cards.ids[-1] == f"distractors/{others.ids[-1]}"
    assert not np.array_equal(squares[-1], squares[-2])


def test_a_catalogue_alone_is_its_own_gallery(catalogue):
    scans = GalleryScans(catalogue)
    assert scans.cards is catalogue
    assert np.array_equal(scans.squares(96), catalogue_squares(catalogue, 96))
