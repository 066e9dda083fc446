"""What a verdict holds: the numbers behind it and one line that says why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from cardembed.conformance.states import State

__all__ = ["CellVerdict", "ShareResult", "speaker", "tightest"]


class ShareResult(BaseModel):
    """One claim, of one family where families are decided one by one."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    claim: str
    """The step's text, or what else is shown."""
    family: str | None = None
    """The family of unknowns."""
    k: int
    """Samples that satisfy."""
    n: int
    """Samples."""
    share: float | None = None
    """k / n, 0 to 1; None where n is 0."""
    lower: float | None = None
    """One-sided Clopper–Pearson lower bound, 0 to 1; None for a census and without samples."""
    upper: float | None = None
    """The upper bound likewise."""
    confidence: float | None = None
    """Of the bounds, 0 to 1."""
    target: float | None = None
    """The share (or percentile) to reach, 0 to 1; None where nothing is required."""
    required_n: int | None = None
    """How many samples the feature fixes."""
    effective_n: float | None = None
    """Korn and Graubard's effective number, for captured photos."""
    needed: int | None = None
    """Further samples needed to decide it, in a new run; None where no number would, or it is unknown."""
    state: State | None = None
    """None for what is only shown."""
    value: float | None = None
    """A measured extreme: the largest 1 − cos, or the percentile's upper bound in ms."""
    value_name: str | None = None
    """What `value` is."""
    note: str = ""
    """Why the state is not what the bound alone would say."""

    @property
    def reached(self) -> float | None:
        """What is compared with the target: the lower bound, of a census the share; None without samples."""
        return self.share if self.lower is None else self.lower


def tightest(shares: Iterable[ShareResult]) -> ShareResult:
    """The share that is nearest to what is asked of it, or misses most: one of them speaks for a cell."""
    return min(shares, key=lambda share: (share.reached or 0.0) - (share.target or 0.0))


def speaker(shares: Sequence[ShareResult], state: State) -> ShareResult:
    """Of a cell's shares, one at least, the tightest with its state; the first where none decides."""
    having = [share for share in shares if share.state is state]
    return tightest(having) if having else shares[0]


class CellVerdict(BaseModel):
    """The verdict of one cell."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    cell: str
    """The cell's id."""
    state: State
    """The worst of the claims' states; `reported` where nothing is required."""
    reason: str
    """One line."""
    shares: list[ShareResult] = []
    """Claims in the order of the feature, families by name; then what is shown beside."""

    @property
    def speaker(self) -> ShareResult | None:
        """The share that speaks for the cell: see `speaker`; None where nothing was counted."""
        return speaker(self.shares, self.state) if self.shares else None
