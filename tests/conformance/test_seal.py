"""The verdict that a release was sealed with, and runs that depart from it."""

import json
from datetime import UTC, datetime

import pytest
from gate_parts import set_cell
from seal_parts import ABSENT, Checkout

from cardembed.conformance.gate import gate
from cardembed.conformance.policy import Policy
from cardembed.conformance.seal import SEALED, departures, read_seal, seal_state, seal_verdict
from cardembed.conformance.states import NOT_ASKED, State
from cardembed.errors import ReleaseError
from cardembed.fidelity import Fidelity
from cardembed.release import Release

AT = datetime(2026, 11, 25, tzinfo=UTC)
ENDED = "the run ended before it"
NO_PHOTOS = "verdict photos: expected photos of condition 'unknown-card', found none; use a set that has them"
NO_PACKAGE = "ios: expected coremltools, found no such package; pip install 'cardembed[all]'"


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


@pytest.fixture
def release(checkout):
    return checkout.release


@pytest.fixture
def decide(checkout):
    """The gate's decision of one run that is about the release."""
    return checkout.decide


RED = {"wrong": 40}


def test_a_seal_holds_every_cell_and_is_read_back(release, decide):
    before = release.digest
    sealed = seal_verdict(release, decide(**RED), AT)
    assert read_seal(release) == sealed
    assert sealed.red == ["AC-1/ios"]
    assert sealed.cells["AC-1/ios"].reason.startswith("60/100")
    assert sealed.cells["AC-1/ios"].fidelity is Fidelity.EMULATED
    assert sealed.cells["MODEL-1/unit-norm/-"].fidelity is None
    assert not sealed.cells["AC-4/unknown-cards/teacher"].required
    assert set(sealed.cells) == {cell.id for cell in decide().cells}
    assert Release.load(release.root).digest == before  # photos derive from it


def test_the_same_verdict_departs_nowhere(release, decide):
    sealed = seal_verdict(release, decide(), AT)
    assert departures(sealed, decide()) == []


def test_a_cell_that_falls_and_one_that_rises_are_both_said(release, decide):
    green, red = decide(), decide(**RED)
    (line,) = departures(seal_verdict(release, green, AT), red)
    assert line.startswith("AC-1/ios: sealed as pass, now fail: 60/100")
    (line,) = departures(seal_verdict(release, red, AT), green)
    assert line.startswith("AC-1/ios: sealed as fail, now pass")


def test_another_fidelity_is_said(release, decide):
    sealed = seal_verdict(release, decide(), AT)
    (line,) = departures(sealed, decide(ios="reference"))
    assert line.startswith("AC-1/ios: sealed at fidelity emulated, now reference: 100/100")


def test_what_was_required_and_is_no_more_is_said(release, decide):
    decision = decide()
    sealed = seal_verdict(release, decision, AT)
    cells = [cell.model_copy(update={"required": not cell.required}) for cell in decision.cells[:1]]
    changed = decision.model_copy(update={"cells": [*cells, *decision.cells[1:]]})
    (line,) = departures(sealed, changed)
    assert line == f"{decision.cells[0].id}: sealed as required, now only reported"


def test_a_seal_from_before_fidelities_were_kept_is_read_and_compared_by_states(release, decide):
    seal_verdict(release, decide(), AT)
    file = release.root / SEALED
    old = json.loads(file.read_text())
    for cell in old["cells"].values():
        del cell["fidelity"]
    file.write_text(json.dumps(old))
    assert departures(read_seal(release), decide(ios="reference")) == []


def test_a_cell_on_one_side_only_is_said(release, decide):
    decision = decide()
    shorter = decision.model_copy(update={"cells": decision.cells[1:]})
    name = decision.cells[0].id
    assert departures(seal_verdict(release, decision, AT), shorter) == [f"{name}: no result, but sealed"]
    assert departures(seal_verdict(release, shorter, AT), decision) == [f"{name}: not sealed"]


def test_a_run_about_another_release_departs(checkout, release, decide):
    sealed = seal_verdict(release, decide(), AT)
    line = departures(sealed, checkout.gate(checkout.bundle()))[0]
    assert line.startswith("the run is about the release")


def test_a_run_of_another_release_or_with_an_error_is_not_sealed(checkout, release, decide):
    with pytest.raises(ReleaseError, match="about"):
        seal_verdict(release, checkout.gate(checkout.bundle()), AT)
    error = set_cell("AC-1/ios", state=State.ERROR, reason="it broke", verdict=None)
    with pytest.raises(ReleaseError, match="an error in AC-1/ios"):
        seal_verdict(release, decide(change=error), AT)
    two = decide(checkout.judged(), checkout.judged())
    with pytest.raises(ReleaseError, match="every cell"):
        seal_verdict(release, two, AT)
    assert not (release.root / SEALED).exists()


