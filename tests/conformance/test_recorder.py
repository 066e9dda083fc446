"""The recorder in pytest runs of their own: states, exit codes, the last line, under xdist as well."""

import json
import textwrap

import pytest

# pytester forgets what an inner run imported, and numpy cannot be imported twice
import cardembed.conformance.recorder
import cardembed.conformance.report  # noqa: F401
from cardembed.conformance.evidence import read_bundle

pytest_plugins = ["pytester"]

CLEAN = """
@AC-1
Feature: AC-1 Clean

  Scenario Outline: <target>
    Given a clean, well-lit card image
    When computing its embedding and finding nearest neighbor in database
    Then the correct card MUST be the nearest neighbor
    And this holds for at least 95 % of 640 photos, at 95 % confidence
    And the correct card is among the 5 nearest for at least 99 % of them

    Examples: targets
      | target  |
      | teacher |
      | hailo8l |
"""

FREE = """
@MODEL-1
Feature: MODEL-1 Something of the model

  Scenario Outline: <target>
    Given {given}
    Then all is well

    Examples: targets
      | target  |
      | teacher |
      | hailo8l |
"""

REPORTED = (
    CLEAN
    + """
  @reported
  Scenario Outline: Reported dark: <target>
    Given a clean, well-lit card image
    When computing its embedding and finding nearest neighbor in database
    Then the correct card MUST be the nearest neighbor
    And the share that satisfies this is reported, over 640 photos

    Examples: targets
      | target  |
      | teacher |
"""
)

CONFTEST = """
    import os
    import pytest
    from pytest_bdd import given, when, then, parsers
    from cardembed.conformance import phrases
    from cardembed.conformance.recorder.hooks import Prepared
    from cardembed.conformance.samples import RetrievalSamples
    from cardembed.errors import InfrastructureError, UnavailableError

    def pytest_addoption(parser):
        parser.addoption("--twice", action="store_true")
        parser.addoption("--wrong", type=int, default=0)  # so many photos of 640 have another card nearest

    def pytest_cardembed_prepare(config, options, say):
        return Prepared(
            release={
                "name": "tiny", "digest": "0" * 64, "profile": "reference",
                "catalogue_digest": "1" * 64, "artefacts": {},
            },
            catalogue_digest="1" * 64,
            photos={"digest": "2" * 64, "split": "verdict", "provenance": "simulated"},
        )

    @given("a clean, well-lit card image")
    def photos(): ...

    @when("computing its embedding and finding nearest neighbor in database")
    def measure(cell, request):
        wrong, n = request.config.getoption("--wrong"), 640
        rank = [2] * wrong + [1] * (n - wrong)
        cell.measured(RetrievalSamples(
            context={"condition": "clean", "severity": 2},
            photo=[f"p{i}" for i in range(n)], card=["c"] * n,
            nearest=["x" if r > 1 else "c" for r in rank], nearest_artwork=[r == 1 for r in rank],
            rank=rank, distance=[0.1] * n, nearest_distance=[0.1] * n,
        ))

    @then(phrases.NEAREST_IS_CORRECT.parser())
    def nearest(cell):
        cell.has_column("rank")

    @then(phrases.HOLDS_FOR_SHARE.parser())
    @then(phrases.AMONG_NEAREST.parser())
    @then(phrases.REPORTED_OVER.parser())
    def claim(cell):
        cell.claim()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):  # as plugins do that repeat what failed
        if item.config.getoption("--twice"):
            from _pytest.runner import runtestprotocol
            runtestprotocol(item, nextitem=nextitem)
            runtestprotocol(item, nextitem=nextitem)
            return True

    @given("what holds the second time")
    def second_time(request, tmp_path_factory):
        mark = tmp_path_factory.getbasetemp() / request.node.name.replace("/", "-")
        if not mark.exists():
            mark.touch()
            assert not mark.exists(), "bytes differ"

    @given("nothing special")
    def nothing(): ...

    @given("a step that skips")
    def skips():
        pytest.skip("no time")

    @given("a machine without the chip")
    def unavailable():
        raise UnavailableError("chip", expected="a Hailo-8L", found="none", action="plug one in")

    @given("a lost device")
    def lost():
        raise InfrastructureError("device", expected="an answer", found="none", action="restart it")

    @given("a bug")
    def bug():
        raise ZeroDivisionError("in the harness")

    @given("a crash of the teacher")
    def crash(cell):
        if cell.target == "teacher":
            os._exit(3)

    @given("something that does not hold")
    def assertion():
        assert 1 == 2, "one is not two"

    @then("all is well")
    def well(): ...
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Run features in a directory of their own; gives the run and the cells of its bundle."""
    monkeypatch.setenv("CARDEMBED_CONFIG", str(pytester.path / "config"))

    def _run(features, *arguments, binds=True):
        pytester.makefile(
            ".ini", pytest="[pytest]\naddopts = -p cardembed.conformance.recorder --dist loadgroup\n"
        )
        pytester.makeconftest(textwrap.dedent(CONFTEST))
        for name, text in features.items():
            pytester.makefile(".feature", **{name: text})
        if binds:
            pytester.makepyfile(
                test_scenarios="from pathlib import Path\n"
                "from cardembed.conformance.recorder.binding import bind_features\n"
                "bind_features(globals(), Path(__file__).parent)\n"
            )
        report = pytester.path / "out" / "bundle"
        others = [
            part for name in ("cacheprovider", "hypothesispytest", "anyio") for part in ("-p", f"no:{name}")
        ]
        result = pytester.runpytest_inprocess("--report", str(report), *others, *arguments)
        assert not list(report.parent.glob(".*"))  # nothing half-written stays
        return result, states(report)

    return _run


