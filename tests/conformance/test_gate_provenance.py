"""What evidence is about: release, artefacts, catalogue, photos and teacher; the gate takes no others."""

import pytest
from conformance_parts import (
    AC8,
    DIGEST,
    alignment,
    photos_info,
    release_info,
    retrieval,
    unknown,
    write_features,
)
from gate_parts import DESK, GOOD, IOS, PI, policy, set_cell

from cardembed.cards.photo_render import SIMULATOR_VERSION
from cardembed.conformance.measure.target import VERDICT_SEVERITY
from cardembed.conformance.policy import Requirement, Runner
from cardembed.conformance.predicate import ArtefactInfo, Attempt, ReleaseInfo
from cardembed.conformance.states import State
from cardembed.fidelity import Fidelity
from cardembed.release import Artefact, Release, TargetEntry

OTHER = "1" * 64
CHIP = {"asked": "chip", "target": "hailo8l", "simulated": False}
"""The beginning of a chip's record."""
STEPS = """@DEVICE-9
Feature: A phone

  Scenario Outline: <target>
    Given a phone
    Then it is well

    Examples: targets
      | target |
      | ios    |
"""


def refused(decision):
    """Why the first bundle is not believed."""
    assert not decision.releasable
    return decision.bundles[0].refused


# --- one bundle ---


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "development"}, "photos of the split 'development' decide nothing"),
        ({"seed": "lucky"}, "simulated photos from the seed 'lucky', not from the release's digest"),
        ({"seed": None}, "simulated photos from no seed, not from the release's digest"),
        (
            {"simulator": SIMULATOR_VERSION - 1},
            f"photos by simulator {SIMULATOR_VERSION - 1}, and the gate's is {SIMULATOR_VERSION}",
        ),
        ({"simulator": None}, f"photos by simulator None, and the gate's is {SIMULATOR_VERSION}"),
    ],
    ids=["split", "seed", "no seed", "simulator", "no simulator"],
)
def test_photos_that_the_release_does_not_determine_are_refused(here, change, message):
    assert refused(here.gate(here.bundle(photos=photos_info(**change)))) == [message]


def test_captured_photos_have_no_seed(here):
    photos = photos_info(provenance="captured", seed=None, simulator=None)
    assert here.gate(here.bundle(photos=photos, targets=("-",))).bundles[0].refused == []


def test_another_catalogue_than_the_releases_is_refused_unless_the_policy_names_it(here):
    easy = {"catalogue_digest": OTHER, "targets": ("-",)}
    assert (
        "shows the catalogue 1111111111111111…, not the release's own"
        in refused(here.gate(here.bundle(**easy)))[0]
    )
    named = policy(catalogue=OTHER)
    decision = here.gate(here.bundle(**easy), rules=named)
    assert decision.bundles[0].refused == []
    assert decision.catalogue_digest == OTHER
    assert "not the policy's 1111111111111111…" in refused(here.gate(here.bundle(), rules=named))[0]


def test_a_chip_executes_the_releases_compiled_network(here):
    # Only the release says that a HEF is its weights': a quick network of 768 numbers is soon compiled.
    artefacts = {"hailo8l": ArtefactInfo(digest=OTHER, fidelity="device")}
    other = ["it executed a HEF of hailo8l that is not the release's: 1111111111111111…"]
    for named, reasons in (
        ({"safetensors": OTHER}, other),
        ({"hef": OTHER}, []),
        ({"hef": "2" * 64}, other),
    ):
        release = release_info(artefacts={"hailo8l": named})
        bundle = here.bundle(artefacts=artefacts, targets=(), release=release, device=CHIP)
        assert here.gate(bundle).bundles[0].refused == reasons


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (None, "is none of a chip"),
        ({"target": "ios", "simulated": False}, "is none of a chip"),
        ({"target": "hailo8l"}, "is none of a chip"),
        (CHIP | {"simulated": True}, "is the simulator's"),
        (CHIP, None),
    ],
)
def test_only_a_chips_record_makes_an_answer_a_chips(here, record, message):
    release = release_info(artefacts={"hailo8l": {"hef": OTHER}})
    for fidelity in ("device", "emulated"):
        artefacts = {"hailo8l": ArtefactInfo(digest=OTHER, fidelity=fidelity)}
        bundle = here.bundle(artefacts=artefacts, targets=(), release=release, device=record)
        reasons = here.gate(bundle).bundles[0].refused
        if message is None or fidelity == "emulated":
            assert reasons == []
        else:
            (reason,) = reasons
            assert reason == f"it claims fidelity device of hailo8l, and the record of the device {message}"


