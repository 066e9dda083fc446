"""What one bundle says, and when the gate does not believe it."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from conformance_parts import (
    AC1,
    DIGEST,
    bundle_cell,
    passed,
    retrieval,
    unknown,
    write_features,
)
from gate_parts import GOOD, IOS, STRANGER, World, policy, set_cell

from cardembed.conformance.states import State

# --- releasable ---


def test_when_everything_passes_the_release_may_ship(here):
    decision = here.gate(here.bundle())
    assert decision.reasons == []
    assert decision.releasable
    assert (decision.release_name, decision.release_digest) == ("first", DIGEST["release"])
    assert {cell.id: cell.state for cell in decision.cells} == {
        "AC-1/teacher": "pass",
        "AC-1/ios": "pass",
        "AC-4/teacher": "pass",
        "AC-4/unknown-cards/teacher": "reported",
        "MODEL-1/unit-norm/-": "pass",
    }


# --- the verdict is computed here ---


@pytest.mark.parametrize(
    ("wrong", "state"), [(2, State.INCONCLUSIVE), (40, State.FAIL)], ids=["inconclusive", "fail"]
)
def test_a_cell_that_does_not_pass_blocks(here, wrong, state):
    samples = {"AC-1/ios": retrieval(100, wrong=wrong, **IOS)}
    decision = here.gate(here.bundle(samples=samples))
    assert not decision.releasable
    assert here.cell(decision, "AC-1/ios").state is state
    assert decision.reasons[0].startswith(f"AC-1/ios: {state}: {100 - wrong}/100 = ")


def test_a_claimed_pass_over_failing_numbers_is_refused(here):
    bad = retrieval(100, wrong=40, **IOS)
    claim = set_cell("AC-1/ios", state=State.PASS, reason="trust me", verdict=None)
    decision = here.gate(here.bundle(samples={"AC-1/ios": bad}, change=claim))
    assert not decision.releasable
    assert "AC-1/ios: it claims pass, its raw numbers say fail (60/100" in decision.reasons[0]
    assert all(cell.state is not State.PASS for cell in decision.cells)


def test_a_claim_with_other_counts_is_refused(here):
    good = bundle_cell(here.specs()["AC-1/ios"], retrieval(100, **IOS))
    one_wrong = retrieval(100, wrong=1, **IOS)
    claim = set_cell("AC-1/ios", verdict=good.verdict)
    decision = here.gate(here.bundle(samples={"AC-1/ios": one_wrong}, change=claim))
    assert "AC-1/ios: it claims other numbers" in decision.reasons[0]


def test_a_claimed_fail_over_good_numbers_is_refused_too(here):
    decision = here.gate(here.bundle(change=set_cell("AC-1/ios", state=State.FAIL)))
    assert "claims fail, its raw numbers say pass" in decision.reasons[0]


def test_an_error_that_the_recorder_knows_of_stands(here):
    crash = set_cell("AC-1/ios", state=State.ERROR, reason="teardown: device lost")
    decision = here.gate(here.bundle(change=crash))
    assert decision.bundles[0].refused == []
    assert decision.reasons == ["AC-1/ios: error: teardown: device lost"]


def test_not_run_does_not_hide_numbers_that_fail(here):
    bad = retrieval(100, wrong=40, **IOS)
    hide = set_cell("AC-1/ios", state=State.NOT_RUN, reason="no time")
    decision = here.gate(here.bundle(samples={"AC-1/ios": bad}, change=hide))
    assert here.cell(decision, "AC-1/ios").state is State.FAIL


def test_a_step_that_never_ran_in_another_feature_is_an_error(here):
    steps = passed(here.specs()["MODEL-1/unit-norm/-"])[:1]
    decision = here.gate(here.bundle(change=set_cell("MODEL-1/unit-norm/-", steps=steps)))
    assert "claims pass, its raw numbers say error (a step that never ran" in decision.reasons[0]


def test_a_changed_number_in_a_measurement_is_refused(here):
    bundle = here.bundle()
    file = bundle / "measurements/AC-1.ios.json"
    file.write_text(file.read_text().replace("0.1,", "0.3,", 1))
    decision = here.gate(bundle)
    assert not decision.releasable
    assert "AC-1.ios.json: expected SHA-256" in decision.reasons[0]
    assert {cell.state for cell in decision.cells} == {State.NOT_RUN}


# --- who, when, about what ---


def test_an_unknown_key_is_refused(here):
    decision = here.gate(here.bundle(STRANGER))
    assert "unknown key" in decision.reasons[0]
    assert decision.bundles[0].runner is None


def test_no_runner_in_the_policy_trusts_nobody(here):
    assert "unknown key" in here.gate(here.bundle(), rules=policy(runners=())).reasons[0]


def test_a_refused_bundle_blocks_though_another_suffices(here):
    decision = here.gate(here.bundle(), here.bundle(STRANGER))
    assert all(not cell.blocks for cell in decision.cells)
    assert not decision.releasable


def test_a_replayed_run_is_refused(here):
    bundle = here.bundle()
    copy = here.folder / "copy"
    shutil.copytree(bundle, copy)
    decision = here.gate(bundle, copy)
    assert not decision.releasable
    assert decision.reasons[0].startswith("replayed: the run")


def test_the_same_bundle_twice_is_a_replay(here):
    bundle = here.bundle()
    assert here.gate(bundle, bundle).reasons[0].startswith("replayed: the run")


@pytest.mark.parametrize("nonce", [None, "yesterday"])
def test_a_bundle_without_the_gates_nonce_is_refused(here, nonce):
    bundle = here.bundle(nonce=nonce)
    assert "replayed or made for another gate" in here.gate(bundle, nonce="today").reasons[0]
    assert here.gate(here.bundle(nonce="today"), nonce="today").releasable


@pytest.mark.parametrize(
    ("started", "finished", "message"),
    [
        (-32, -31, "stale: it ended 31 days ago, and the policy allows 30"),
        (1, 2, "in the future"),
        (-1, -2, "ended before it started"),
    ],
)
def test_times_that_cannot_be_are_refused(here, started, finished, message):
    now = datetime.now(UTC)
    times = {"started": now + timedelta(days=started), "finished": now + timedelta(days=finished)}
    assert message in here.gate(here.bundle(**times)).reasons[0]


def test_a_bundle_grows_stale(here):
    bundle = here.bundle()
    assert here.gate(bundle, now=datetime.now(UTC) + timedelta(days=29)).releasable
    assert "stale" in here.gate(bundle, now=datetime.now(UTC) + timedelta(days=31)).reasons[0]


# --- features and cells ---


def test_another_feature_text_is_refused(here):
    bundle = here.bundle()
    write_features(here.features, {"acceptance/ac1.feature": AC1.replace("95 % of", "90 % of")})
    reasons = here.gate(bundle).reasons
    assert "it was judged by another text of the feature acceptance/ac1.feature" in reasons[0]


def test_a_weakened_feature_that_the_bundle_brings_along_decides_nothing(here):
    weak = World(here.folder / "weak")
    write_features(weak.features, {"acceptance/ac1.feature": AC1.replace("95 % of", "50 % of")})
    samples = {"AC-1/ios": retrieval(100, wrong=40, **IOS)}
    bundle = weak.bundle(samples=samples)
    assert weak.gate(bundle).releasable is False  # the second claim
    assert "another text of the feature" in here.gate(bundle).reasons[0]


def test_a_removed_feature_is_refused(here):
    bundle = here.bundle()
    write_features(here.features, {"acceptance/ac9.feature": AC1.replace("AC-1", "AC-9")})
    decision = here.gate(bundle)
    assert "the feature acceptance/ac9.feature was removed" in decision.reasons[0]
    assert any("the cell AC-9/teacher was removed" in reason for reason in decision.reasons)


def test_an_additional_feature_is_refused(here):
    write_features(here.features, {"acceptance/ac9.feature": AC1.replace("AC-1", "AC-9")})
    bundle = here.bundle()
    (here.features / "acceptance/ac9.feature").unlink()
    assert "ac9.feature, which the gate does not have" in here.gate(bundle).reasons[0]


def test_a_removed_cell_is_refused(here):
    def remove(predicate):
        predicate.cells[:] = [cell for cell in predicate.cells if cell.id != "AC-1/ios"]

    decision = here.gate(here.bundle(change=remove))
    assert "the cell AC-1/ios was removed" in decision.reasons[0]


def test_a_cell_that_calls_itself_not_required_is_refused(here):
    bundle = here.bundle(change=set_cell("AC-1/ios", required=False))
    assert "described otherwise" in here.gate(bundle).reasons[0]


def test_a_cell_that_was_not_run_blocks(here):
    decision = here.gate(here.bundle(targets=("teacher", "-")))
    assert decision.reasons == ["AC-1/ios: not run: not among the targets asked for"]


def test_a_left_out_family_of_unknowns_is_refused(here):
    rules = policy(unknown_families=("hand", "table", "wood"))
    decision = here.gate(here.bundle(), rules=rules)
    assert "AC-4/teacher: families of unknowns were left out: wood" in decision.reasons[0]
    samples = unknown({"hand": 60, "table": 60, "wood": 60}, artefact_digest=DIGEST["teacher"], **GOOD)
    assert here.gate(here.bundle(samples={"AC-4/teacher": samples}), rules=rules).releasable