def states(report):
    if not (report / "evidence.dsse.json").is_file():
        return {}
    return {cell.id: (cell.state, cell.reason) for cell in read_bundle(report).predicate.cells}


def last_line(result):
    return [line for line in result.outlines if line.strip()][-1]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_everything_passes(run, workers):
    result, cells = run({"clean": CLEAN, "free": FREE.format(given="nothing special")}, "-n", workers)
    assert result.ret == 0
    assert {state for state, _ in cells.values()} == {"pass"}
    assert set(cells) == {"AC-1/teacher", "AC-1/hailo8l", "MODEL-1/teacher", "MODEL-1/hailo8l"}
    assert last_line(result) == "cardembed: PASS — 4 pass"
    result.stdout.fnmatch_lines(["*teacher*hailo8l", "AC-1*PASS 640/640*PASS 640/640", "MODEL-1*PASS*PASS"])


def test_a_claim_that_does_not_hold_fails_and_every_claim_is_judged(run):
    result, cells = run({"clean": CLEAN}, "--wrong", "60")
    assert result.ret == 1
    state, reason = cells["AC-1/teacher"]
    assert state == "fail"
    assert reason.startswith("580/640 = 90.62% (bounds ")
    assert last_line(result) == "cardembed: FAIL — 2 fail"
    result.stdout.fnmatch_lines(["*FAIL AC-1/teacher: 580/640 = 90.62%*(clean.feature:4)"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_steps_after_a_failed_claim_are_executed_and_recorded(run, pytester):
    run({"clean": CLEAN}, "--wrong", "60")
    steps = bundle_cells(pytester)["AC-1/teacher"].steps
    assert [step.status for step in steps] == ["passed", "passed", "passed", "failed", "passed"]


def bundle_cells(pytester):
    return {cell.id: cell for cell in read_bundle(pytester.path / "out" / "bundle").predicate.cells}


def test_too_few_samples_are_inconclusive_and_not_green(run):
    result, cells = run({"clean": CLEAN.replace("95 % of 640", "95 % of 900")})
    assert result.ret == 1
    assert cells["AC-1/teacher"][0] == "inconclusive"
    assert last_line(result) == "cardembed: INCONCLUSIVE — 2 inconclusive"


def test_reported_cells_are_shown_and_decide_nothing(run):
    result, cells = run({"clean": REPORTED}, "--wrong", "60", "-k", "reported")
    assert cells["AC-1/dark/teacher"][0] == "reported"
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED  # nothing that is required was executed
    assert last_line(result).startswith("cardembed: NOTHING REQUIRED RAN — 2 not run, 1 reported")
    assert "INCOMPLETE: 2 required cells not run" in last_line(result)


def test_an_undefined_step_is_an_error(run):
    result, cells = run({"free": FREE.format(given="nothing that anybody defined")})
    assert result.ret == 1
    assert cells["MODEL-1/teacher"] == ("error", "undefined step: nothing that anybody defined")
    assert last_line(result) == "cardembed: ERROR — 2 error"


def test_an_assertion_fails_and_a_bug_is_an_error(run):
    result, cells = run({"free": FREE.format(given="something that does not hold")})
    assert (result.ret, cells["MODEL-1/teacher"][0]) == (1, "fail")
    assert "one is not two" in cells["MODEL-1/teacher"][1]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("a bug", "ZeroDivisionError: in the harness"),
        ("a lost device", "device: expected an answer, found none; restart it"),
    ],
)
def test_what_says_nothing_about_the_model_is_an_error(run, given, reason):
    result, cells = run({"free": FREE.format(given=given)})
    assert (result.ret, cells["MODEL-1/teacher"]) == (1, ("error", reason))


