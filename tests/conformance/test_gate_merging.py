"""Several machines and the policy's exceptions: what counts, and what decides."""

from datetime import UTC, datetime, timedelta

import pytest
from conformance_parts import (
    DIGEST,
    retrieval,
    skipped_cell,
    world,
)
from gate_parts import DESK, GOOD, IOS, PI, STRANGER, policy, set_cell

from cardembed.conformance.evidence import write_bundle
from cardembed.conformance.policy import NotApplicable, Requirement, Runner, Waiver
from cardembed.conformance.predicate import ArtefactInfo, CodeInfo
from cardembed.conformance.states import State
from cardembed.errors import EvidenceError
from cardembed.fidelity import Fidelity

# --- fidelity and runners ---


def test_two_machines_together_may_suffice(here):
    rules = policy(
        runners=(
            Runner(name="desk", public_key=DESK.public_text, cells=("*/teacher", "MODEL-*")),
            Runner(name="phone", public_key=PI.public_text, cells=("*/ios",)),
        ),
        requirements=(Requirement(target="ios", fidelity="device"),),
    )
    phone = {
        "targets": ("ios",),
        "artefacts": {"ios": ArtefactInfo(digest=DIGEST["ios"], fidelity="device")},
        "samples": {
            "AC-1/ios": retrieval(100, **GOOD | {"fidelity": "device"}, artefact_digest=DIGEST["ios"])
        },
        "change": set_cell("AC-1/ios", fidelity=Fidelity.DEVICE),
    }
    desk = here.bundle()
    alone = here.gate(desk, rules=rules)
    assert not alone.releasable
    assert alone.reasons == [
        "AC-1/ios: not run: pass of desk: the policy does not name the runner 'desk' for it"
    ]
    assert here.gate(desk, here.bundle(PI, **phone), rules=rules).releasable


def test_a_fidelity_below_the_policys_does_not_count(here):
    rules = policy(requirements=(Requirement(target="ios", fidelity="emulated"),))
    decision = here.gate(here.bundle(), rules=rules)
    assert decision.reasons == [
        "AC-1/ios: not run: pass of desk: fidelity reference, and the policy needs emulated"
    ]
    assert here.cell(decision, "AC-1/teacher").state is State.PASS


def test_a_pass_of_a_release_of_another_profile_does_not_count(here):
    needed = Requirement(target="ios", fidelity="reference", profile="prd")
    decision = here.gate(here.bundle(), rules=policy(requirements=(needed,)))
    assert decision.reasons == [
        "AC-1/ios: not run: pass of desk: a release of profile reference, and the policy needs prd"
    ]
    for profile in ("reference", None):
        rules = policy(requirements=(needed.model_copy(update={"profile": profile}),))
        assert here.gate(here.bundle(), rules=rules).releasable
    wrong = {"AC-1/ios": retrieval(100, wrong=40, **IOS)}  # it fails of any
    failed = here.gate(here.bundle(samples=wrong), rules=policy(requirements=(needed,)))
    assert here.cell(failed, "AC-1/ios").state is State.FAIL


def test_the_last_requirement_that_matches_counts(here):
    requirements = (
        Requirement(fidelity="device"),
        Requirement(criterion="AC-*", target="*", fidelity="reference"),
    )
    assert here.gate(here.bundle(), rules=policy(requirements=requirements)).releasable
    assert not here.gate(here.bundle(), rules=policy(requirements=requirements[::-1])).releasable


def test_a_runner_that_claims_more_than_it_can_is_refused(here):
    info = ArtefactInfo(digest=DIGEST["ios"], fidelity="device")
    samples = retrieval(100, artefact_digest=DIGEST["ios"], **GOOD | {"fidelity": "device"})
    bundle = here.bundle(
        targets=("ios",),
        artefacts={"ios": info},
        samples={"AC-1/ios": samples},
        change=set_cell("AC-1/ios", fidelity=Fidelity.DEVICE),
    )
    runner = Runner(name="desk", public_key=DESK.public_text, max_fidelity="runtime")
    decision = here.gate(bundle, rules=policy(runners=(runner,)))
    assert "claims fidelity device, and the runner 'desk' has at most runtime" in decision.reasons[0]


@pytest.fixture
def two(here):
    """The desk judges all but ios; the Pi judges ios."""
    here.rules = policy(
        runners=(
            Runner(name="desk", public_key=DESK.public_text, cells=("*/teacher", "*/-")),
            Runner(name="pi", public_key=PI.public_text, cells=("*/ios",)),
        )
    )
    return here


@pytest.mark.parametrize("wrong", [0, 2])
def test_what_an_unnamed_runner_passed_or_left_open_does_not_count(two, wrong):
    samples = {"AC-1/ios": retrieval(100, wrong=wrong, **IOS)}
    decision = two.gate(two.bundle(samples=samples), rules=two.rules)
    assert two.cell(decision, "AC-1/ios").state is State.NOT_RUN
    assert two.gate(two.bundle(samples=samples), two.bundle(PI, targets=("ios",)), rules=two.rules).releasable


