"""All pairs of the gallery (AC-7): counted, so that no bound is needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cardembed.conformance.claims import Claim, Predicate
from cardembed.conformance.phrases import ClaimKind
from cardembed.conformance.samples import CensusSamples, decode_embeddings
from cardembed.conformance.states import State
from cardembed.conformance.statistics import clopper_pearson_lower, clopper_pearson_upper
from cardembed.conformance.verdicts import ShareResult
from cardembed.errors import EvidenceError

__all__ = ["Census", "count_pairs", "evaluate_census"]

_BLOCK = 512  # rows at a time: 72 MB of float64 against 17,592 cards
_NORM_TOLERANCE = 1e-3


class Census:
    """What `count_pairs` counts: pairs that satisfy and pairs, by whether the artwork is the same."""

    def __init__(self, cards: int) -> None:
        self.different = [0, 0]
        """Satisfying and all pairs with different artwork."""
        self.same = [0, 0]
        """Satisfying and all pairs with the same artwork."""
        self.nearest: NDArray[np.float64] = np.full(cards, -np.inf)
        """Each card's greatest similarity to a card with different artwork; −inf where there is none."""


def _bad(found: str) -> EvidenceError:
    return EvidenceError(
        "gallery embeddings",
        expected="finite unit vectors of cards with different artwork",
        found=found,
        action="run the features again",
    )


def _unit(embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
    vectors = embeddings.astype(np.float64)
    if not np.isfinite(vectors).all():
        raise _bad(f"{int((~np.isfinite(vectors)).any(axis=1).sum())} with numbers that are not finite")
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if vectors.size and np.abs(norms - 1).max() > _NORM_TOLERANCE:
        raise _bad(f"norms from {norms.min():.4g} to {norms.max():.4g}")
    return np.asarray(vectors / norms)


def count_pairs(samples: CensusSamples, predicates: Sequence[Predicate]) -> Census:
    """Count all unordered pairs of two cards, in float64 so that two machines count the same.

    Raises:
        EvidenceError: Embeddings that are no unit vectors, a card listed twice, a predicate about others.
    """
    if len(set(samples.ids)) < len(samples.ids):
        raise _bad("a card that is listed twice")
    vectors = _unit(decode_embeddings(samples))
    _, artwork = np.unique(np.asarray(samples.artworks), return_inverse=True)
    cards = len(samples.ids)
    census = Census(cards)
    columns = np.arange(cards)
    for start in range(0, cards, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, cards))
        similarity = vectors[rows] @ vectors[start:].T
        later = columns[start:][None, :] > rows[:, None]
        same = artwork[rows][:, None] == artwork[start:][None, :]
        holds = np.ones(similarity.shape, np.bool_)
        for predicate in predicates:
            holds &= _holds(similarity, predicate)
        for counts, group in ((census.different, later & ~same), (census.same, later & same)):
            counts[0] += int((holds & group).sum())
            counts[1] += int(group.sum())
        others = np.where(later & ~same, similarity, -np.inf)
        census.nearest[rows] = np.maximum(census.nearest[rows], others.max(axis=1))
        census.nearest[start:] = np.maximum(census.nearest[start:], others.max(axis=0))
    return census


def _holds(similarity: NDArray[np.float64], predicate: Predicate) -> NDArray[np.bool_]:
    if predicate.column != "similarity" or isinstance(predicate.value, str) or predicate.operator not in "<>":
        raise EvidenceError(
            "pairs of the gallery",
            expected="a predicate about their similarity",
            found=f'"{predicate.text}"',
            action="write a feature whose first step fits it",
        )
    limit = predicate.value
    return np.asarray(similarity < limit if predicate.operator == "<" else similarity > limit)


def evaluate_census(claims: Sequence[Claim], samples: CensusSamples) -> list[ShareResult]:
    """One result a claim.

    Raises:
        EvidenceError: No pair that a claim is about, or see `count_pairs`.
    """
    census = count_pairs(samples, claims[0].predicates)
    return [_result(claim, census, samples) for claim in claims]


def _result(claim: Claim, census: Census, samples: CensusSamples) -> ShareResult:
    if claim.kind is ClaimKind.IMPOSTORS:
        return _impostors(claim, census)
    if claim.kind not in (ClaimKind.CENSUS, ClaimKind.CENSUS_REPORTED):
        raise EvidenceError(
            "pairs of the gallery",
            expected="a claim about all of them",
            found=f'"{claim.text}"',
            action="write a feature whose first step fits the claim",
        )
    k, n = census.different if claim.kind is ClaimKind.CENSUS else census.same
    if n == 0:
        which = "different" if claim.kind is ClaimKind.CENSUS else "the same"
        raise _bad(f"no pair with {which} artwork among {len(samples.ids)} cards")
    share = k / n
    state = None
    if claim.target is not None:
        state = State.PASS if share >= claim.target else State.FAIL
    return ShareResult(
        claim=claim.text, k=k, n=n, share=share, target=claim.target, needed=0 if state else None, state=state
    )


def _impostors(claim: Claim, census: Census) -> ShareResult:
    nearest = census.nearest[np.isfinite(census.nearest)]
    if nearest.size == 0:
        raise _bad("no pair with different artwork")
    holds = np.ones(nearest.size, np.bool_)
    for predicate in claim.predicates:
        holds &= _holds(nearest, predicate)
    k, n = int(holds.sum()), nearest.size
    return ShareResult(
        claim=claim.text,
        k=k,
        n=n,
        share=k / n,
        lower=clopper_pearson_lower(k, n, claim.confidence),
        upper=clopper_pearson_upper(k, n, claim.confidence),
        confidence=claim.confidence,
        value=float(nearest.max()),
        value_name="largest similarity of different artwork",
    )
