"""A compressed artefact is judged by what it finds, and by how clearly."""

from dataclasses import replace

import numpy as np
import pytest

from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import EmbeddingError
from cardembed.parity.retrieval import COMPRESSED, nearest, retrieval_cost, search_inputs

UNIT = np.eye(2)
"""Bare outputs of length 1."""
FOUND = replace(COMPRESSED, one_minus_cosine=2.1)
"""What it finds, alone."""


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def reference():
    random = np.random.default_rng(3)
    gallery = unit(random.normal(size=(100, 24)))
    return gallery, unit(gallery + 0.05 * random.normal(size=(100, 24)))


def test_the_same_embeddings_cost_nothing(reference):
    cost = retrieval_cost(reference, reference)
    assert (cost.queries, cost.found, cost.kept, cost.margin_kept) == (100, 100, 100, 1)
    assert cost.one_minus_cosine == pytest.approx(0, abs=1e-12)
    assert COMPRESSED.broken(cost, UNIT) == ""


def test_photos_that_go_to_other_cards_are_counted(reference):
    gallery, queries = reference
    swapped = queries.copy()
    swapped[[0, 1]] = swapped[[1, 0]]
    cost = retrieval_cost(reference, (gallery, swapped))
    assert (cost.found, cost.kept) == (100, 98)
    assert FOUND.broken(cost, UNIT) == ""
    swapped[[2, 3]] = swapped[[3, 2]]
    assert "96 of 100 nearest cards kept" in FOUND.broken(retrieval_cost(reference, (gallery, swapped)), UNIT)


def test_a_margin_that_melts_is_seen_before_any_card_is_lost(reference):
    gallery, queries = reference
    common = unit(np.ones((1, 24)))
    narrowed = tuple(unit(rows + 1.5 * common) for rows in (gallery, queries))
    cost = retrieval_cost(reference, narrowed)
    assert cost.kept == cost.found == 100
    assert cost.margin_kept < 0.9
    assert "of the margin where 90% are" in COMPRESSED.broken(cost, UNIT)


def test_embeddings_of_another_space_are_seen_though_all_cards_are_found(reference):
    turned = tuple(np.ascontiguousarray(rows[:, ::-1]) for rows in reference)
    cost = retrieval_cost(reference, turned)
    assert (cost.kept, cost.margin_kept) == (100, pytest.approx(1))
    assert FOUND.broken(cost, UNIT) == ""
    assert "1 − cos" in COMPRESSED.broken(cost, UNIT)


def test_what_the_model_itself_misses_is_not_held_against_the_artefact(reference):
    gallery, queries = reference
    missing = queries.copy()
    missing[7] = gallery[8]
    cost = retrieval_cost((gallery, missing), reference)
    assert (cost.found, cost.kept) == (99, 99)


def test_no_number_keeps_no_limit(reference):
    gallery, queries = reference
    assert COMPRESSED.broken(retrieval_cost(reference, (gallery, queries * np.nan)), UNIT)
    collapsed = np.repeat(gallery[:1], 100, axis=0)
    assert COMPRESSED.broken(retrieval_cost((collapsed, collapsed), reference), UNIT)


def test_shapes_that_do_not_fit_are_refused(reference):
    gallery, queries = reference
    with pytest.raises(EmbeddingError, match="to search"):
        retrieval_cost(reference, (gallery, queries[:50]))
    with pytest.raises(EmbeddingError, match="two rows or more"):
        retrieval_cost((gallery[:1], queries[:1]), (gallery[:1], queries[:1]))


def test_inputs_are_a_scan_and_a_photo_of_each_card():
    inputs = search_inputs(Preprocessing(32), 5)
    assert inputs.gallery.shape == inputs.queries.shape == (5, 3, 32, 32)
    flat = [unit(part.reshape(5, -1)) for part in (inputs.gallery, inputs.queries)]
    assert (nearest(*flat) == np.arange(5)).sum() >= 3


@pytest.mark.parametrize(("missed", "judged"), [(10, True), (11, False)])
def test_weights_that_find_too_little_leave_nothing_to_judge_by(reference, missed, judged):
    gallery, queries = reference
    weak = queries.copy()
    weak[:missed] = np.roll(gallery[:missed], 1, axis=0)
    none = queries[::-1].copy()
    cost = retrieval_cost((gallery, weak), (gallery, none))
    assert bool(FOUND.broken(cost, UNIT)) is judged
    assert ("the weights themselves find 89 of 100 cards" in FOUND.unjudged(cost)) is not judged
    assert "1 − cos" in COMPRESSED.broken(cost, UNIT)
    assert "lengths" in FOUND.broken(cost, 2 * UNIT)
