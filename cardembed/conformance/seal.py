"""The verdict that a release was sealed with: what every later run of the same release has to repeat.

It stands in `verdict.json` beside `release.json`, outside of the release's digest: verdict photos derive from
that digest, so the verdict cannot be part of it.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from cardembed._io import atomic_write_json
from cardembed._validation import read_record
from cardembed.conformance.decision import GateCell, GateDecision, GateResult
from cardembed.conformance.policy import Policy, load_policy
from cardembed.conformance.predicate import Sha256
from cardembed.conformance.signing import load_key, signing_key_path
from cardembed.conformance.states import State
from cardembed.errors import ReleaseError
from cardembed.fidelity import Fidelity
from cardembed.release import Release

__all__ = [
    "SEALED",
    "SealedCell",
    "SealedVerdict",
    "departures",
    "own_policy",
    "read_seal",
    "seal_state",
    "seal_verdict",
]

SEALED = "verdict.json"
_LIMIT = 4 << 20  # bytes; a verdict is some twenty kilobytes


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SealedCell(_Model):
    """What became of a cell."""

    state: State
    """As the gate computed it from the raw numbers."""
    required: bool
    """False for what is only reported."""
    reason: str
    """One line, with its figures."""
    fidelity: Fidelity | None = None
    """Of what was executed; None where nothing was, and in seals from before it was kept."""


class SealedVerdict(_Model):
    """The content of a `verdict.json`."""

    schema_version: int = 1
    release_digest: Sha256
    """Of the release that was judged."""
    at: AwareDatetime
    """When it was sealed."""
    cells: dict[str, SealedCell]
    """By cell id, all of them."""

    @property
    def red(self) -> list[str]:
        """Required cells that failed or were inconclusive, sorted."""
        return sorted(
            name
            for name, cell in self.cells.items()
            if cell.required and cell.state in (State.FAIL, State.INCONCLUSIVE, State.ERROR)
        )


def own_policy(path: Path | str) -> Policy:
    """A policy's rules with this machine as the only runner, for every cell.

    A seal and what is compared with it are one machine's run: whom the policy names for which cell is the
    gate's to ask.

    Raises:
        PolicyError: It is missing, no TOML, or not a policy.
        SignatureError: This machine has no signing key, or none that can be read.
    """
    rules = load_policy(path).model_copy(update={"runners": ()})
    return rules.trusting(load_key(signing_key_path()).public)


def seal_verdict(release: Release, decision: GateDecision, at: datetime) -> SealedVerdict:
    """Write the verdict of one run beside the release that it judged.

    The only required cells that may be left not run are those of which the policy asks fidelity `device`, and
    whose steps found no device. One that is only reported may also lack its photos: not every release has
    cards that joined later, nor every set photos of unknown ones.

    Args:
        release: On disk.
        decision: The gate's, of one bundle that it did not refuse.
        at: The time, aware.

    Raises:
        ReleaseError: The decision is about another release, about none, a cell of it ended in an error, or
            it left a cell out that needs no device: by an option, by its end, or for lack of a package.
    """
    results = {cell.id: (cell, cell.results[0]) for cell in decision.cells if len(cell.results) == 1}
    problem = ""
    if refused := [reason for bundle in decision.bundles for reason in bundle.refused]:
        problem = f"one that the gate refuses: {refused[0]}"
    elif decision.release_digest != release.digest:
        problem = f"one about {(decision.release_digest or 'none')[:16]}…"
    elif len(results) < len(decision.cells):
        problem = "one without every cell"
    elif errors := [name for name, (_, result) in results.items() if result.state is State.ERROR]:
        problem = f"an error in {errors[0]}"
    elif left_out := [
        f"{name}: {result.reason}"
        for name, (cell, result) in results.items()
        if result.state is State.NOT_RUN and not _may_lack_it(cell, result)
    ]:
        problem = f"one that left out {left_out[0]}"
    if problem:
        raise ReleaseError(
            release.root,
            expected=f"one whole run about {release.digest[:16]}…",
            found=problem,
            action="judge this release: pytest features/ --release=DIR --report=REPORT",
        )
    verdict = SealedVerdict(
        release_digest=release.digest,
        at=at,
        cells={
            name: SealedCell(
                state=result.state, required=cell.required, reason=result.reason, fidelity=result.fidelity
            )
            for name, (cell, result) in sorted(results.items())
        },
    )
    atomic_write_json(release.root / SEALED, verdict.model_dump(mode="json"))
    return verdict


def _may_lack_it(cell: GateCell, result: GateResult) -> bool:
    return result.unavailable and (not cell.required or cell.required_fidelity is Fidelity.DEVICE)


def read_seal(release: Release) -> SealedVerdict:
    """Read the verdict beside a release.

    Raises:
        ReleaseError: There is none, it cannot be read, or it is about another release.
    """
    verdict = _read(release.root / SEALED)
    if verdict.release_digest != release.digest:
        raise _unsealed(release.root / SEALED, f"one about {verdict.release_digest[:16]}…")
    return verdict


def seal_state(release: Release) -> str:
    """Whether a seal lies beside a release, and is its own: one phrase.

    Raises:
        ReleaseError: There is a seal that cannot be read.
    """
    file = release.root / SEALED
    if not file.exists():
        return "not sealed"
    about = _read(file).release_digest
    return "sealed" if about == release.digest else f"its seal is of another release, {about[:16]}…"


def _read(file: Path) -> SealedVerdict:
    return read_record(SealedVerdict, file, partial(_unsealed, file), limit=_LIMIT)


def _unsealed(file: Path, found: str) -> ReleaseError:
    return ReleaseError(
        file,
        expected="the verdict that this release was sealed with",
        found=found,
        action="judge the release and seal it: cardembed release seal --release DIR REPORT",
    )


def departures(sealed: SealedVerdict, decision: GateDecision) -> list[str]:
    """Where a run of the same release says something else than its seal, one line a cell."""
    now = {cell.id: result for cell in decision.cells for result in cell.results}
    required = {cell.id for cell in decision.cells if cell.required}
    lines = []
    if decision.release_digest != sealed.release_digest:
        judged = (decision.release_digest or "none")[:16]
        lines.append(f"the run is about the release {judged}…, the seal about {sealed.release_digest[:16]}…")
    for name in sorted(sealed.cells.keys() | now.keys()):
        before, after = sealed.cells.get(name), now.get(name)
        if before is None or after is None:
            lines.append(f"{name}: {'not sealed' if before is None else 'no result, but sealed'}")
        elif before.required != (name in required):
            was, is_ = ("required", "only reported") if before.required else ("only reported", "required")
            lines.append(f"{name}: sealed as {was}, now {is_}")
        elif before.state is not after.state:
            lines.append(f"{name}: sealed as {before.state}, now {after.state}: {after.reason}")
        elif before.fidelity not in (None, after.fidelity):
            now_at = after.fidelity or "none"
            lines.append(f"{name}: sealed at fidelity {before.fidelity}, now {now_at}: {after.reason}")
    return lines
