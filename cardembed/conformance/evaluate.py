"""The one function that turns raw numbers into a verdict: the recorder and the gate both call it."""

from __future__ import annotations

import math

from cardembed.conformance.census import evaluate_census
from cardembed.conformance.decide import decide_claim, shown_beside
from cardembed.conformance.samples import (
    CensusSamples,
    PairSamples,
    RetrievalSamples,
    Samples,
    UnknownSamples,
)
from cardembed.conformance.spec import CellSpec
from cardembed.conformance.states import State, worst
from cardembed.conformance.verdicts import CellVerdict, ShareResult, speaker
from cardembed.errors import EvidenceError
from cardembed.retrieval.database import NO_MATCH

__all__ = ["CellVerdict", "ShareResult", "describe", "evaluate"]

_RANGES = {
    # column: the least and the largest number that it can hold
    "rank": (1, math.inf),
    "artwork_rank": (1, math.inf),
    "rank_in_teacher_gallery": (1, math.inf),
    "teacher_rank": (1, math.inf),
    "milliseconds": (0, math.inf),
    "similarity": (-1.001, 1.001),
    "distance": (-0.001, 2.001),
    "nearest_distance": (-0.001, 2.001),
}
_OF_TWO_PHOTOS = frozenset({"clean+clean-second", "clean+occluded", "clean+glare"})
"""Conditions of pairs that are two photos; other pairs are one photo, embedded in two ways."""
_SAME_DISTANCE = 1e-5
"""float32 similarities of the same vectors differ by less, whichever product they come from."""


def evaluate(spec: CellSpec, samples: Samples) -> CellVerdict:
    """Judge a cell.

    Args:
        spec: What must hold, from the feature's text.
        samples: The raw numbers.

    Returns:
        The verdict. Samples of another kind or condition, without a single number, or with numbers that are
        not finite give state `error`; they never pass and never raise.
    """
    fault = _fault(spec, samples)
    if fault is not None:
        return CellVerdict(cell=spec.id, state=State.ERROR, reason=fault)
    try:
        if isinstance(samples, CensusSamples):
            shares = evaluate_census(spec.claims, samples)
        else:
            shares = [share for claim in spec.claims for share in decide_claim(claim, samples)]
            shares += shown_beside(spec.claims, samples)
    except EvidenceError as error:
        return CellVerdict(cell=spec.id, state=State.ERROR, reason=str(error))
    network = f"; {samples.context.network}" if samples.context.network else ""
    if spec.required:
        state = worst(share.state for share in shares if share.state is not None)
    else:
        state = State.REPORTED
        shares = [share.model_copy(update={"state": None}) for share in shares]
    reason = describe(speaker(shares, state)) + network
    return CellVerdict(cell=spec.id, state=state, reason=reason, shares=shares)


def _fault(spec: CellSpec, samples: Samples) -> str | None:
    """Why these samples cannot judge this cell; None where they can."""
    if spec.kind is None:
        return "the feature requires no samples"
    if samples.kind != spec.kind or samples.context.condition != spec.condition:
        return (
            f"{samples.kind} samples of condition {samples.context.condition!r}, "
            f"where the feature is about {spec.kind} samples of condition {spec.condition!r}"
        )
    if samples.size == 0:
        return "no samples"
    return _bad_numbers(samples)


def _bad_numbers(samples: Samples) -> str | None:
    if len(set(samples.lengths.values())) > 1:  # columns may have been set after they were read
        return f"columns differ in length: {samples.lengths}"
    for name, column in samples:
        if not isinstance(column, list) or name == "curves":
            continue
        bad = sum(1 for value in column if isinstance(value, float) and not math.isfinite(value))
        if bad:
            return f"{bad} of {len(column)} numbers in the column {name!r} are not finite"
        least, most = _RANGES.get(name, (-math.inf, math.inf))
        numbers = [value for value in column if value is not None] if name in _RANGES else []
        if any(value < least for value in numbers):
            return f"the column {name!r} holds a number below {least}"
        if any(value > most for value in numbers):
            return f"the column {name!r} holds a number above {most}"
    photos = getattr(samples, "photo", None)
    if photos is not None and len(set(photos)) < len(photos):
        return f"{len(photos) - len(set(photos))} photos were counted twice"
    return _contradiction(samples)


def _contradiction(samples: Samples) -> str | None:
    """What the columns say against each other: no search and no match gives such numbers."""
    if isinstance(samples, RetrievalSamples):
        columns = (samples.card, samples.nearest, samples.rank, samples.distance, samples.nearest_distance)
        for row, (card, nearest, rank, distance, least) in enumerate(zip(*columns, strict=True)):
            found = None
            # Ranks are pessimistic: a card that is tied with others may be the nearest at a rank above 1.
            if rank == 1 and nearest != card:
                found = f"has its card at rank 1, and {nearest!r} nearest"
            elif least > distance + _SAME_DISTANCE:
                found = f"has its card at {distance:.6g}, and the nearest farther, at {least:.6g}"
            elif nearest == card and least < distance - _SAME_DISTANCE:
                found = f"has its card nearest at {least:.6g}, and its card at {distance:.6g}"
            if found is not None:
                return f"numbers that contradict themselves: photo {samples.photo[row]!r} {found}"
    if isinstance(samples, PairSamples) and samples.context.condition in _OF_TWO_PHOTOS:
        same = [one for one, other in zip(samples.photo, samples.other_photo, strict=True) if one == other]
        if same:
            return f"numbers that contradict themselves: photo {same[0]!r} was compared with itself"
    threshold = samples.context.match_threshold
    if isinstance(samples, UnknownSamples) and threshold is not None:
        columns_ = (samples.photo, samples.answer, samples.nearest_distance)
        for photo, answer, distance in zip(*columns_, strict=True):
            if (answer == NO_MATCH) != (distance > threshold):
                return (
                    f"numbers that contradict themselves: photo {photo!r} got the answer {answer!r} "
                    f"at distance {distance:.6g} with the match threshold {threshold:g}"
                )
    return None


def describe(share: ShareResult) -> str:
    """One line: what was counted, its bound, what was required, what is missing."""
    head = f"{share.family}: " if share.family else ""
    text = f"{head}{share.k}/{share.n}"
    if share.share is not None:
        text += f" = {share.share:.2%}"
    if share.lower is not None and share.upper is not None:
        text += f" (bounds {share.lower:.2%} to {share.upper:.2%})"
    if share.target is not None:
        text += f", required {share.target * 100:g} %"
    if share.value is not None:
        text += f"; {share.value_name} {share.value:.4g}"
    if share.note:
        text += f"; {share.note}"
    if share.state is State.INCONCLUSIVE:
        more = "no number of samples would show it at this rate" if not share.needed else ""
        text += f"; {more or f'{share.needed} more needed in a new run'}"
    return f"{text} [{share.claim}]"