@pytest.mark.parametrize("executed", ["emulated", None])
def test_a_cell_that_steps_decide_has_the_fidelity_of_what_was_executed(here, executed):
    (here.features / "models" / "device.feature").write_text(STEPS)
    rules = policy(requirements=(Requirement(criterion="DEVICE-*", fidelity="device"),))
    more = {} if executed is None else {"ios": ArtefactInfo(digest=DIGEST["ios"], fidelity=executed)}
    teacher = {"teacher": ArtefactInfo(digest=DIGEST["teacher"], fidelity="reference")}
    claims = set_cell("DEVICE-9/ios", fidelity=Fidelity.DEVICE)
    bundle = here.bundle(
        artefacts=teacher | more, targets=("teacher", "ios"), samples={"AC-1/ios": None}, change=claims
    )
    reason = "fidelity device of an artefact executed at" if executed else "no artefact they are about"
    assert any("DEVICE-9/ios" in one and reason in one for one in refused(here.gate(bundle, rules=rules)))


def test_a_cell_that_failed_before_it_passed_does_not_pass(here):
    for state, good in ((State.FAIL, False), (State.INCONCLUSIVE, False), (State.ERROR, True)):
        tried = [Attempt(state=state, reason="bytes differ")]
        decision = here.gate(here.bundle(change=set_cell("AC-1/ios", attempts=tried)))
        assert decision.releasable == good
        if not good:
            cell = here.cell(decision, "AC-1/ios")
            assert (cell.state, cell.reason) == (
                State.ERROR,
                f"executed 2 times; before: {state}: bytes differ",
            )


def test_bundles_describe_the_release_alike(here):
    desk = here.bundle(targets=("teacher", "-"))
    other = here.bundle(targets=("ios",), release=release_info(profile="prd"))
    found = here.gate(desk, other)
    assert not found.releasable
    assert any("different descriptions of the release" in one for one in found.reasons)


@pytest.mark.parametrize("fidelity", ["reference", "runtime", "emulated"])
@pytest.mark.parametrize("target", ["ios", "hailo8l"])
def test_what_was_executed_is_the_releases(here, fidelity, target):
    artefacts = {target: ArtefactInfo(digest=OTHER, fidelity=fidelity)}
    reasons = refused(here.gate(here.bundle(artefacts=artefacts, targets=())))
    assert reasons == [f"it executed an artefact of {target} that is not the release's: 1111111111111111…"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"digest": "2" * 64}, "about another release"),
        ({"catalogue_digest": "2" * 64}, "is not what its release.json says"),
        ({"artefacts": {}}, "is not what its release.json says"),
    ],
    ids=["digest", "catalogue", "artefacts"],
)
def test_evidence_about_another_release_than_the_one_to_ship_is_refused(here, change, message):
    bundle = here.bundle()
    assert here.gate(bundle, release=release_info()).releasable
    assert message in refused(here.gate(bundle, release=release_info(**change)))[0]


def test_a_release_names_shared_weights_and_the_first_file_of_a_format():
    files = [
        Artefact(path=f"{digit}.{kind}", sha256=digit * 64, format=kind, bytes=1)
        for digit, kind in (("1", "safetensors"), ("2", "onnx"), ("3", "onnx"))
    ]
    entry = TargetEntry(architecture="x", input_size=64, artefacts=tuple(files[:1]), match_threshold=0.45)
    shares = {"shares_weights_with": "teacher", "artefacts": tuple(files[1:]), "match_threshold": None}
    release = Release(
        name="first",
        profile="reference",
        created="2026-01-01T00:00:00Z",
        catalogue={"kind": "synthetic", "seed": 1, "count": 1},
        catalogue_digest=DIGEST["catalogue"],
        targets={"teacher": entry, "server": entry.model_copy(update=shares)},
    )
    info = ReleaseInfo.of(release)
    assert info.artefacts == {
        "teacher": {"safetensors": "1" * 64},
        "server": {"safetensors": "1" * 64, "onnx": "2" * 64},
    }
    assert (info.digest, info.catalogue_digest) == (release.digest, DIGEST["catalogue"])
    assert info.match_thresholds == {"teacher": 0.45}


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"artefact_digest": "3" * 64}, "its numbers are about another artefact"),
        ({"photos_digest": "3" * 64}, "its numbers are about another photo set"),
        ({"gallery_digest": "3" * 64}, "its numbers are about another gallery"),
        ({"match_threshold": 0.3}, "its numbers are about another match threshold"),
        ({"fidelity": "device"}, "its numbers are about another fidelity"),
        ({"provenance": "captured"}, "its numbers are about another provenance"),
        ({"artefact_digest": None}, "its numbers do not say which artefact"),
        ({"photos_digest": None}, "its numbers do not say which artefact and photos"),
        ({"gallery_digest": None}, "its numbers do not say which gallery"),
        ({"severity": 1}, f"photos of severity 1, and those of {VERDICT_SEVERITY} decide"),
        ({"severity": None}, f"photos of severity None, and those of {VERDICT_SEVERITY} decide"),
    ],
)
def test_numbers_about_something_else_are_refused(here, wrong, what):
    reasons = refused(here.gate(here.bundle(samples={"AC-1/ios": retrieval(100, **IOS | wrong)})))
    assert any(reason.startswith(f"AC-1/ios: {what}") for reason in reasons)


