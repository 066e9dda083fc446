import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardembed.errors import EmbeddingError
from cardembed.retrieval.metrics import (
    auroc,
    fpr95,
    nearest,
    pair_similarity,
    ranks,
    retrieve,
    top_k,
    tpir_at_fpir,
)


def unit(rng, count, dimension=16):
    rows = rng.standard_normal((count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 30))
def test_retrieve_agrees_with_the_definitions(seed, cards, queries):
    rng = np.random.default_rng(seed)
    gallery, wanted = unit(rng, cards), unit(rng, queries)
    correct = rng.integers(0, cards, queries)
    artworks = [f"a{rng.integers(0, max(1, cards // 2))}" for _ in range(cards)]
    found = retrieve(wanted, gallery, correct, artworks)
    for query in range(queries):
        similarity = (wanted[query].astype(np.float64) @ gallery.astype(np.float64).T).tolist()
        mine = similarity[correct[query]]
        others = [s for card, s in enumerate(similarity) if card != correct[query]]
        group = artworks[correct[query]]
        own_best = max(s for s, artwork in zip(similarity, artworks, strict=True) if artwork == group)
        foreign = [s for s, artwork in zip(similarity, artworks, strict=True) if artwork != group]
        assert found.nearest[query] == int(np.argmax(similarity))
        assert found.nearest_distance[query] == pytest.approx(1 - max(similarity), abs=1e-6)
        assert found.distance[query] == pytest.approx(1 - mine, abs=1e-6)
        assert found.rank[query] == 1 + sum(s >= mine - 1e-6 for s in others)
        assert found.artwork_rank[query] == 1 + sum(s >= own_best - 1e-6 for s in foreign)


def test_a_tie_counts_against_the_correct_card_wherever_it_stands():
    rng = np.random.default_rng(0)
    gallery = unit(rng, 700, 768)
    gallery[[3, 350, 699]] = gallery[3]  # reprints whose embeddings are equal
    queries = gallery[[3, 350, 699]]
    assert ranks(queries, gallery, [3, 350, 699]).tolist() == [3, 3, 3]
    artworks = ["same" if row in (3, 350, 699) else str(row) for row in range(700)]
    assert retrieve(queries, gallery, [3, 350, 699], artworks).artwork_rank.tolist() == [1, 1, 1]


def test_a_collapsed_gallery_gives_the_worst_rank():
    gallery = np.tile(unit(np.random.default_rng(1), 1), (50, 1))
    assert ranks(gallery[:4], gallery, [0, 1, 2, 3]).tolist() == [50] * 4


def test_blocks_do_not_show(monkeypatch):
    rng = np.random.default_rng(2)
    gallery, queries, correct = unit(rng, 90), unit(rng, 70), rng.integers(0, 90, 70)
    whole = retrieve(queries, gallery, correct)
    monkeypatch.setattr("cardembed.retrieval.metrics._BLOCK", 16)
    parts = retrieve(queries, gallery, correct)
    assert (whole.rank == parts.rank).all()
    assert (whole.nearest == parts.nearest).all()


def test_nearest_of_unknowns():
    gallery = np.eye(4, dtype=np.float32)
    rows, distances = nearest(np.array([[0.6, 0.8, 0, 0]], np.float32), gallery)
    assert rows.tolist() == [1]
    assert distances[0] == pytest.approx(0.2, abs=1e-6)
    assert nearest(np.empty((0, 4), np.float32), gallery)[0].shape == (0,)


@pytest.mark.parametrize(
    ("queries", "gallery", "correct"),
    [
        (np.ones((2, 3), np.float32), np.ones((2, 4), np.float32), [0, 1]),
        (np.ones((2, 3), np.float32), np.ones((0, 3), np.float32), [0, 1]),
        (np.full((1, 3), np.nan, np.float32), np.ones((2, 3), np.float32), [0]),
        (np.ones((2, 3), np.float32), np.ones((2, 3), np.float32), [0]),
        (np.ones((1, 3), np.float32), np.ones((2, 3), np.float32), [2]),
        (np.ones((1, 3), np.float32), np.ones((2, 3), np.float32), [-1]),
        (np.ones((1, 3), np.float32), np.ones((2, 3), np.float32), [0.5]),
    ],
)
def test_what_does_not_fit_is_refused(queries, gallery, correct):
    with pytest.raises(EmbeddingError):
        retrieve(queries, gallery, correct)
    with pytest.raises(EmbeddingError):
        retrieve(np.ones((1, 3), np.float32), np.ones((2, 3), np.float32), [0], ["one"])


def test_pair_similarity_resolves_what_float32_products_do_not():
    first = np.ones((1, 768))
    second = first.copy()
    second[0, 0] += 1e-4
    exact = 1 - pair_similarity(first, second)[0]
    assert exact == pytest.approx(0.5e-8 * 767 / 768 / 768, rel=1e-2)
    with pytest.raises(EmbeddingError):
        pair_similarity(first, np.zeros((1, 768)))
    with pytest.raises(EmbeddingError):
        pair_similarity(first, np.ones((2, 768)))


def test_top_k():
    assert top_k([1, 2, 6, 1], 1) == 0.5
    assert top_k([1, 2, 6, 1], 5) == 0.75
    assert np.isnan(top_k([], 1))


def test_tpir_at_fpir_by_hand():
    distance, rank = [0.1, 0.2, 0.3, 0.6], [1, 1, 2, 1]
    unknown = [0.25, 0.5, 0.7, 0.9]
    tpir, threshold = tpir_at_fpir(distance, rank, unknown, 0.0)
    assert (tpir, threshold) == (0.5, pytest.approx(0.25))
    assert threshold < 0.25
    assert tpir_at_fpir(distance, rank, unknown, 0.25)[0] == 0.5  # 0.3 is accepted, but ranked second
    assert tpir_at_fpir(distance, rank, unknown, 0.5)[0] == 0.75
    assert tpir_at_fpir(distance, rank, unknown, 1.0) == (0.75, 2.0)


def test_tpir_never_lets_more_unknowns_in_than_allowed():
    unknown = [0.3] * 50 + [0.9] * 50  # a tie of half of them at the threshold
    _, threshold = tpir_at_fpir([0.1], [1], unknown, 0.1)
    assert np.mean(np.asarray(unknown) <= threshold) <= 0.1


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=1, max_size=20),
    st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=1, max_size=20),
)
def test_auroc_is_the_chance_that_a_known_is_nearer(known, unknown):
    wins = sum((k < u) + 0.5 * (k == u) for k in known for u in unknown)
    assert auroc(known, unknown) == pytest.approx(wins / (len(known) * len(unknown)))


def test_fpr95_by_hand():
    known = np.arange(1, 101) / 1000  # 95 of them up to .095
    assert fpr95(known, [0.05, 0.095, 0.0951, 0.5]) == 0.5
    assert fpr95([0.1], [0.2]) == 0.0
    with pytest.raises(EmbeddingError):
        fpr95([], [0.2])
    with pytest.raises(EmbeddingError):
        auroc([np.nan], [0.2])


@pytest.mark.slow
def test_the_prds_size_is_quick():
    rng = np.random.default_rng(3)
    gallery, queries = unit(rng, 17_592, 768), unit(rng, 2_000, 768)
    artworks = [str(row // 2) for row in range(len(gallery))]
    start = time.perf_counter()
    found = retrieve(queries, gallery, rng.integers(0, len(gallery), len(queries)), artworks)
    assert time.perf_counter() - start < 30  # about a second on two idle cores
    assert found.rank.shape == (2_000,)
