"""Figures of a trained model on development views: the acceptance criteria's shares, without verdicts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cardembed.cards.catalogue import Catalogue
from cardembed.training.views import ViewPool

__all__ = ["alignment_figures", "retrieval_figures"]

Array = NDArray[np.float32]


def _share(values: NDArray[np.bool_]) -> float:
    return round(float(values.mean()), 4) if len(values) else float("nan")


def _same_card_pairs(embeddings: Array, cards: NDArray[np.int64]) -> Array:
    order = np.argsort(cards, kind="stable")
    first, second = order[:-1], order[1:]
    pairs = cards[first] == cards[second]
    cosines: Array = (embeddings[first[pairs]] * embeddings[second[pairs]]).sum(1)
    return cosines


def retrieval_figures(
    embeddings: Array, gallery: Array, pool: ViewPool, catalogue: Catalogue
) -> dict[str, float]:
    """Shares by criterion, such as "AC-1"; "AC-4 <family>" for each family of unknowns.

    A criterion without views, such as AC-3 where no card is holo or gold, has no figure.

    Args:
        embeddings: (views, 768) unit vectors of the pool's views.
        gallery: (cards, 768) unit vectors of the cards, by the same model.
        pool: The views.
        catalogue: The cards that are searched; those with views come first.
    """
    similarity = embeddings @ gallery.T
    figures: dict[str, float] = {}
    for condition in ("clean", "occluded", "glare"):
        rows = (pool.conditions == condition) & (pool.cards >= 0)
        if condition == "glare":
            rows &= np.array([number >= 0 and catalogue[number].finish != "plain" for number in pool.cards])
        own = similarity[rows, pool.cards[rows]]
        rank = (similarity[rows] >= own[:, None]).sum(1)
        if condition == "clean":
            figures["top-1"] = _share(rank == 1)
            figures["AC-1"] = _share((rank == 1) & (own > 0.8))
            figures["AC-1 top-5"] = _share(rank <= 5)
            figures["AC-6"] = _share(_same_card_pairs(embeddings[rows], pool.cards[rows]) > 0.8)
        elif condition == "occluded":
            figures["AC-2"] = _share((rank <= 3) & (own > 0.6))
        else:
            figures["AC-3"] = _share(rank <= 5)
    for family in sorted(set(pool.families[pool.cards < 0])):
        figures[f"AC-4 {family}"] = _share(similarity[pool.families == family].max(1) < 0.5)
    names = np.array(catalogue.artworks)
    between = gallery @ gallery.T
    other = names[:, None] != names[None, :]
    figures["AC-7"] = _share(between[other] < 0.5)
    figures["AC-7 nearest impostor"] = _share(np.where(other, between, -1).max(1) < 0.5)
    return {name: share for name, share in figures.items() if not np.isnan(share)}


def alignment_figures(
    student: Array, teacher: Array, pool: ViewPool, others: Array | None = None
) -> dict[str, float]:
    """AC-8's shares by condition, the 5th percentile, and how often the own teacher embedding is nearest.

    Args:
        student: (N, D) float32 unit vectors of the pool's views.
        teacher: The same of the teacher.
        pool: What the views show.
        others: (M, D) the teacher's embeddings of further photos, among which the own has to be nearest, too.
    """
    cosine = (student * teacher).sum(1)
    known = teacher if others is None else np.concatenate([teacher, others])
    nearest = (student @ known.T).argmax(1) == np.arange(len(student))
    figures: dict[str, float] = {}
    for condition in ("clean", "occluded", "glare", "unknown"):
        rows = pool.conditions == condition
        if rows.any():
            figures[f"AC-8 {condition}"] = _share(cosine[rows] > 0.95)
            figures[f"AC-8 {condition} p5"] = round(float(np.quantile(cosine[rows], 0.05)), 4)
    figures["AC-8 own nearest"] = _share(nearest[pool.conditions == "clean"])
    wrong = (student * np.roll(teacher, 1, axis=0)).sum(1)
    figures["AC-8 wrong card"] = round(float(wrong.mean()), 4)
    return figures
