"""The gate: many machines' evidence, one decision. Only it says "releasable"."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cardembed.conformance.checks import Examined, check_together, examine_bundle
from cardembed.conformance.decision import GateBundle, GateCell, GateDecision, GateResult
from cardembed.conformance.evidence import read_bundle, require_bundle
from cardembed.conformance.policy import Policy
from cardembed.conformance.predicate import ReleaseInfo
from cardembed.conformance.spec import CellSpec, cell_specs, feature_files
from cardembed.conformance.states import State, StepStatus, worst
from cardembed.errors import EvidenceError
from cardembed.fidelity import Fidelity

__all__ = ["gate"]

_COUNTS_ALWAYS = (State.FAIL, State.ERROR)


def gate(
    policy: Policy,
    bundles: Sequence[Path | str],
    features_dir: Path | str,
    *,
    release: ReleaseInfo | None = None,
    nonce: str | None = None,
    now: datetime | None = None,
) -> GateDecision:
    """Decide whether a release may ship.

    The cells come from the gate's own features. Each bundle is verified, and every verdict is computed again
    from its raw numbers. Merged, the worst result of a cell wins among those that count: a fail or an error
    always does; anything else where the policy names the runner for the cell, and what was executed at a
    lower fidelity than the policy needs, or for a release of another profile, does not.

    Args:
        policy: The rules.
        bundles: The bundles' directories.
        features_dir: The gate's own features.
        release: The release that is to ship; that of the bundles without.
        nonce: What every bundle must carry; anything without.
        now: The time, aware; the clock's without.

    Raises:
        EvidenceError: A path is no bundle at all, or there is none. What is wrong inside a bundle refuses it.
        FeatureError: The features cannot be judged.
    """
    if not bundles:
        raise EvidenceError("bundles", expected="at least one", found="none", action="name the runs' folders")
    now = now or datetime.now(UTC)
    specs = {spec.id: spec for spec in cell_specs(features_dir)}
    features = feature_files(features_dir)
    listed: list[GateBundle] = []
    examined: list[Examined] = []
    for path in (Path(bundle) for bundle in bundles):
        require_bundle(path)
        try:
            bundle = read_bundle(path, keys=policy.keys)
        except EvidenceError as error:
            listed.append(GateBundle(path=str(path), refused=[str(error)]))
            continue
        one = examine_bundle(bundle, policy, specs, features, release=release, now=now, nonce=nonce)
        examined.append(one)
        listed.append(
            GateBundle(
                path=str(path),
                run_id=bundle.predicate.run_id,
                runner=one.runner.name,
                release=bundle.predicate.release.digest,
                simulated=bundle.predicate.on_simulator,
                refused=one.refused,
            )
        )
    together = check_together(examined)
    accepted = [] if together else [one for one in examined if not one.refused]
    none = "the bundles do not belong together" if together else "no bundle was accepted"
    cells = [_merge(spec, policy, accepted, now, none) for spec in specs.values()]
    reasons = [f"{bundle.path}: {reason}" for bundle in listed for reason in bundle.refused] + together
    reasons += [
        f"the waiver for {waiver.cell} by {waiver.owner} expired on {waiver.expires}: renew or remove it"
        for waiver in policy.waivers
        if now.date() > waiver.expires
    ]
    blocking = sorted((cell for cell in cells if cell.blocks), key=lambda cell: cell.state is State.NOT_RUN)
    reasons += [f"{cell.id}: {cell.state}: {cell.reason}" for cell in blocking]  # measured ones first
    if not any(cell.state is State.PASS for cell in cells if cell.required):
        reasons.append("no required cell passes")
    about = accepted[0].bundle.predicate if accepted else None
    return GateDecision(
        releasable=not reasons,
        policy=policy.name,
        release_name=about.release.name if about else None,
        release_digest=about.release.digest if about else None,
        catalogue_digest=about.catalogue_digest if about else None,
        reasons=reasons,
        warnings=_warnings(policy, accepted, cells),
        bundles=listed,
        cells=cells,
    )


def _result(spec: CellSpec, policy: Policy, one: Examined) -> GateResult:
    verdict = one.verdicts[spec.id]
    predicate = one.bundle.predicate
    cell = predicate.cell(spec.id)
    assert cell is not None
    needed, profile = policy.required_fidelity(spec), policy.required_profile(spec)
    because = ""
    if verdict.state not in _COUNTS_ALWAYS:
        if not one.runner.judges(spec.id):
            because = f"the policy does not name the runner {one.runner.name!r} for it"
        elif (
            verdict.state is not State.NOT_RUN
            and needed
            and (cell.fidelity is None or cell.fidelity < needed)
        ):
            because = f"fidelity {cell.fidelity or 'unknown'}, and the policy needs {needed}"
        elif verdict.state is not State.NOT_RUN and profile not in (None, predicate.release.profile):
            because = f"a release of profile {predicate.release.profile}, and the policy needs {profile}"
    return GateResult(
        run_id=predicate.run_id,
        runner=one.runner.name,
        state=verdict.state,
        reason=verdict.reason,
        fidelity=cell.fidelity,
        counts=not because,
        because=because,
        unavailable=any(step.status is StepStatus.SKIPPED for step in cell.steps),
    )


def _merge(
    spec: CellSpec, policy: Policy, accepted: Sequence[Examined], now: datetime, none: str
) -> GateCell:
    results = [_result(spec, policy, one) for one in accepted]
    counting = [result for result in results if result.counts]
    fidelity: Fidelity | None = None
    if counting:
        state = worst(result.state for result in counting)
        chosen = next(result for result in counting if result.state is state)
        reason, fidelity = chosen.reason, chosen.fidelity
    elif results:
        state = State.NOT_RUN
        reason = "; ".join(
            dict.fromkeys(f"{result.state} of {result.runner}: {result.because}" for result in results)
        )
    else:
        state, reason = State.NOT_RUN, none
    was: State | None = None
    exception, waiver = policy.exception(spec.id), policy.waiver(spec.id)
    if exception is not None:
        was, state, reason = state, State.NOT_APPLICABLE, exception.reason
    elif waiver is not None and now.date() <= waiver.expires and state is not State.PASS and results:
        was, state = state, State.WAIVED
        reason = f"waived by {waiver.owner} until {waiver.expires}: {waiver.reason} (it was {was}: {reason})"
    return GateCell(
        id=spec.id,
        criterion=spec.criterion,
        aspect=spec.aspect,
        target=spec.target,
        required=spec.required,
        state=state,
        was=was,
        reason=reason,
        required_fidelity=policy.required_fidelity(spec),
        fidelity=fidelity,
        results=results,
    )


def _warnings(policy: Policy, accepted: Sequence[Examined], cells: Sequence[GateCell]) -> list[str]:
    names = {cell.id for cell in cells}
    found = [
        f"the waiver for {w.cell} is about no cell of the features"
        for w in policy.waivers
        if w.cell not in names
    ]
    found += [
        f"the waiver for {cell.id} is not needed: the cell passes"
        for cell in cells
        if cell.state is State.PASS and policy.waiver(cell.id) is not None
    ]
    found += [
        f"{cell.id}: {cell.state}: {cell.reason}"
        for cell in cells
        if not cell.required and cell.state in _COUNTS_ALWAYS
    ]
    for one in accepted:
        code = one.bundle.predicate.code
        if code.dirty:
            found.append(
                f"the run {one.bundle.predicate.run_id} ran code with changes that are not committed"
            )
    return found
