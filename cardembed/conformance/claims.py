"""What a scenario requires, as data: predicates over one sample, claims over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cardembed.conformance.phrases import ClaimKind, Phrase, Role, find_phrase

__all__ = ["Claim", "ClaimError", "Predicate", "Requirements", "read_requirements"]

REPORTED_KINDS = frozenset({ClaimKind.REPORTED, ClaimKind.CENSUS_REPORTED, ClaimKind.IMPOSTORS})
"""Claims that are shown and decide nothing."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """What a single sample has to satisfy: `column operator value`."""

    text: str
    """The step's text."""
    column: str
    """The samples' column."""
    operator: str
    """ "==", "<", "<=", ">=" or ">"."""
    value: float | str
    """The number or text to compare with."""


@dataclass(frozen=True, slots=True)
class Claim:
    """For how many samples the predicates hold."""

    text: str
    """The step's text."""
    kind: ClaimKind
    """How it is decided."""
    predicates: tuple[Predicate, ...]
    """What each sample has to satisfy, all of them."""
    target: float | None = None
    """The share, or the percentile, 0 to 1."""
    n: int | None = None
    """How many samples (of each family, at least so many queries)."""
    confidence: float = 0.95
    """One-sided, 0 to 1."""
    unit: str = "photos"
    """What a sample is called."""
    limit: float | None = None
    """Parity: the largest 1 − cos, exclusive."""
    seconds: float | None = None
    """Percentile: the shortest time measured, in seconds."""

    @property
    def decides(self) -> bool:
        """Whether it has a target."""
        return self.kind not in REPORTED_KINDS


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a scenario says about its samples."""

    kind: str
    """The kind of samples, see `samples.py`."""
    condition: str
    """The photos' condition."""
    predicates: tuple[Predicate, ...]
    """In the order of the steps."""
    claims: tuple[Claim, ...]
    """In the order of the steps, at least one."""


class ClaimError(ValueError):
    """The steps make no sense together; `index` is the step's, counted from 0."""

    def __init__(self, index: int, found: str) -> None:
        super().__init__(found)
        self.index = index


def _predicate(text: str, phrase: Phrase, fields: dict[str, Any]) -> Predicate:
    value = fields[phrase.value] if isinstance(phrase.value, str) else phrase.value
    assert phrase.column is not None
    assert phrase.operator is not None
    assert value is not None
    return Predicate(text, phrase.column, phrase.operator, value if isinstance(value, str) else float(value))


def _claim(
    text: str, phrase: Phrase, fields: dict[str, Any], predicates: Sequence[Predicate], before: Claim | None
) -> Claim:
    assert phrase.claim is not None
    share = fields.get("percent", fields.get("percentile"))
    if share is not None and not 0 < share < (100 if "confidence" in fields else 100.0001):
        raise ValueError(f"{share:g} %")
    if "confidence" in fields and not 0 < fields["confidence"] < 100:
        raise ValueError(f"{fields['confidence']:g} % confidence")
    if fields.get("n", 1) < 1:
        raise ValueError(f"{fields['n']} samples")
    own = phrase.claim is ClaimKind.OWN_SHARE
    if own and before is None:
        raise ValueError('"of them" with no claim before it')
    if not own and not predicates:
        raise ValueError("a claim with nothing before it that could hold")
    return Claim(
        text,
        phrase.claim,
        (_predicate(text, phrase, fields),) if own else tuple(predicates),
        target=None if share is None else share / 100,
        n=before.n if own and before else fields.get("n"),
        confidence=before.confidence if own and before else fields.get("confidence", 95.0) / 100,
        unit=before.unit if own and before else fields.get("unit", "queries"),
        limit=fields.get("limit"),
        seconds=fields.get("seconds"),
    )


def read_requirements(steps: Sequence[str]) -> Requirements:
    """What the steps of an acceptance scenario require.

    Raises:
        ClaimError: A step that no phrase has, or steps that make no sense together.
    """
    setup: Phrase | None = None
    unclaimed: int | None = None
    predicates: list[Predicate] = []
    claims: list[Claim] = []
    for index, text in enumerate(steps):
        found = find_phrase(text)
        if found is None:
            raise ClaimError(index, "a phrase that nobody knows")
        phrase, fields = found
        if phrase.role is Role.SETUP:
            if setup is not None:
                raise ClaimError(index, "a second kind of samples")
            setup = phrase
        elif phrase.role is Role.PREDICATE:
            predicates.append(_predicate(text, phrase, fields))
            unclaimed = index
        elif phrase.role is Role.CLAIM:
            before = next((claim for claim in reversed(claims) if claim.kind is ClaimKind.SHARE), None)
            try:
                claims.append(_claim(text, phrase, fields, predicates, before))
            except ValueError as error:
                raise ClaimError(index, str(error)) from error
            unclaimed = unclaimed if claims[-1].kind is ClaimKind.OWN_SHARE else None
    if setup is None or setup.kind is None or setup.condition is None:
        raise ClaimError(0, "no step that says which samples")
    if not claims:
        raise ClaimError(len(steps) - 1, "no claim that says for how many samples")
    if unclaimed is not None:
        raise ClaimError(unclaimed, "what a sample must satisfy, and no claim after it for how many")
    return Requirements(setup.kind, setup.condition, tuple(predicates), tuple(claims))