def test_unknowns_have_a_severity_and_a_gallery_too(here):
    teacher = {"artefact_digest": DIGEST["teacher"], **GOOD, "severity": 5, "gallery_digest": None}
    samples = {"AC-4/teacher": unknown({"table": 60}, **teacher)}
    assert len(refused(here.gate(here.bundle(samples=samples)))) == 2


# --- the teacher ---


@pytest.fixture
def students(here):
    """Gives a bundle of AC-8's numbers of ios, and a gate that both machines may judge at."""
    here.features = write_features(
        here.folder / "ac8", {"ac8.feature": AC8.split("\n  Scenario Outline: Parity")[0]}
    )
    rules = policy(runners=(*policy().runners, Runner(name="pi", public_key=PI.public_text)))

    def bundle(key=DESK, /, **context):
        values = {"teacher_digest": DIGEST["teacher"], "teacher_embeddings_digest": "6" * 64}
        more = {name: context.pop(name) for name in ("release", "artefacts") if name in context}
        return here.bundle(key, samples={"AC-8/ios": alignment(100, **IOS | values | context)}, **more)

    here.students = bundle
    here.decide = lambda *bundles: here.gate(*bundles, rules=rules)
    return here


def test_a_student_of_the_releases_teacher_is_judged(students):
    assert students.decide(students.students()).releasable
    assert students.decide(students.students(), students.students(PI)).releasable


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"teacher_digest": None}, "its numbers do not say which teacher and embeddings"),
        ({"teacher_embeddings_digest": None}, "its numbers do not say which teacher and embeddings"),
        (
            {"teacher_digest": "4" * 64},
            "compared with a teacher that is not the release's: 4444444444444444…",
        ),
        (
            {
                "release": release_info(artefacts={"ios": {"safetensors": DIGEST["ios"]}}),
                "artefacts": {"ios": ArtefactInfo(digest=DIGEST["ios"], fidelity="reference")},
            },
            "compared with a teacher that is not the release's",
        ),
    ],
    ids=["none", "no embeddings", "another", "none in the release"],
)
def test_a_student_of_another_teacher_or_of_none_is_refused(students, context, message):
    assert message in refused(students.decide(students.students(**context)))[0]


def test_a_student_of_another_teacher_than_the_one_judged_is_refused(students):
    artefacts = {"teacher": ArtefactInfo(digest="4" * 64, fidelity="device")}
    judged = students.bundle(PI, artefacts=artefacts, targets=())
    decision = students.decide(
        students.students(artefacts={"ios": ArtefactInfo(digest=DIGEST["ios"], fidelity="reference")}), judged
    )
    assert any("different teachers behind AC-8" in reason for reason in decision.reasons)


def test_other_embeddings_of_the_same_photos_by_the_same_teacher_are_refused(students):
    bundles = [students.students(), students.students(PI, teacher_embeddings_digest="7" * 64)]
    decision = students.decide(*bundles)
    assert "different embeddings of the photos" in decision.reasons[0]
    assert students.cell(decision, "AC-8/ios").state is State.NOT_RUN


# --- bundles together ---


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"release": release_info(digest=OTHER), "photos": photos_info(seed=OTHER)}, "different releases"),
        ({"catalogue_digest": OTHER}, "different catalogues"),
        (
            {"artefacts": {"ios": ArtefactInfo(digest=OTHER, fidelity="reference")}, "targets": ()},
            "different artefacts of ios (reference)",
        ),
        (
            {"photos": photos_info(digest=OTHER), "targets": (), "artefacts": {}},
            "different sets of simulated photos",
        ),
    ],
)
def test_bundles_about_different_things_are_refused(here, other, message):
    decision = here.gate(here.bundle(), here.bundle(**other))
    assert not decision.releasable
    assert any(message in reason for reason in decision.reasons)
    cells = {(cell.state, cell.reason) for cell in decision.cells}
    assert cells == {(State.NOT_RUN, "the bundles do not belong together")}
