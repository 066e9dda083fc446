"""The PRD's acceptance criteria stand word for word in features/acceptance.

What the features add, how many photos and at what confidence, follows the PRD's clauses and never replaces
one. Scenarios tagged `@reported` are readings beside the criterion and have clauses of their own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from gherkin.parser import Parser

FEATURES = Path(__file__).resolve().parents[2] / "features" / "acceptance"
COPY = Path(__file__).with_name("acceptance.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^### (AC-\d+): (.+)\n```gherkin\n((?:.+\n)+?)```$", flags=re.MULTILINE)

Steps = list[tuple[str, str]]


class Scenario(NamedTuple):
    """One required scenario of a feature."""

    criteria: frozenset[str]
    feature: str
    name: str
    steps: Steps


def clauses() -> dict[str, tuple[str, Steps]]:
    """The PRD's title and clauses, by criterion."""
    found = {}
    for criterion, title, block in _BLOCK.findall(COPY):
        pairs = [line.split(" ", 1) for line in block.splitlines()]
        found[criterion] = (title, [(keyword.casefold(), text) for keyword, text in pairs])
    return found


def _tags(node: dict[str, Any]) -> set[str]:
    return {tag["name"] for tag in node["tags"]}


def _steps(node: dict[str, Any]) -> Steps:
    return [(step["keyword"].strip().casefold(), step["text"]) for step in node["steps"]]


def required_scenarios(text: str) -> list[Scenario]:
    """Those without `@reported`, which stands on no row of examples; a background's steps come first."""
    feature: Any = Parser().parse(text)["feature"]
    found: list[Scenario] = []

    def walk(children: list[dict[str, Any]], tags: set[str], before: Steps) -> None:
        for child in children:
            if "background" in child:
                before = before + _steps(child["background"])
            elif "rule" in child:
                walk(child["rule"]["children"], tags | _tags(child["rule"]), before)
            elif "@reported" not in (own := tags | _tags(child["scenario"])):
                criteria = frozenset(tag[1:] for tag in own if re.fullmatch(r"@AC-\d+", tag))
                steps = before + _steps(child["scenario"])
                found.append(Scenario(criteria, feature["name"], child["scenario"]["name"], steps))

    walk(feature["children"], _tags(feature), [])
    return found


def differences(text: str) -> list[str]:
    """Where the required scenarios of a feature say something else than the PRD."""
    found = []
    for scenario in required_scenarios(text):
        here = f"{scenario.feature}: {scenario.name}"
        if len(scenario.criteria) != 1 or not scenario.criteria <= clauses().keys():
            found.append(f"{here}: tagged {sorted(scenario.criteria)}, not with one criterion of the PRD")
            continue
        (criterion,) = scenario.criteria
        title, expected = clauses()[criterion]
        if not scenario.feature.startswith(f"{criterion} {title}"):
            found.append(f"{here}: the feature's name is not {criterion} {title}")
        begins = scenario.steps[: len(expected)]
        if begins != expected:
            found.append(f"{here}: begins with {begins}, the PRD with {expected}")
    return found


def texts() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(FEATURES.glob("*.feature"))}


def test_the_copy_holds_eight_criteria_whole():
    assert list(clauses()) == [f"AC-{number}" for number in range(1, 9)]
    assert COPY.count("```gherkin") == 8
    for _, steps in clauses().values():
        assert [keyword for keyword, _ in steps[:3]] == ["given", "when", "then"]
        assert {keyword for keyword, _ in steps[3:]} <= {"and"}


@pytest.mark.parametrize("name", texts())
def test_required_scenarios_begin_with_the_prds_clauses(name):
    assert required_scenarios(texts()[name])
    assert differences(texts()[name]) == []


def test_every_criterion_has_a_required_scenario_and_no_other_is_claimed():
    scenarios = [scenario for text in texts().values() for scenario in required_scenarios(text)]
    assert {criterion for scenario in scenarios for criterion in scenario.criteria} == set(clauses())
    assert "ac8_parity.feature" in texts()
    tags = {tag for text in texts().values() for tag in re.findall(r"@(AC-\d+)", text)}
    assert tags == set(clauses())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("MUST be <0.2", "MUST be <0.25"),
        ("Then the correct card", "And the correct card"),
        ("a clean, well-lit card image", "a clean, well-lit  card image"),
        ("    And the distance to correct card MUST be <0.2\n", ""),
        ("    When computing", "    And a flat table\n    When computing"),
        ("@AC-1", "@AC-9"),
        ("@AC-1", "@AC-1 @AC-2"),
        ("(Clean Images)", "(Images)"),
        ("  Scenario Outline: <target>", "  Background:\n    Given luck\n\n  Scenario Outline: <target>"),
    ],
)
def test_a_feature_that_says_something_else_is_told(old, new):
    text = texts()["ac1_clean.feature"]
    assert old in text
    assert len(differences(text.replace(old, new, 1))) == 1


def test_a_tag_on_examples_alone_does_not_lift_a_scenario_out():
    text = (
        texts()["ac1_clean.feature"]
        .replace("<0.2", "<0.9")
        .replace("    Examples:", "    @reported\n    Examples:")
    )
    assert len(differences(text)) == 1
