"""A verdict's shares as rows of a table, and the one that speaks for the cell as a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cardembed.conformance.report.interval import Interval, domain, interval
from cardembed.conformance.report.marks import Mark, state_mark
from cardembed.conformance.report.numbers import count, decimal, percent, points
from cardembed.conformance.report.view import ClaimView
from cardembed.conformance.states import State
from cardembed.conformance.verdicts import CellVerdict, ShareResult

__all__ = ["SHOWN", "bound", "claim_rows", "summary", "tally"]

SHOWN = Mark("reported", "shown", "reported")
"""For what is counted and decides nothing."""


def tally(share: ShareResult) -> str:
    """612 / 640."""
    return f"{count(share.k)} / {count(share.n)}"


def bound(share: ShareResult) -> str:
    """The bound beside what is demanded: ≥ 93.9 % of 95 %."""
    reached = share.reached
    if reached is None:
        return ""
    exact = share.lower is None
    text = f"{'' if exact else '≥ '}{percent(reached, down=not exact)}"
    return f"{text}, needs {_target(share.target)}" if share.target is not None else text


def summary(verdict: CellVerdict) -> str:
    """The closed cell's line: what was counted, its bound, what is still needed."""
    share = verdict.speaker
    if share is None:
        return ""
    parts = [f"{share.family}: {tally(share)}" if share.family else tally(share), bound(share)]
    if share.value is not None and share.value_name:
        parts.append(f"{share.value_name}: {decimal(share.value)}")
    if share.state is State.INCONCLUSIVE:
        parts.append(
            f"{count(share.needed)} more needed" if share.needed else "no number would show it at this rate"
        )
    return "; ".join(part for part in parts if part)


def claim_rows(
    shares: Sequence[ShareResult], notes: Mapping[str, str] | None = None
) -> tuple[ClaimView, ...]:
    """Rows of one table, their intervals drawn on one scale; `notes` is small print by family."""
    drawn = {index: _interval(share) for index, share in enumerate(shares)}
    within = domain([one for one in drawn.values() if one is not None])
    rows = []
    for index, share in enumerate(shares):
        one = drawn[index]
        reached = share.reached
        margin = "" if reached is None or share.target is None else points(reached - share.target, down=True)
        small = [share.note, (notes or {}).get(share.family or "", "")]
        if share.value is not None and share.value_name:
            small.append(f"{share.value_name}: {decimal(share.value, 4)}")
        if share.effective_n is not None:
            small.append(f"photos in clusters: counts as {decimal(share.effective_n, 1)} independent ones")
        rows.append(
            ClaimView(
                name=share.family or _sentence(share.claim),
                mark=SHOWN if share.state is None else state_mark(share.state),
                tally=tally(share),
                share="" if share.share is None else percent(share.share),
                bound="" if share.lower is None else f"≥ {percent(share.lower, down=True)}",
                target="" if share.target is None else _target(share.target),
                margin=margin,
                needed=_needed(share) if share.state is State.INCONCLUSIVE else "",
                interval=interval(one, within) if one else "",  # type: ignore[arg-type]
                note="; ".join(part for part in small if part),
            )
        )
    return tuple(rows)


def _interval(share: ShareResult) -> Interval | None:
    if share.share is None:
        return None
    return Interval(share.share, share.lower, share.upper, share.target)


def _target(target: float) -> str:
    return percent(target).replace(".0", "")


def _needed(share: ShareResult) -> str:
    if not share.needed:
        return "no number at this rate"
    return f"{count(share.needed)} more"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
