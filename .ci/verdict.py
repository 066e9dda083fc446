"""Whether the main job gave the verdict that the shipped release was sealed with, cell by cell.

Usage: python .ci/verdict.py REPORT_DIRECTORY PYTEST_EXIT_CODE

The bundle is verified and every verdict computed again by the gate's own code. Accepted is a bundle that the
gate does not refuse, with every cell of the features in it, none in error or executed at a lower fidelity
than policy.toml asks for, and each in the state (and at the fidelity, where the seal has one) that
fixtures/release/verdict.json has for it: green, or red or not run exactly where the documentation says so.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from cardembed.conformance.decision import GateDecision, GateResult
from cardembed.conformance.evidence import EVIDENCE
from cardembed.conformance.gate import gate
from cardembed.conformance.predicate import ReleaseInfo
from cardembed.conformance.seal import departures, own_policy, read_seal
from cardembed.conformance.states import State
from cardembed.errors import ReleaseError
from cardembed.release import Release, default_release_dir

ROOT = Path(__file__).resolve().parents[1]


def own_results(decision: GateDecision) -> dict[str, GateResult]:
    """What this run says of each cell, whatever the policy makes of it."""
    return {cell.id: result for cell in decision.cells for result in cell.results}


def faults(decision: GateDecision, code: int) -> list[str]:
    """What is wrong with the harness, one line each; what is not run is the seal's to judge."""
    found = [reason for bundle in decision.bundles for reason in bundle.refused]
    results = own_results(decision)
    required = {cell.id for cell in decision.cells if cell.required}
    found += [f"{cell.id}: no result" for cell in decision.cells if cell.id not in results]
    found += [f"{name}: error: {r.reason}" for name, r in results.items() if r.state is State.ERROR]
    # A target that silently fell back to PyTorch gives the same green.
    found += [
        f"{name}: {results[name].state}, and it does not count by policy.toml: {results[name].because}"
        for name in sorted(required & results.keys())
        if results[name].state in (State.PASS, State.INCONCLUSIVE) and not results[name].counts
    ]
    red = [
        name for name in required & results.keys() if results[name].state in (State.FAIL, State.INCONCLUSIVE)
    ]
    if code != (1 if red else 0):
        found.append(f"pytest exited with {code}, but {len(red)} required cells failed or were inconclusive")
    if not any(result.state is State.PASS for result in results.values()):
        found.append("no cell passes: not even the embedding contract")
    return found


def against_the_seal(release: Release, decision: GateDecision) -> list[str]:
    """Where this run departs from the release's seal, one line each."""
    try:
        return departures(read_seal(release), decision)
    except ReleaseError as error:
        return [str(error)]


def main(report: Path, code: int) -> int:
    """Print the verdict and return the exit code of CI."""
    bundles = sorted(path.parent for path in report.rglob(EVIDENCE))
    if len(bundles) != 1:
        print(f"verdict: HARNESS FAULT: expected one bundle below {report.name}/, found {len(bundles)}")
        return 1
    policy = own_policy(ROOT / "policy.toml")
    shipped = Release.load(default_release_dir())
    decision = gate(policy, bundles, ROOT / "features", release=ReleaseInfo.of(shipped))
    found = faults(decision, code)
    if found:
        print(f"verdict: HARNESS FAULT: {len(found)}")
        print("\n".join(f"  {line}" for line in found))
        return 1
    results = own_results(decision)
    names = {cell.id for cell in decision.cells if cell.required}
    print(
        "required cells: "
        + ", ".join(f"{n} {s}" for s, n in Counter(results[x].state for x in names).items())
    )
    red = sorted(name for name in names if results[name].state in (State.FAIL, State.INCONCLUSIVE))
    for name in red:
        print(f"  {name}: {results[name].state}: {results[name].reason}")
    departed = against_the_seal(shipped, decision)
    if departed:
        print(f"verdict: NOT AS SEALED: {len(departed)}")
        print("\n".join(f"  {line}" for line in departed))
        return 1
    colour = "RED as sealed and documented" if red else "GREEN on everything that this machine can run"
    print(f"verdict: {colour}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