def test_what_passes_when_it_is_repeated_has_not_passed(run, pytester):
    result, cells = run({"free": FREE.format(given="what holds the second time")}, "--twice")
    state, reason = cells["MODEL-1/teacher"]
    assert (result.ret, state) == (1, "error")
    assert reason.startswith("executed 2 times; before: fail: ")
    assert "bytes differ" in reason
    assert [one.state for one in bundle_cells(pytester)["MODEL-1/teacher"].attempts] == ["fail"]


def test_an_execution_that_was_inconclusive_is_kept_as_that(run, pytester):
    run({"clean": CLEAN.replace("95 % of 640", "95 % of 900")}, "--twice")
    assert [one.state for one in bundle_cells(pytester)["AC-1/teacher"].attempts] == ["inconclusive"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("a step that skips", "no time"),
        ("a machine without the chip", "chip: expected a Hailo-8L, found none; plug one in"),
    ],
)
def test_a_skipped_step_is_not_run_and_nothing_executed_is_not_green(run, pytester, given, reason):
    result, cells = run({"free": FREE.format(given=given)})
    assert cells["MODEL-1/teacher"] == ("not run", reason)
    (step,) = bundle_cells(pytester)["MODEL-1/teacher"].steps
    assert step.status == "skipped"  # what tells it from a cell that never began
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert last_line(result) == (
        "cardembed: NOTHING RAN — 2 not run — INCOMPLETE: 2 required cells not run "
        f"(MODEL-1/teacher: {reason}; MODEL-1/hailo8l: {reason})"
    )


def test_a_skip_beside_cells_that_pass_is_green_and_incomplete(run):
    features = {"clean": CLEAN, "free": FREE.format(given="a machine without the chip")}
    result, _ = run(features)
    assert result.ret == 0
    assert last_line(result).startswith(
        "cardembed: PASS — 2 pass, 2 not run — INCOMPLETE: 2 required cells not run (MODEL-1/teacher: chip:"
    )


def test_a_crashed_worker_is_an_error_of_its_cell_alone(run):
    features = {"clean": CLEAN, "free": FREE.format(given="a crash of the teacher")}
    result, cells = run(features, "-n", "2")
    assert result.ret == 1
    assert cells["MODEL-1/teacher"][0] == "error"
    assert "crashed" in cells["MODEL-1/teacher"][1]
    assert {cells[cell][0] for cell in ("AC-1/teacher", "AC-1/hailo8l", "MODEL-1/hailo8l")} == {"pass"}
    assert last_line(result) == "cardembed: ERROR — 3 pass, 1 error"


def test_target_leaves_others_out_and_says_so(run):
    result, cells = run({"clean": CLEAN}, "--target", "hailo8l", "-n", "2")
    assert result.ret == 0
    assert cells == {
        "AC-1/teacher": ("not run", "not selected (--target hailo8l)"),
        "AC-1/hailo8l": ("pass", cells["AC-1/hailo8l"][1]),
    }
    assert last_line(result).endswith(
        "INCOMPLETE: 1 required cell not run (AC-1/teacher: not selected (--target hailo8l))"
    )


