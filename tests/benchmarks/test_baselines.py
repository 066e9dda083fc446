"""The table of baselines, where a network is wider than a database's embeddings."""

import numpy as np
import pytest

from benchmarks import baselines
from cardembed.cards.catalogue import load_catalogue
from cardembed.cards.photo_cache import default_photo_set
from cardembed.cards.photo_plan import PhotoPlan
from cardembed.conformance.spec import cell_specs
from cardembed.embedders.preprocessing import Preprocessing


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("cards", [300, 900])
def test_fewer_dimensions_keep_cosines(cards):
    random = np.random.default_rng(2)
    mixed = random.normal(size=(700, 1280))  # what is seen lies in fewer directions than there are numbers
    gallery, photos = (unit(random.normal(size=(count, 700)) @ mixed) for count in (cards, 50))
    narrow_gallery, narrow_photos = baselines._narrowed(gallery, photos)
    assert narrow_gallery.shape == (cards, 768)
    assert np.allclose(narrow_gallery @ narrow_gallery.T, gallery @ gallery.T, atol=1e-5)
    nearest = (photos @ gallery.T).argmax(1)
    assert (nearest == (narrow_photos @ narrow_gallery.T).argmax(1)).all()


def test_a_wide_network_is_judged():
    cards = load_catalogue("synthetic:3:6")
    plan = PhotoPlan(
        clean=12, clean_second=12, occluded=12, glare=12, unknown=1, unknown_card=1, curve=0, zero_shot=0,
        zero_shot_occluded=0,
    )  # fmt: skip
    photos = default_photo_set("baselines", cards, plan=plan, workers=1)

    def pixels(batch):  # 1,280 numbers of each picture
        return batch.reshape(len(batch), -1)[:, :1280]

    made = baselines._network("pixels", (Preprocessing(32), pixels), photos, cards)
    assert made.gallery.shape == (6, 768)
    cells = baselines._cells(made, cell_specs(baselines.FEATURES))
    assert len(cells) == len(baselines.CRITERIA)
    assert all(cell.endswith(("pass", "fail")) for cell in cells)
