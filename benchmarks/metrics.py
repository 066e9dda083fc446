"""Retrieval metrics over 17,592 × 768 gallery embeddings with 2,000 queries, against two libraries.

All three get the same float32 arrays. The peers compute one figure each (precision at 1, hit rate at 5) over
all queries; ours computes rank, distance, nearest card and artwork of every query.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._timing import Comparison, compare
from cardembed.retrieval.metrics import ranks, retrieve, top_k

__all__ = ["run"]

CARDS, DIMENSIONS, QUERIES = 17_592, 768, 2_000


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _data() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Random cards, and queries near them: cosine to the correct card around .7."""
    generator = np.random.default_rng(0)
    gallery = _unit(generator.standard_normal((CARDS, DIMENSIONS), dtype=np.float32))
    correct = generator.integers(0, CARDS, QUERIES)
    noise = _unit(generator.standard_normal((QUERIES, DIMENSIONS), dtype=np.float32))
    return gallery, _unit(gallery[correct] + noise), correct


def _accuracy_calculator(gallery: Any, queries: Any, correct: Any) -> Any:  # noqa: ANN401 - the peer is untyped
    import torch

    peer: Any = importlib.import_module("pytorch_metric_learning.utils.accuracy_calculator")
    inference: Any = importlib.import_module("pytorch_metric_learning.utils.inference")
    distances: Any = importlib.import_module("pytorch_metric_learning.distances")
    knn = inference.CustomKNN(distances.CosineSimilarity(), batch_size=256)
    calculator = peer.AccuracyCalculator(include=("precision_at_1",), k=5, knn_func=knn)
    labels = torch.arange(CARDS)
    query, reference, wanted = map(torch.from_numpy, (queries, gallery, correct))
    return lambda: calculator.get_accuracy(query, wanted, reference, labels)


def _hit_rate(gallery: Any, queries: Any, correct: Any, count: int) -> Any:  # noqa: ANN401 - the peer is untyped
    import torch
    from torchmetrics.retrieval import RetrievalHitRate

    query, reference, wanted = (
        torch.from_numpy(array) for array in (queries[:count], gallery, correct[:count])
    )

    def work() -> float:
        similarity = query @ reference.T
        relevant = torch.zeros(similarity.shape, dtype=torch.bool)
        relevant[torch.arange(count), wanted] = True
        indexes = torch.arange(count).unsqueeze(1).expand_as(similarity)
        metric = RetrievalHitRate(top_k=5)
        return float(metric(similarity.flatten(), relevant.flatten(), indexes=indexes.flatten()))

    return work


def run() -> Iterator[Comparison]:
    """Compare; the share that each peer finds is asserted to be ours."""
    gallery, queries, correct = _data()
    calculator = _accuracy_calculator(gallery, queries, correct)
    found = ranks(queries, gallery, correct)
    assert abs(calculator()["precision_at_1"] - top_k(found, 1)) < 1e-9

    yield compare(
        "all ranks and distances, 2,000 queries, / AccuracyCalculator",
        lambda: retrieve(queries, gallery, correct),
        calculator,
        limit=1.0,
    )
    few = 200  # torchmetrics takes seconds for these already
    hit_rate = _hit_rate(gallery, queries, correct, few)
    assert abs(hit_rate() - top_k(found[:few], 5)) < 1e-6
    yield compare(
        f"all ranks and distances, {few} queries, / torchmetrics' RetrievalHitRate",
        lambda: retrieve(queries[:few], gallery, correct[:few]),
        hit_rate,
        rounds=3,
        limit=1.0,
    )
