import json
import shutil
from datetime import UTC, date, datetime, timedelta

import pytest
from conformance_parts import (
    AC1,
    AC8,
    DIGEST,
    alignment,
    bundle_cell,
    passed,
    retrieval,
    skipped_cell,
    unknown,
    world,
    write_features,
)

from cardembed._io import sha256_bytes
from cardembed.cli import main
from cardembed.conformance.evidence import write_bundle
from cardembed.conformance.gate import gate
from cardembed.conformance.policy import NotApplicable, Policy, Requirement, Runner, Waiver, load_policy
from cardembed.conformance.predicate import ArtefactInfo, CodeInfo, PhotosInfo, ReleaseInfo
from cardembed.conformance.signing import generate_key
from cardembed.conformance.spec import cell_specs
from cardembed.conformance.states import State
from cardembed.errors import EvidenceError, PolicyError
from cardembed.fidelity import Fidelity
from cardembed.release import Artefact, Release, TargetEntry

DESK, PI, STRANGER = generate_key(), generate_key(), generate_key()
GOOD = {"fidelity": "reference", "photos_digest": DIGEST["photos"]}


def policy(**values):
    runners = (Runner(name="desk", public_key=DESK.public_text),)
    return Policy(**{"name": "test", "runners": runners} | values)


class World:
    def __init__(self, folder):
        self.folder = folder
        self.features = write_features(folder / "features")
        self.number = 0

    def specs(self):
        return {spec.id: spec for spec in cell_specs(self.features)}

    def bundle(self, key=DESK, *, change=None, **more):
        self.number += 1
        predicate, samples = world(self.features, **more)
        if change is not None:
            predicate = change(predicate) or predicate
        kept = {cell.id for cell in predicate.cells}
        samples = {name: value for name, value in samples.items() if name in kept}
        return write_bundle(self.folder / f"b{self.number}", predicate, samples=samples, key=key)

    def gate(self, *bundles, rules=None, **more):
        return gate(rules or policy(), bundles, self.features, **more)

    def cell(self, decision, name):
        return next(cell for cell in decision.cells if cell.id == name)


@pytest.fixture
def here(tmp_path):
    return World(tmp_path)


def set_cell(name, **values):
    def change(predicate):
        for index, cell in enumerate(predicate.cells):
            if cell.id == name:
                predicate.cells[index] = cell.model_copy(update=values)

    return change


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
        "artefacts": {"ios": ArtefactInfo(digest=sha256_bytes(b"program"), fidelity="device")},
        "samples": {
            "AC-1/ios": retrieval(
                100, **GOOD | {"fidelity": "device"}, artefact_digest=sha256_bytes(b"program")
            )
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


# --- the verdict is computed here ---


@pytest.mark.parametrize(
    ("wrong", "state"), [(2, State.INCONCLUSIVE), (40, State.FAIL)], ids=["inconclusive", "fail"]
)
def test_a_cell_that_does_not_pass_blocks(here, wrong, state):
    samples = {"AC-1/ios": retrieval(100, wrong=wrong, artefact_digest=DIGEST["ios"], **GOOD)}
    decision = here.gate(here.bundle(samples=samples))
    assert not decision.releasable
    assert here.cell(decision, "AC-1/ios").state is state
    assert decision.reasons[0].startswith(f"AC-1/ios: {state}: {100 - wrong}/100 = ")


def test_a_claimed_pass_over_failing_numbers_is_refused(here):
    bad = retrieval(100, wrong=40, artefact_digest=DIGEST["ios"], **GOOD)
    claim = set_cell("AC-1/ios", state=State.PASS, reason="trust me", verdict=None)
    decision = here.gate(here.bundle(samples={"AC-1/ios": bad}, change=claim))
    assert not decision.releasable
    assert "AC-1/ios: it claims pass, its raw numbers say fail (60/100" in decision.reasons[0]
    assert all(cell.state is not State.PASS for cell in decision.cells)


def test_a_claim_with_other_counts_is_refused(here):
    good = bundle_cell(here.specs()["AC-1/ios"], retrieval(100, artefact_digest=DIGEST["ios"], **GOOD))
    one_wrong = retrieval(100, wrong=1, artefact_digest=DIGEST["ios"], **GOOD)
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
    bad = retrieval(100, wrong=40, artefact_digest=DIGEST["ios"], **GOOD)
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


def test_development_photos_decide_nothing(here):
    photos = PhotosInfo(digest=DIGEST["photos"], split="development", provenance="simulated")
    assert "split 'development' decide nothing" in here.gate(here.bundle(photos=photos)).reasons[0]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"release": ReleaseInfo(name="first", digest="1" * 64, profile="reference")}, "different releases"),
        ({"catalogue_digest": "1" * 64}, "different catalogues"),
        (
            {"artefacts": {"ios": ArtefactInfo(digest="1" * 64, fidelity="reference")}, "targets": ()},
            "different artefacts of ios (reference)",
        ),
        (
            {
                "photos": PhotosInfo(digest="1" * 64, split="verdict", provenance="simulated"),
                "targets": (),
                "artefacts": {},
            },
            "different sets of simulated photos",
        ),
    ],
)
def test_bundles_about_different_things_are_refused(here, other, message):
    decision = here.gate(here.bundle(), here.bundle(**other))
    assert not decision.releasable
    assert any(message in reason for reason in decision.reasons)
    assert {cell.state for cell in decision.cells} == {State.NOT_RUN}


