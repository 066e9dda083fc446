"""What the gate says."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from cardembed.conformance.states import State
from cardembed.fidelity import Fidelity

__all__ = ["GateBundle", "GateCell", "GateDecision", "GateResult"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GateResult(_Model):
    """What one bundle says about a cell."""

    run_id: str
    runner: str
    """As the policy names it."""
    state: State
    """As the gate computed it from the raw numbers, or worse where the recorder knew of worse."""
    reason: str
    """One line."""
    fidelity: Fidelity | None
    counts: bool
    """Whether it decides."""
    because: str = ""
    """Why it does not."""
    unavailable: bool = False
    """Whether a step began and asked for the cell not to be run: what it needs is missing. An option or an
    interruption keeps a cell from being run without that."""


class GateCell(_Model):
    """A cell, merged."""

    id: str
    criterion: str
    aspect: str
    target: str
    required: bool
    """False for what is only reported."""
    state: State
    """What decides."""
    was: State | None = None
    """What it would be without the waiver or the exception."""
    reason: str
    """One line."""
    required_fidelity: Fidelity | None = None
    """The lowest that counts."""
    fidelity: Fidelity | None = None
    """Of the result that decides."""
    results: list[GateResult] = []
    """Of every bundle."""

    @property
    def blocks(self) -> bool:
        """Whether it keeps the release from shipping."""
        return self.required and self.state not in (State.PASS, State.WAIVED, State.NOT_APPLICABLE)


class GateBundle(_Model):
    """A bundle, accepted or refused."""

    path: str
    run_id: str | None = None
    runner: str | None = None
    """As the policy names it; None where nobody known signed it."""
    release: str | None = None
    """The release's digest."""
    simulated: bool = False
    """Whether a simulator answered in a device's place; the record of the run's device says so."""
    refused: list[str] = []
    """Why its results do not count; accepted where empty."""


class GateDecision(_Model):
    """The decision, with all that it rests on."""

    releasable: bool
    """Whether the release may ship."""
    policy: str
    """The policy's name."""
    release_name: str | None = None
    release_digest: str | None = None
    """Of the release that all accepted bundles are about."""
    catalogue_digest: str | None = None
    """Of the catalogue whose cards all accepted bundles searched."""
    reasons: list[str]
    """What keeps it from shipping; empty where nothing does."""
    warnings: list[str] = []
    """What somebody should look at."""
    bundles: list[GateBundle]
    cells: list[GateCell]
    """In the order of the features."""
