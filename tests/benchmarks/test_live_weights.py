"""Weights that nobody trained and that find cards."""

import numpy as np
import torch

from benchmarks._live_weights import PHOTOS, fit_last_layer, photos_of_cards
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.models.weights import build_model
from cardembed.parity.retrieval import nearest, search_inputs
from cardembed.release import PreprocessingSpec

CARDS = 16


def found(model, inputs):
    with torch.inference_mode():
        gallery, queries = (
            model(torch.from_numpy(images)).numpy() for images in (inputs.gallery, inputs.queries)
        )
    return int((nearest(gallery, queries) == np.arange(CARDS)).sum())


def test_a_fitted_head_finds_cards_in_photos_that_it_was_not_fitted_to():
    model = build_model("reference", "android", seed=5).eval()
    preprocessing = Preprocessing.of(PreprocessingSpec(), model.input_size)
    inputs = search_inputs(preprocessing, CARDS)
    images, cards = photos_of_cards(preprocessing, CARDS)
    assert len(images) == len(cards) == CARDS * (1 + PHOTOS)
    assert not any((photo == image).all() for photo in inputs.queries for image in images)
    before = found(model, inputs)
    fit_last_layer(model, images, cards)
    assert found(model, inputs) > max(before, 0.8 * CARDS)
