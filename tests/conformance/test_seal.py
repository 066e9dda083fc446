"""The verdict that a release was sealed with, and runs that depart from it."""

import json
import shutil
from datetime import UTC, datetime

import pytest
from conformance_parts import retrieval
from gate_parts import IOS, set_cell

from cardembed.conformance.seal import SEALED, departures, read_seal, seal_verdict
from cardembed.conformance.states import NOT_ASKED, State
from cardembed.errors import ReleaseError
from cardembed.release import Release

AT = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture
def release(random_release, tmp_path):
    return Release.load(shutil.copytree(random_release, tmp_path / "release"))


@pytest.fixture
def decide(here, release):
    """A run of one bundle that is about the release."""

    def decide(**more):
        return here.gate(here.bundle(**more)).model_copy(update={"release_digest": release.digest})

    return decide


RED = {"samples": {"AC-1/ios": retrieval(100, wrong=40, **IOS)}}


def test_a_seal_holds_every_cell_and_is_read_back(release, decide):
    before = release.digest
    sealed = seal_verdict(release, decide(**RED), AT)
    assert read_seal(release) == sealed
    assert sealed.red == ["AC-1/ios"]
    assert sealed.cells["AC-1/ios"].reason.startswith("60/100")
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


def test_a_cell_on_one_side_only_is_said(release, decide):
    decision = decide()
    shorter = decision.model_copy(update={"cells": decision.cells[1:]})
    name = decision.cells[0].id
    assert departures(seal_verdict(release, decision, AT), shorter) == [f"{name}: no result, but sealed"]
    assert departures(seal_verdict(release, shorter, AT), decision) == [f"{name}: not sealed"]


def test_a_run_about_another_release_departs(here, release, decide):
    sealed = seal_verdict(release, decide(), AT)
    (line,) = departures(sealed, here.gate(here.bundle()))
    assert line.startswith("the run is about the release")


def test_a_run_of_another_release_or_with_an_error_is_not_sealed(here, release, decide):
    with pytest.raises(ReleaseError, match="about"):
        seal_verdict(release, here.gate(here.bundle()), AT)
    error = set_cell("AC-1/ios", state=State.ERROR, reason="it broke", verdict=None)
    with pytest.raises(ReleaseError, match="an error in AC-1/ios"):
        seal_verdict(release, decide(change=error), AT)
    for reason in ("not selected (--target ios)", NOT_ASKED):
        part = set_cell("AC-1/teacher", state=State.NOT_RUN, reason=reason, verdict=None, measurement=None)
        with pytest.raises(ReleaseError, match="left out AC-1/teacher: not"):
            seal_verdict(release, decide(change=part), AT)
    two = here.gate(here.bundle(), here.bundle()).model_copy(update={"release_digest": release.digest})
    with pytest.raises(ReleaseError, match="every cell"):
        seal_verdict(release, two, AT)
    assert not (release.root / SEALED).exists()


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
