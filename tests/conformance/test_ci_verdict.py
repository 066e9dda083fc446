"""`.ci/verdict.py`: what of a run is the harness's fault, what departs from the seal, and its exit codes."""

import importlib.util
from datetime import UTC, datetime
from pathlib import Path

import pytest
from gate_parts import set_cell
from seal_parts import Checkout

from cardembed.conformance.seal import seal_verdict
from cardembed.conformance.states import State

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "verdict.py"

pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="not a checkout")

FELL_BACK = (
    "AC-1/ios: {}, and it does not count by policy.toml: fidelity reference, and the policy needs emulated"
)
ERROR = set_cell("AC-1/ios", state=State.ERROR, reason="it broke", verdict=None)


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


@pytest.fixture
def script(checkout, monkeypatch):
    """The script, in the small checkout instead of this one."""
    spec = importlib.util.spec_from_file_location("verdict", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", checkout.folder)
    monkeypatch.setenv("CARDEMBED_RELEASE", str(checkout.release.root))
    return module


@pytest.fixture
def judge(script, checkout, capsys):
    """The script's exit code and lines on a run, beside a seal of another."""

    def judge(code=0, *, sealed=None, **run):
        seal_verdict(checkout.release, checkout.decide(**(sealed or {})), datetime.now(UTC))
        report = checkout.folder / "report"
        checkout.judged(**run).rename(report)
        returned = script.main(report, code)
        return returned, capsys.readouterr().out.splitlines()

    return judge


def without(decision, name):
    cells = [cell.model_copy(update={"results": []}) if cell.id == name else cell for cell in decision.cells]
    return decision.model_copy(update={"cells": cells})


# --- as sealed ---


def test_green_as_sealed_is_0(judge):
    code, lines = judge()
    assert code == 0
    assert sorted(lines[0].removeprefix("required cells: ").split(", ")) == ["1 not run", "4 pass"]
    assert lines[1:] == ["verdict: GREEN on everything that this machine can run"]


def test_red_as_sealed_is_0_and_said(judge):
    code, lines = judge(1, sealed={"wrong": 40}, wrong=40)
    assert code == 0
    assert lines[1].startswith("  AC-1/ios: fail: 60/100")
    assert lines[2:] == ["verdict: RED as sealed and documented"]


# --- not as sealed ---


def test_a_red_cell_that_was_sealed_green_is_1(judge):
    code, lines = judge(1, wrong=40)
    assert (code, lines[-2]) == (1, "verdict: NOT AS SEALED: 1")
    assert lines[-1].startswith("  AC-1/ios: sealed as pass, now fail: 60/100")


def test_a_green_cell_that_was_sealed_red_is_1(judge):
    code, lines = judge(sealed={"wrong": 40})
    assert (code, lines[-2]) == (1, "verdict: NOT AS SEALED: 1")


def test_a_cell_that_is_not_run_any_more_is_1(judge):
    code, lines = judge(unbegun={"AC-1/teacher": "the run ended before it"})
    assert code == 1
    assert lines[-1] == "  AC-1/teacher: sealed as pass, now not run: the run ended before it"


def test_another_fidelity_that_counts_as_well_is_1(judge):
    code, lines = judge(ios="runtime")
    assert code == 1
    assert lines[-1].startswith("  AC-1/ios: sealed at fidelity emulated, now runtime: ")


def test_a_release_without_a_seal_is_1(script, checkout, capsys):
    assert script.main(checkout.judged(), 0) == 1
    out = capsys.readouterr().out
    assert "verdict: NOT AS SEALED: 1" in out
    assert "cardembed release seal" in out


# --- the harness ---


def test_no_bundle_and_two_are_faults(script, checkout, capsys):
    empty = checkout.folder / "reports"
    empty.mkdir()
    assert script.main(empty, 0) == 1
    assert capsys.readouterr().out == (
        "verdict: HARNESS FAULT: expected one bundle below reports/, found 0\n"
    )
    for _ in range(2):
        bundle = checkout.judged()
        bundle.rename(empty / bundle.name)
    assert script.main(empty, 0) == 1
    assert "found 2" in capsys.readouterr().out


def test_an_exit_code_that_the_cells_do_not_explain_is_a_fault(judge):
    code, lines = judge(2)
    assert (code, lines[0]) == (1, "verdict: HARNESS FAULT: 1")
    assert lines[1:] == ["  pytest exited with 2, but 0 required cells failed or were inconclusive"]


@pytest.mark.parametrize("code", [0, 2, 3])
def test_red_cells_and_another_exit_code_than_1_are_a_fault(script, checkout, code):
    (line,) = script.faults(checkout.decide(wrong=40), code)
    assert line == f"pytest exited with {code}, but 1 required cells failed or were inconclusive"


def test_an_error_is_a_fault(judge):
    code, lines = judge(1, change=ERROR)
    assert (code, lines[0].rpartition(":")[0]) == (1, "verdict: HARNESS FAULT")
    assert "  AC-1/ios: error: it broke" in lines


def test_a_cell_without_a_result_is_a_fault(script, checkout):
    assert script.faults(checkout.decide(), 0) == []
    assert script.faults(without(checkout.decide(), "AC-1/teacher"), 0) == ["AC-1/teacher: no result"]


def test_a_bundle_that_lacks_a_cell_is_refused_and_a_fault(judge):
    def remove(predicate):
        predicate.cells[:] = [cell for cell in predicate.cells if cell.id != "AC-1/teacher"]

    code, lines = judge(change=remove)
    assert code == 1
    assert "  the cell AC-1/teacher was removed" in lines
    assert "  no cell passes: not even the embedding contract" in lines


@pytest.mark.parametrize("sealed_at", ["emulated", "reference"])
def test_a_target_that_fell_back_to_pytorch_is_a_fault(judge, sealed_at):
    code, lines = judge(sealed={"ios": sealed_at}, ios="reference")
    assert code == 1
    assert lines == ["verdict: HARNESS FAULT: 1", f"  {FELL_BACK.format('pass')}"]


def test_whom_the_policy_names_for_a_cell_is_no_fault(judge, checkout):
    """The policy's [[runner]] for this machine may leave cells to others."""
    text = f'\n[[runner]]\nname = "desk"\npublic_key = "{checkout.key.public_text}"\ncells = ["*/ios"]\n'
    checkout.policy.write_text(checkout.policy.read_text() + text)
    assert judge()[0] == 0