def test_targets_may_be_repeated_or_separated_by_commas(run):
    _, cells = run({"clean": CLEAN}, "--target", "teacher,hailo8l", "--target", "teacher")
    assert [state for state, _ in cells.values()] == ["pass", "pass"]


def test_what_pytest_deselects_is_not_run(run):
    result, cells = run({"clean": CLEAN}, "-k", "hailo8l")
    assert result.ret == 0
    assert cells["AC-1/teacher"] == ("not run", "not selected (deselected by an option of pytest)")


def test_zero_executed_is_never_green(run):
    result, cells = run({"clean": CLEAN}, "-k", "nothing_has_this_name")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert {state for state, _ in cells.values()} == {"not run"}
    assert last_line(result).startswith("cardembed: NOTHING RAN")


def test_a_scenario_without_a_test_is_an_error(run, pytester):
    pytester.makepyfile(test_other="def test_other(): pass")
    result, cells = run({"clean": CLEAN}, binds=False)
    assert result.ret == 1
    assert cells["AC-1/teacher"] == ("error", "no test executes this scenario")


def test_a_removed_test_among_others_is_an_error(run, pytester):
    pytester.makepyfile(
        test_scenarios="from pathlib import Path\n"
        "from cardembed.conformance.recorder.binding import bind_features\n"
        "bind_features(globals(), Path(__file__).parent)\n"
        "del test_free\n"
    )
    features = {"clean": CLEAN, "free": FREE.format(given="nothing special")}
    result, cells = run(features, binds=False)
    assert result.ret == 1
    assert cells["MODEL-1/teacher"][0] == "error"
    assert cells["AC-1/teacher"][0] == "pass"


def test_tests_after_the_end_of_the_run_are_not_run(run, pytester):
    features = {"a": FREE.format(given="a bug"), "clean": CLEAN}
    result, cells = run(features, "-x")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert cells["MODEL-1/teacher"][0] == "error"
    assert cells["AC-1/hailo8l"] == ("not run", "the run ended before it")
    assert bundle_cells(pytester)["AC-1/hailo8l"].steps == []


def test_a_module_that_cannot_be_imported_leaves_its_cells_in_error(run, pytester):
    pytester.makepyfile(test_scenarios="import nothing_of_this_name")
    result, cells = run({"clean": CLEAN}, binds=False)
    assert result.ret != 0
    assert cells["AC-1/teacher"][0] == "error"
    assert "nothing_of_this_name" in cells["AC-1/teacher"][1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--target", "tosater"],
            "*ERROR: --target tosater: expected a target *(teacher, hailo8l)*",
        ),
        (["--report", "."], "*ERROR: --report *: expected a directory that is new or empty*"),
    ],
)
def test_misuse_is_one_line(run, arguments, message):
    result, cells = run({"clean": CLEAN}, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert cells == {}
    result.stderr.fnmatch_lines([message])
    assert len([line for line in result.errlines if line.strip()]) == 1


def test_a_feature_that_nobody_can_judge_is_one_line(run):
    result, cells = run({"clean": CLEAN.replace("95 % of 640", "all of the")})
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert cells == {}
    assert len([line for line in result.errlines if line.strip()]) == 1


def test_listing_tests_writes_nothing(run, pytester):
    result, _ = run({"clean": CLEAN}, "--collect-only", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*test_clean?teacher?*"])
    assert not (pytester.path / "out").exists()


def test_the_bundle_holds_the_raw_numbers_of_every_executed_cell(run, pytester):
    run({"clean": CLEAN})
    bundle = pytester.path / "out" / "bundle"
    files = sorted(path.name for path in (bundle / "measurements").iterdir())
    assert files == ["AC-1.hailo8l.json", "AC-1.teacher.json"]
    assert len(json.loads((bundle / "measurements" / files[0]).read_text())["rank"]) == 640
    assert (bundle / "report.html").is_file()
