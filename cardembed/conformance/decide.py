"""Claims about samples: each is decided, or only shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cardembed.conformance.claims import Claim, Predicate
from cardembed.conformance.extremes import decide_parity, decide_percentile
from cardembed.conformance.phrases import ClaimKind
from cardembed.conformance.samples import RetrievalSamples, Samples
from cardembed.conformance.states import State, worst
from cardembed.conformance.statistics import (
    clopper_pearson_lower,
    clopper_pearson_upper,
    decide_share,
    effective_sample_size,
)
from cardembed.conformance.verdicts import ShareResult
from cardembed.errors import EvidenceError

__all__ = ["Mask", "decide_claim", "satisfies", "shown_beside"]

Mask = NDArray[np.bool_]
"""(N,) bool: which samples."""


def satisfies(samples: Samples, predicates: Sequence[Predicate]) -> Mask:
    """Which samples satisfy all predicates, (N,) bool.

    Raises:
        EvidenceError: The samples have no such column.
    """
    mask = np.ones(samples.size, np.bool_)
    for predicate in predicates:
        column = getattr(samples, predicate.column, None)
        if column is None:
            raise EvidenceError(
                f"{samples.kind} samples",
                expected=f"the column {predicate.column!r}",
                found="none",
                action=f'write a feature whose first step fits "{predicate.text}"',
            )
        mask &= _compare(column, predicate)
    return mask


def _compare(column: Sequence[float | str], predicate: Predicate) -> Mask:
    if isinstance(predicate.value, str):
        return np.asarray([value == predicate.value for value in column], np.bool_)
    values = np.asarray(column, np.float64)
    if predicate.operator == "==":
        return np.asarray(values == predicate.value)
    if predicate.operator == "<":
        return np.asarray(values < predicate.value)
    if predicate.operator == "<=":
        return np.asarray(values <= predicate.value)
    if predicate.operator == ">=":
        return np.asarray(values >= predicate.value)
    return np.asarray(values > predicate.value)


def decide_claim(claim: Claim, samples: Samples) -> list[ShareResult]:
    """One result a claim, or one a family.

    Raises:
        EvidenceError: The claim is about samples of another kind.
    """
    mask = satisfies(samples, claim.predicates)
    if claim.kind is ClaimKind.FAMILIES:
        families = np.asarray(getattr(samples, "family", None) or [""] * mask.size)
        return [_decided(claim, mask, samples, str(name), families == name) for name in np.unique(families)]
    if claim.kind in (ClaimKind.SHARE, ClaimKind.OWN_SHARE):
        return [_decided(claim, mask, samples)]
    if claim.kind is ClaimKind.REPORTED:
        return [_shown(claim.text, mask, claim)]
    if claim.kind is ClaimKind.PARITY:
        return [decide_parity(claim, mask, samples)]
    if claim.kind is ClaimKind.PERCENTILE:
        return [decide_percentile(claim, mask, samples)]
    raise EvidenceError(
        f"{samples.kind} samples",
        expected="a claim about samples",
        found=f'"{claim.text}"',
        action="write a feature whose first step fits the claim",
    )


def _enough(n: int, claim: Claim, state: State, *, captured: bool) -> tuple[State, str]:
    """A number of samples that was not fixed beforehand decides nothing in favour."""
    wanted = claim.n or 0
    if n < wanted:
        return worst([state, State.INCONCLUSIVE]), f"{n} of {wanted} {claim.unit}"
    if n > wanted and not captured:
        return worst([state, State.INCONCLUSIVE]), f"{n} {claim.unit}, where the feature fixes {wanted}"
    return state, ""


def _decided(
    claim: Claim, mask: Mask, samples: Samples, family: str | None = None, members: Mask | None = None
) -> ShareResult:
    assert claim.target is not None
    members = np.ones(mask.size, np.bool_) if members is None else members
    mask = mask[members]
    captured = samples.context.provenance == "captured"
    effective = None
    if captured:  # photos of a card resemble each other; unknowns have no card and stand for themselves
        clusters = np.asarray(getattr(samples, "card", None) or getattr(samples, "photo", []))
        effective = effective_sample_size(mask, clusters[members].tolist(), claim.confidence)
    result = decide_share(int(mask.sum()), mask.size, claim.target, claim.confidence, effective=effective)
    state, note = _enough(mask.size, claim, result.state, captured=captured)
    needed = result.needed
    if state is State.INCONCLUSIVE and claim.n and mask.size < claim.n:
        needed = max(needed or 0, claim.n - mask.size) if result.share > claim.target else needed
    return ShareResult(
        claim=claim.text,
        family=family,
        k=result.k,
        n=result.n,
        share=result.share,
        lower=result.lower,
        upper=result.upper,
        confidence=claim.confidence,
        target=claim.target,
        required_n=claim.n,
        effective_n=effective,
        needed=needed,
        state=state,
        note=note,
    )


def _shown(text: str, mask: Mask, claim: Claim) -> ShareResult:
    k, n = int(mask.sum()), mask.size
    short = claim.n is not None and n < claim.n
    return ShareResult(
        claim=text,
        k=k,
        n=n,
        share=k / n,
        lower=clopper_pearson_lower(k, n, claim.confidence),
        upper=clopper_pearson_upper(k, n, claim.confidence),
        confidence=claim.confidence,
        required_n=claim.n,
        note=f"{n} of {claim.n} {claim.unit}" if short else "",
    )


def shown_beside(claims: Sequence[Claim], samples: Samples) -> list[ShareResult]:
    """Credit at artwork level and the search in the teacher's gallery: shown, never substituted."""
    if not isinstance(samples, RetrievalSamples):
        return []
    first = next(claim for claim in claims if claim.kind is not ClaimKind.OWN_SHARE)
    shown: list[ShareResult] = []
    others = (
        ("artwork_rank", samples.artwork_rank, "the same with credit for a reprint with the same artwork"),
        (
            "rank_in_teacher_gallery",
            samples.rank_in_teacher_gallery,
            "the same rank in the teacher's gallery",
        ),
    )
    for name, column, text in others:
        if not column or any(value is None for value in column):
            continue
        ranks = [value for value in column if value is not None]
        # Distances belong to the artefact's own gallery and to the very card.
        predicates = [predicate for predicate in first.predicates if predicate.column == "rank"]
        if not predicates:
            continue
        mask = np.ones(len(ranks), np.bool_)
        for predicate in predicates:
            mask &= _compare(ranks, predicate)
        if name == "artwork_rank":
            rest = [predicate for predicate in first.predicates if predicate.column != "rank"]
            mask &= satisfies(samples, rest)
        shown.append(_shown(text, mask, first))
    return shown