def test_evidence_about_another_release_than_the_one_to_ship_is_refused(here):
    assert here.gate(here.bundle(), release_digest=DIGEST["release"]).releasable
    assert "about another release" in here.gate(here.bundle(), release_digest="2" * 64).reasons[0]


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"artefact_digest": "3" * 64}, "another artefact"),
        ({"photos_digest": "3" * 64}, "another photo set"),
        ({"fidelity": "device"}, "another fidelity"),
        ({"provenance": "captured"}, "another provenance"),
        ({"artefact_digest": None}, "do not say which artefact"),
        ({"photos_digest": None}, "do not say which artefact and photos"),
    ],
)
def test_numbers_about_something_else_are_refused(here, wrong, what):
    context = {"artefact_digest": DIGEST["ios"], **GOOD} | wrong
    decision = here.gate(here.bundle(samples={"AC-1/ios": retrieval(100, **context)}))
    assert any("AC-1/ios: its numbers" in reason and what in reason for reason in decision.reasons)


def test_students_of_two_teachers_are_refused(here):
    students = AC8.split("\n  Scenario Outline: Parity")[0]
    here.features = write_features(here.folder / "ac8", {"ac8.feature": students})
    more = {"artefact_digest": DIGEST["ios"], **GOOD}
    bundles = [
        here.bundle(samples={"AC-8/ios": alignment(100, teacher_digest=digit * 64, **more)}) for digit in "45"
    ]
    assert here.gate(bundles[0]).releasable
    assert "different teachers behind AC-8" in here.gate(*bundles).reasons[0]


# --- features and cells ---


def test_another_feature_text_is_refused(here):
    bundle = here.bundle()
    write_features(here.features, {"acceptance/ac1.feature": AC1.replace("95 % of", "90 % of")})
    reasons = here.gate(bundle).reasons
    assert "it was judged by another text of the feature acceptance/ac1.feature" in reasons[0]


def test_a_weakened_feature_that_the_bundle_brings_along_decides_nothing(here):
    weak = World(here.folder / "weak")
    write_features(weak.features, {"acceptance/ac1.feature": AC1.replace("95 % of", "50 % of")})
    samples = {"AC-1/ios": retrieval(100, wrong=40, artefact_digest=DIGEST["ios"], **GOOD)}
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


# --- fidelity and runners ---