def test_a_fail_counts_from_every_runner_at_every_fidelity(two):
    rules = two.rules.model_copy(update={"requirements": (Requirement(target="ios", fidelity="reference"),)})
    samples = {"AC-1/ios": retrieval(100, wrong=40, **IOS)}
    good = two.bundle(PI, targets=("ios",))
    assert two.cell(two.gate(two.bundle(samples=samples), good, rules=rules), "AC-1/ios").state is State.FAIL
    crash = set_cell("AC-1/ios", state=State.ERROR, reason="no answer")
    assert two.cell(two.gate(two.bundle(change=crash), good, rules=rules), "AC-1/ios").state is State.ERROR


def test_what_a_named_runner_did_not_run_blocks_whatever_others_say(here):
    rules = policy(runners=(*policy().runners, Runner(name="pi", public_key=PI.public_text)))
    decision = here.gate(here.bundle(), here.bundle(PI, targets=("teacher", "-")), rules=rules)
    assert here.cell(decision, "AC-1/ios").state is State.NOT_RUN


def test_worst_wins_between_named_runners(here):
    rules = policy(runners=(*policy().runners, Runner(name="pi", public_key=PI.public_text)))
    open_ = {"AC-1/ios": retrieval(100, wrong=2, **IOS)}
    decision = here.gate(here.bundle(), here.bundle(PI, samples=open_), rules=rules)
    assert here.cell(decision, "AC-1/ios").state is State.INCONCLUSIVE
    assert len(here.cell(decision, "AC-1/ios").results) == 2


# --- exceptions ---


def waiver(days, cell="AC-1/ios"):
    day = datetime.now(UTC).date() + timedelta(days=days)
    return Waiver(cell=cell, owner="Ada", reason="known", expires=day)


def failing(here):
    return here.bundle(samples={"AC-1/ios": retrieval(100, wrong=40, **IOS)})


def test_a_waiver_lets_a_cell_ship_and_shows_what_it_was(here):
    decision = here.gate(failing(here), rules=policy(waivers=(waiver(0),)))
    cell = here.cell(decision, "AC-1/ios")
    assert decision.releasable
    assert (cell.state, cell.was) == (State.WAIVED, State.FAIL)
    assert "waived by Ada until" in cell.reason
    assert "60/100" in cell.reason


def test_an_expired_waiver_is_refused(here):
    decision = here.gate(failing(here), rules=policy(waivers=(waiver(-1),)))
    assert not decision.releasable
    assert "the waiver for AC-1/ios by Ada expired on" in decision.reasons[0]
    assert here.cell(decision, "AC-1/ios").state is State.FAIL
    assert not here.gate(here.bundle(), rules=policy(waivers=(waiver(-1),))).releasable


def test_a_waiver_does_not_stand_for_a_bundle(here):
    decision = here.gate(here.bundle(STRANGER), rules=policy(waivers=(waiver(9),)))
    assert here.cell(decision, "AC-1/ios").state is State.NOT_RUN


def test_waivers_that_are_not_needed_are_pointed_at(here):
    decision = here.gate(here.bundle(), rules=policy(waivers=(waiver(9), waiver(9, "AC-7/x"))))
    assert decision.releasable
    assert len(decision.warnings) == 2


def test_what_is_not_applicable_does_not_block(here):
    exceptions = (NotApplicable(cell="AC-*/ios", reason="no phone"),)
    decision = here.gate(here.bundle(targets=("teacher", "-")), rules=policy(not_applicable=exceptions))
    cell = here.cell(decision, "AC-1/ios")
    assert decision.releasable
    assert (cell.state, cell.was, cell.reason) == (State.NOT_APPLICABLE, State.NOT_RUN, "no phone")


def test_nothing_that_passes_is_not_green(here):
    exceptions = (NotApplicable(cell="*", reason="why not"),)
    decision = here.gate(here.bundle(targets=()), rules=policy(not_applicable=exceptions))
    assert not decision.releasable
    assert decision.reasons == ["no required cell passes"]


def test_reported_cells_never_block_and_uncommitted_code_is_pointed_at(here):
    def change(predicate):
        predicate.code = CodeInfo(version="0", git_commit="abc", dirty=True)
        spec = here.specs()["AC-4/unknown-cards/teacher"]
        predicate.cells[3] = skipped_cell(spec)

    predicate, samples = world(here.features)
    change(predicate)
    samples.pop("AC-4/unknown-cards/teacher")
    bundle = write_bundle(here.folder / "b", predicate, samples=samples, key=DESK)
    decision = here.gate(bundle)
    assert decision.releasable
    assert any("not committed" in warning for warning in decision.warnings)


def test_no_bundle_is_bad_input(here):
    with pytest.raises(EvidenceError, match="at least one"):
        here.gate()
    with pytest.raises(EvidenceError, match=r"no evidence\.dsse\.json"):
        here.gate(here.features)
