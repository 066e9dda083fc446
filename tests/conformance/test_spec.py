from pathlib import Path

import pytest
from conformance_parts import AC1, AC4, AC8, MODEL, write_features

from cardembed.conformance import phrases
from cardembed.conformance.phrases import PHRASES, ClaimKind, Role, find_phrase
from cardembed.conformance.spec import cell_specs, feature_files, parse_feature, spec_for
from cardembed.errors import FeatureError

REPOSITORY = Path(__file__).parents[2]


def test_the_projects_features_name_exactly_the_cells_of_the_acceptance_criteria():
    specs = cell_specs(REPOSITORY / "features")
    every, students = ("teacher", "server", "android", "ios", "hailo8l"), ("android", "ios", "hailo8l")
    expected = {f"AC-{n}/{target}" for n in (1, 2, 3, 4, 6, 7) for target in every}
    expected |= {"AC-5/hailo8l", "AC-8/server"} | {f"AC-8/{target}" for target in students}
    required = {spec.id for spec in specs if spec.criterion.startswith("AC-") and spec.required}
    assert required == expected
    reported = {spec.id for spec in specs if not spec.required}
    aspects = {"AC-1/zero-shot", "AC-2/zero-shot", "AC-4/unknown-cards", "AC-7/same-artwork"}
    aspects |= {"AC-6/clean-and-occluded", "AC-6/clean-and-glare"}
    expected = {f"{aspect}/{target}" for aspect in aspects for target in every}
    expected |= {f"AC-8/{aspect}/{target}" for aspect in ("occluded", "glare") for target in students}
    assert reported == expected


def test_the_projects_features_carry_the_designs_numbers():
    specs = {spec.id: spec for spec in cell_specs(REPOSITORY / "features")}

    def numbers(cell):
        return [(c.kind.value, c.target, c.n, c.confidence) for c in specs[cell].claims]

    assert numbers("AC-1/ios") == [("share", 0.95, 640, 0.95), ("own share", 0.99, 640, 0.95)]
    assert numbers("AC-2/ios") == [("share", 0.85, 640, 0.95)]
    assert numbers("AC-3/ios") == [("share", 0.80, 640, 0.95)]
    assert numbers("AC-4/ios") == [("families", 0.95, 200, 0.95)]
    assert numbers("AC-5/hailo8l") == [("percentile", 0.99, 1024, 0.95)]
    assert numbers("AC-6/ios") == [("share", 0.95, 640, 0.95)]
    assert numbers("AC-7/ios")[0][:3] == ("census", 0.99, None)
    assert numbers("AC-8/ios") == [("share", 0.95, 640, 0.95), ("own share", 0.95, 640, 0.95)]
    assert specs["AC-8/server"].claims[0].limit == 1e-6
    assert specs["AC-5/hailo8l"].claims[0].seconds == 60
    predicates = [(p.column, p.operator, p.value) for p in specs["AC-2/ios"].predicates]
    assert predicates == [("rank", "<=", 3), ("distance", "<", 0.4)]
    assert ("match_threshold", ">=", 0.4) in [
        (p.column, p.operator, p.value) for p in specs["AC-4/ios"].predicates
    ]


def test_every_phrase_stands_in_a_feature_and_no_text_fits_two():
    folders = (REPOSITORY / "features", REPOSITORY / "tests" / "devices" / "features")
    specs = [spec for folder in folders if any(folder.rglob("*.feature")) for spec in cell_specs(folder)]
    texts = {step for spec in specs if spec.kind for step in spec.steps}
    for text in texts:
        assert len([phrase for phrase in PHRASES if phrase.match(text) is not None]) == 1, text
    unused = [phrase.pattern for phrase in PHRASES if all(phrase.match(text) is None for text in texts)]
    assert unused == []


def test_pytest_bdds_parser_reads_what_the_gate_reads():
    text = "this holds for at least 95 % of 640 photos, at 95 % confidence"
    parser = phrases.HOLDS_FOR_SHARE.parser()
    assert parser.is_matching(text)
    assert not parser.is_matching(text.upper())
    assert parser.parse_arguments(text) == phrases.HOLDS_FOR_SHARE.match(text)
    assert parser.parse_arguments(text) == {"percent": 95.0, "n": 640, "unit": "photos", "confidence": 95.0}


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_number_that_is_not_finite_is_no_number(number):
    assert find_phrase(f"the similarity MUST be <{number}") is None


def test_small_features_become_cells_with_their_places(tmp_path):
    specs = cell_specs(write_features(tmp_path))
    assert [spec.id for spec in specs] == [
        "AC-1/teacher",
        "AC-1/ios",
        "AC-4/teacher",
        "AC-4/unknown-cards/teacher",
        "MODEL-1/unit-norm/-",
    ]
    first = specs[0]
    assert (first.feature, first.line, first.example_line) == ("acceptance/ac1.feature", 4, 14)
    assert (first.scenario, first.outline, first.example) == ("teacher", "<target>", {"target": "teacher"})
    assert len(first.steps) == 6
    assert specs[-1].kind is None
    assert specs[-1].steps == ("a model", "its embedding has norm 1")