def test_a_fidelity_below_the_policys_does_not_count(here):
    rules = policy(requirements=(Requirement(target="ios", fidelity="emulated"),))
    decision = here.gate(here.bundle(), rules=rules)
    assert decision.reasons == [
        "AC-1/ios: not run: pass of desk: fidelity reference, and the policy needs emulated"
    ]
    assert here.cell(decision, "AC-1/teacher").state is State.PASS


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
    samples = {"AC-1/ios": retrieval(100, wrong=wrong, artefact_digest=DIGEST["ios"], **GOOD)}
    decision = two.gate(two.bundle(samples=samples), rules=two.rules)
    assert two.cell(decision, "AC-1/ios").state is State.NOT_RUN
    assert two.gate(two.bundle(samples=samples), two.bundle(PI, targets=("ios",)), rules=two.rules).releasable


def test_a_fail_counts_from_every_runner_at_every_fidelity(two):
    rules = two.rules.model_copy(update={"requirements": (Requirement(target="ios", fidelity="reference"),)})
    samples = {"AC-1/ios": retrieval(100, wrong=40, artefact_digest=DIGEST["ios"], **GOOD)}
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
    open_ = {"AC-1/ios": retrieval(100, wrong=2, artefact_digest=DIGEST["ios"], **GOOD)}
    decision = here.gate(here.bundle(), here.bundle(PI, samples=open_), rules=rules)
    assert here.cell(decision, "AC-1/ios").state is State.INCONCLUSIVE
    assert len(here.cell(decision, "AC-1/ios").results) == 2


# --- exceptions ---


def waiver(days, cell="AC-1/ios"):
    day = datetime.now(UTC).date() + timedelta(days=days)
    return Waiver(cell=cell, owner="Ada", reason="known", expires=day)


def failing(here):
    return here.bundle(samples={"AC-1/ios": retrieval(100, wrong=40, artefact_digest=DIGEST["ios"], **GOOD)})


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


# --- the policy's file ---


def test_the_projects_policy_asks_for_what_deployment_needs():
    from pathlib import Path

    root = Path(__file__).parents[2]
    rules = load_policy(root / "policy.toml")
    needed = {
        spec.id: rules.required_fidelity(spec) for spec in cell_specs(root / rules.features) if spec.required
    }
    expected = {
        "AC-1/teacher": "reference",
        "AC-1/server": "runtime",
        "AC-3/android": "runtime",
        "AC-8/ios": "emulated",
        "AC-2/hailo8l": "emulated",
        "AC-5/hailo8l": "device",
    }
    assert {name: needed[name] for name in expected} == expected
    assert all(value for name, value in needed.items() if name.startswith("AC-"))
    assert rules.runners == ()
    from cardembed.cards.unknowns import UNKNOWNS

    assert set(rules.unknown_families) == set(UNKNOWNS)


POLICY = f"""
[policy]
name = "small"

[[runner]]
name = "desk"
public_key = "{DESK.public_text}"

[[waiver]]
cell = "AC-1/ios"
owner = "Ada"
reason = "known"
expires = 2030-01-31
"""