# --- what is not run ---


def test_what_lacks_its_device_is_sealed_as_not_run(release, decide):
    cell = seal_verdict(release, decide(), AT).cells["AC-5/hailo8l"]
    assert (cell.state, cell.required, cell.reason) == (State.NOT_RUN, True, ABSENT)


@pytest.mark.parametrize("reason", ["not selected (--target ios)", NOT_ASKED, ENDED])
@pytest.mark.parametrize("name", ["AC-1/teacher", "AC-4/unknown-cards/teacher", "MODEL-1/unit-norm/-"])
def test_a_cell_that_never_began_is_not_sealed(release, decide, name, reason):
    with pytest.raises(ReleaseError) as refused:
        seal_verdict(release, decide(unbegun={name: reason}), AT)
    assert refused.value.found == f"one that left out {name}: {reason}"
    assert not (release.root / SEALED).exists()


@pytest.mark.parametrize("reason", ["not selected (--target ios)", NOT_ASKED, ENDED])
def test_nor_is_one_that_would_have_needed_a_device(release, decide, reason):
    with pytest.raises(ReleaseError, match=r"left out AC-5/hailo8l: "):
        seal_verdict(release, decide(unavailable={}, unbegun={"AC-5/hailo8l": reason}), AT)


def test_nor_is_one_that_lacks_a_package(release, decide):
    with pytest.raises(ReleaseError) as refused:
        seal_verdict(release, decide(unavailable={"AC-5/hailo8l": ABSENT, "AC-1/ios": NO_PACKAGE}), AT)
    assert refused.value.found == f"one that left out AC-1/ios: {NO_PACKAGE}"


def test_what_is_only_reported_may_lack_its_photos(release, decide):
    name = "AC-4/unknown-cards/teacher"
    sealed = seal_verdict(release, decide(unavailable={"AC-5/hailo8l": ABSENT, name: NO_PHOTOS}), AT)
    cell = sealed.cells[name]
    assert (cell.state, cell.required, cell.reason) == (State.NOT_RUN, False, NO_PHOTOS)


def test_a_release_says_whether_its_seal_is_its_own(release, decide):
    assert seal_state(release) == "not sealed"
    seal_verdict(release, decide(), AT)
    assert seal_state(release) == "sealed"
    other = release.model_copy(update={"name": "another"})
    assert seal_state(other) == f"its seal is of another release, {release.digest[:16]}…"
    (release.root / SEALED).write_text("{")
    with pytest.raises(ReleaseError, match="sealed with"):
        seal_state(release)


def test_which_cells_need_a_device_is_the_policys_to_say(checkout, release):
    silent = Policy(name="silent").trusting(checkout.key.public)
    with pytest.raises(ReleaseError, match="left out AC-5/hailo8l: hailo8l on its device"):
        seal_verdict(release, gate(silent, [checkout.judged()], checkout.features), AT)


# --- the file ---


@pytest.mark.parametrize("content", [None, "{", "{}", "[]"])
def test_a_seal_that_is_missing_or_no_seal_is_an_error(release, content):
    if content is not None:
        (release.root / SEALED).write_text(content)
    with pytest.raises(ReleaseError, match="cardembed release seal"):
        read_seal(release)


def test_a_seal_of_another_release_is_an_error(release, decide):
    seal_verdict(release, decide(), AT)
    file = release.root / SEALED
    file.write_text(json.dumps({**json.loads(file.read_text()), "release_digest": "0" * 64}))
    with pytest.raises(ReleaseError, match="one about 0000"):
        read_seal(release)


# --- the command ---


def seal(run, checkout, *arguments):
    return run("release", "seal", "--release", checkout.release.root, "--policy", checkout.policy, *arguments)


def test_the_command_seals_by_the_policy_and_its_features(run, checkout):
    code, out, err = seal(run, checkout, checkout.judged(**RED))
    assert (code, err) == (0, "")
    assert "5 required cells, 1 red, 1 without a device\n  AC-1/ios: 60/100" in out
    assert read_seal(checkout.release).red == ["AC-1/ios"]


def test_the_command_refuses_a_run_that_was_cut_short_with_2(run, checkout):
    code, out, err = seal(run, checkout, checkout.judged(unbegun={"AC-1/teacher": ENDED}))
    assert (code, out) == (2, "")
    assert f"found one that left out AC-1/teacher: {ENDED}; " in err


def test_the_command_names_a_policy_that_is_not_there(run, checkout):
    checkout.policy.unlink()
    code, _, err = seal(run, checkout, checkout.judged())
    assert code == 2
    assert "give --policy FILE" in err
