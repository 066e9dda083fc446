"""Claims about the extreme of the samples: every single one, or a percentile."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cardembed.conformance.claims import Claim
from cardembed.conformance.samples import AlignmentSamples, LatencySamples, Samples
from cardembed.conformance.states import State, worst
from cardembed.conformance.statistics import decide_share, percentile_upper_bound, smallest_n
from cardembed.conformance.verdicts import ShareResult
from cardembed.errors import EvidenceError

__all__ = ["decide_parity", "decide_percentile"]

Mask = NDArray[np.bool_]


def _unfit(claim: Claim, samples: Samples, kind: str) -> EvidenceError:
    return EvidenceError(
        f"{samples.kind} samples",
        expected=f"{kind} samples",
        found=f'"{claim.text}"',
        action="write a feature whose first step fits the claim",
    )


def decide_parity(claim: Claim, mask: Mask, samples: Samples) -> ShareResult:
    """Whether 1 − cos of every sample is below the claim's limit, and `mask` (the predicates) holds for all.

    Raises:
        EvidenceError: The samples are no alignment.
    """
    if not isinstance(samples, AlignmentSamples) or claim.limit is None:
        raise _unfit(claim, samples, "alignment")
    differences = 1 - np.asarray(samples.similarity, np.float64)
    within = mask & (differences < claim.limit)
    k, n = int(within.sum()), within.size
    state, note = State.PASS if k == n else State.FAIL, ""
    if claim.n is not None and n < claim.n:
        state, note = worst([state, State.INCONCLUSIVE]), f"{n} of {claim.n} {claim.unit}"
    return ShareResult(
        claim=claim.text,
        k=k,
        n=n,
        share=k / n,
        target=1.0,
        required_n=claim.n,
        needed=max(0, (claim.n or 0) - n),
        state=state,
        value=float(differences.max()),
        value_name="largest 1 − cos",
        note=note,
    )


def decide_percentile(claim: Claim, mask: Mask, samples: Samples) -> ShareResult:
    """Whether the percentile's upper bound is below the limit; `mask` says which queries are.

    Raises:
        EvidenceError: The samples are no latency.
    """
    if not isinstance(samples, LatencySamples) or claim.target is None or claim.n is None:
        raise _unfit(claim, samples, "latency")
    # "The percentile's upper bound is below the limit" is "the share below it is at least the percentile,
    # by its lower bound": both count the same order statistic.
    result = decide_share(int(mask.sum()), mask.size, claim.target, claim.confidence)
    state, note, needed = result.state, "", result.needed
    seconds = math.fsum(samples.milliseconds) / 1000
    least = max(claim.n, smallest_n(claim.target, confidence=claim.confidence))
    if mask.size < least:
        note = f"{mask.size} of {least} {claim.unit}"
        needed = max(needed or 0, least - mask.size)
    elif claim.seconds is not None and seconds < claim.seconds:
        note = f"{seconds:.1f} of {claim.seconds:g} s"
        needed = max(
            needed or 0, math.ceil((claim.seconds - seconds) / (seconds / mask.size)) if seconds else 0
        )
    return ShareResult(
        claim=claim.text,
        k=result.k,
        n=result.n,
        share=result.share,
        lower=result.lower,
        upper=result.upper,
        confidence=claim.confidence,
        target=claim.target,
        required_n=claim.n,
        needed=needed,
        state=worst([state, State.INCONCLUSIVE]) if note else state,
        value=percentile_upper_bound(samples.milliseconds, claim.target, claim.confidence),
        value_name=f"upper bound of the {claim.target * 100:g}th percentile, ms",
        note=note,
    )