def test_a_policy_file_is_read(tmp_path):
    (tmp_path / "p.toml").write_text(POLICY)
    rules = load_policy(tmp_path / "p.toml")
    assert rules.runner(DESK.public).name == "desk"
    assert rules.waivers[0].expires == date(2030, 1, 31)
    assert rules.trusting(DESK.public) is rules
    assert len(rules.trusting(PI.public).keys) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no table \[policy\]"),
        ("[policy", "p.toml: expected a gate policy, found"),
        (POLICY.replace("[[waiver]]", "[[waivers]]"), "the table 'waivers'"),
        (POLICY.replace("[policy]", "[policy]\nrunners = []"), "the table 'runners'"),
        (POLICY.replace('name = "small"', 'nome = "small"'), "at name"),
        (POLICY.replace("ed25519:", "rsa:"), "at runner.0.public_key"),
        (POLICY.replace("2030-01-31", '"soon"'), "at waiver.0.expires"),
        (POLICY.replace('owner = "Ada"', 'owner = " "'), "at waiver.0.owner"),
        (
            POLICY + POLICY.split("\n\n")[1].replace('"desk"', '"two"'),
            "public key ed25519.* stands twice",
        ),
        (POLICY + POLICY.split("\n\n")[2], "the waiver for AC-1/ios stands twice"),
        (POLICY + '[[require]]\nfidelity = "perfect"\n', "at require.0.fidelity"),
        (POLICY.replace("[policy]", "[policy]\nmax_age_days = 0"), "at max_age_days"),
        (POLICY.replace("[policy]", "[policy]\nschema_version = 2"), "at schema_version"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused_by_field(tmp_path, text, message):
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(PolicyError, match=message):
        load_policy(tmp_path / "p.toml")


def test_a_missing_policy_is_refused(tmp_path):
    with pytest.raises(PolicyError, match="give --policy FILE"):
        load_policy(tmp_path / "absent.toml")


# --- the command ---


@pytest.fixture
def command(here, capsys):
    (here.folder / "policy.toml").write_text(POLICY.split("[[waiver]]", maxsplit=1)[0])

    def run(*arguments):
        arguments = ["gate", "--policy", str(here.folder / "policy.toml"), *map(str, arguments)]
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return run


def test_the_command_says_releasable_with_0(here, command):
    code, out, err = command(here.bundle())
    assert (code, err) == (0, "")
    assert f"RELEASABLE: first ({DIGEST['release']}) by policy 'small'" in out
    assert "                teacher       ios" in out
    assert "AC-1            pass          pass" in out
    assert "MODEL-1         1 of 1 cells do not block" in out


def test_the_command_says_no_with_1_and_why(here, command):
    code, out, _ = command(here.bundle(targets=("teacher", "-")))
    assert code == 1
    assert "AC-1            pass          not run" in out
    assert "  AC-1/ios: not run: not among the targets asked for" in out
    assert out.rstrip().splitlines()[-1].startswith("NOT RELEASABLE")


def test_the_command_prints_one_json_value(here, command):
    code, out, _ = command(here.bundle(), "--json")
    value = json.loads(out)
    assert (code, value["releasable"], value["cells"][0]["state"]) == (0, True, "pass")


@pytest.mark.parametrize("arguments", [[], ["features"], ["absent"], ["--features", "b1", "b1"]])
def test_the_command_calls_bad_input_2_in_one_line(here, command, arguments):
    here.bundle()
    code, out, err = command(*[a if a.startswith("-") else here.folder / a for a in arguments])
    assert (code, out) == (2, "")
    assert err.startswith("cardembed: error: ")
    assert err.count("\n") == 1


def test_the_command_trusts_a_key_that_is_named(here, command, monkeypatch):
    bundle = here.bundle(PI)
    assert command(bundle)[0] == 1
    assert command("--trust", PI.public_text, bundle)[0] == 0
    (here.folder / "pi.pub").write_text(PI.public_text + "\n")
    assert command("--trust", here.folder / "pi.pub", bundle)[0] == 0
    assert command("--trust", "nobody", bundle)[0] == 2
    private = here.folder / "key"
    private.write_bytes(PI.pem)
    private.chmod(0o600)
    monkeypatch.setenv("CARDEMBED_SIGNING_KEY", str(private))
    assert command("--trust", "own", bundle)[0] == 0


def test_the_command_takes_the_release_that_is_to_ship(here, command):
    artefact = Artefact(path="t.safetensors", sha256="0" * 64, format="safetensors", bytes=1)
    release = Release(
        name="first",
        profile="reference",
        created="2026-01-01T00:00:00Z",
        catalogue={"kind": "synthetic", "seed": 1, "count": 1},
        catalogue_digest=DIGEST["catalogue"],
        targets={"teacher": TargetEntry(architecture="x", input_size=64, artefacts=(artefact,))},
    )
    folder = here.folder / "release"
    folder.mkdir()
    (folder / "release.json").write_text(release.model_dump_json())
    code, out, _ = command("--release", folder, here.bundle())
    assert code == 1
    assert "it is about another release" in out
    about = here.bundle(release=ReleaseInfo(name="first", digest=release.digest, profile="reference"))
    assert command("--release", folder, about)[0] == 0
    assert command("--release", here.features, about)[0] == 2