def test_own_shares_use_the_photos_and_the_confidence_of_the_claim_before():
    claim = parse_feature(AC1, "f")[0].claims[1]
    assert claim.kind is ClaimKind.OWN_SHARE
    assert (claim.n, claim.confidence, claim.unit, claim.target) == (100, 0.95, "photos", 0.9)
    assert [(p.column, p.operator, p.value) for p in claim.predicates] == [("rank", "<=", 5)]


def test_a_required_scenario_judges_the_criterion_itself_whatever_its_title():
    assert [spec.id for spec in parse_feature(AC8, "f")] == ["AC-8/ios", "AC-8/server"]


def test_background_steps_and_examples_are_part_of_the_steps():
    text = """@MODEL-2
Feature: f
  Background:
    Given a start
  Scenario Outline: <target>
    Then there are <n> parameters
    Examples:
      | target | n |
      | ios    | 1 |
      | ios    | 2 |
"""
    specs = parse_feature(text, "f")
    assert [spec.id for spec in specs] == ["MODEL-2/1/ios", "MODEL-2/2/ios"]
    assert specs[1].steps == ("a start", "there are 2 parameters")


def test_a_scenario_is_found_by_file_name_and_row(tmp_path):
    specs = cell_specs(write_features(tmp_path))
    found = spec_for(specs, "acceptance/ac1.feature", "<target>", {"target": "ios"})
    assert found.id == "AC-1/ios"
    with pytest.raises(FeatureError, match="no scenario"):
        spec_for(specs, "acceptance/ac1.feature", "<target>", {"target": "watch"})


CLAIMED_BY_NOTHING = """
  Scenario: later
    Given a clean, well-lit card image
    When computing its embedding and finding nearest neighbor in database
    Then the correct card MUST be the nearest neighbor
    And this holds for at least 95 % of 100 photos, at 95 % confidence
    And the distance to correct card MUST be <0.2
"""
ROWLESS = """
  Scenario Outline: Rowless: <target>
    Given a clean, well-lit card image
    When computing its embedding and finding nearest neighbor in database
    Then the correct card MUST be the nearest neighbor
    And this holds for at least 95 % of 100 photos, at 95 % confidence

    Examples: targets
      | target |
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (AC1.replace("MUST be the nearest", "SHOULD be the nearest"), r"ac1.feature:14.*nobody knows"),
        (AC1.replace("@AC-1\n", ""), "no criterion tag"),
        (AC1.replace("@AC-1\n", "@AC-1 @AC-2\n"), "criterion tags"),
        (AC1.replace("95 % of 100", "0 % of 100"), "0 %"),
        (AC1.replace("95 % of 100", "100 % of 100"), "100 %"),
        (AC1.replace("95 % of 100", "95 % of 0"), "0 samples"),
        (AC1.replace("95 % confidence", "100 % confidence"), "100 % confidence"),
        (AC1.replace("    Given a clean, well-lit card image\n", ""), "which samples"),
        ("\n".join(line for line in AC1.splitlines() if "holds for" not in line), "of them"),
        ("\n".join(line for line in AC1.splitlines() if "least" not in line), "how many samples"),
        ("\n".join(line for line in AC1.splitlines() if "MUST" not in line), "nothing before it"),
        (AC4.replace("  @reported\n", ""), "no claim with a number"),
        (AC1 + CLAIMED_BY_NOTHING, r"ac1.feature:\d+.*<0.2.*no claim after it"),
        (AC1 + ROWLESS, r"ac1.feature:17.*never executed"),
        (MODEL + MODEL.split("\n\n")[1], "second scenario"),
        ("@AC-1\nFeature: x\n", "no scenario"),
        ("@AC-1\nFeature: x\n  Scenario: y\n", "without steps"),
        ("this is not Gherkin", "expected"),
        ("", "no scenario"),
    ],
)
def test_a_feature_that_cannot_be_judged_is_refused_by_file_and_line(tmp_path, text, message):
    write_features(tmp_path, {"ac1.feature": text})
    with pytest.raises(FeatureError, match=message):
        cell_specs(tmp_path)


def test_two_features_with_the_same_cell_are_refused(tmp_path):
    write_features(tmp_path, {"a.feature": AC1, "b.feature": AC1})
    with pytest.raises(FeatureError, match=r"b.feature:14.*AC-1/teacher.*a.feature:14"):
        cell_specs(tmp_path)


def test_a_folder_without_features_or_with_broken_bytes_is_refused(tmp_path):
    with pytest.raises(FeatureError, match=r"no \.feature file"):
        cell_specs(tmp_path)
    (tmp_path / "x.feature").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FeatureError, match=r"x\.feature"):
        feature_files(tmp_path)


def test_roles_are_complete():
    for phrase in PHRASES:
        assert (phrase.claim is not None) == (phrase.role is Role.CLAIM)
        assert (phrase.kind is not None) == (phrase.role is Role.SETUP)
