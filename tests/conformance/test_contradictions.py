"""Numbers that no search and no match can give are an error, not a verdict."""

import pytest
from conformance_parts import AC1, AC4, AC6, alignment, pairs, retrieval, unknown

from cardembed.conformance.evaluate import evaluate
from cardembed.conformance.spec import parse_feature
from cardembed.conformance.states import State

CLEAN, UNKNOWN, PAIRS = (parse_feature(text, "x.feature")[0] for text in (AC1, AC4, AC6))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"nearest": "c9"}, "photo 'p3' has its card at rank 1, and 'c9' nearest"),
        ({"nearest_distance": 0.11}, "has its card at 0.1, and the nearest farther, at 0.11"),
        ({"rank": 2, "nearest": "c9", "nearest_distance": 0.11}, "and the nearest farther, at 0.11"),
        ({"nearest_distance": 0.05}, "has its card nearest at 0.05, and its card at 0.1"),
        ({"distance": 0.15}, "has its card nearest at 0.1, and its card at 0.15"),
        ({"rank": 2, "nearest_distance": 0.05}, "has its card nearest at 0.05, and its card at 0.1"),
    ],
)
def test_a_search_that_contradicts_itself_is_an_error(row, message):
    samples = retrieval(100)
    samples.nearest_distance = list(samples.nearest_distance)
    for column, value in row.items():
        getattr(samples, column)[3] = value
    verdict = evaluate(CLEAN, samples)
    assert verdict.state is State.ERROR
    assert message in verdict.reason


@pytest.mark.parametrize(
    "row",
    [
        {"rank": 2, "nearest": "c9"},  # tied, and the other one stands first
        {"rank": 2},  # tied, and its card stands first: ranks are pessimistic
        {"rank": 2, "nearest": "c9", "nearest_distance": 0.05},
        {"nearest_distance": 0.1 + 1e-6},
        {"nearest_distance": 0.1 - 1e-6},
    ],
)
def test_ties_and_rounding_are_no_contradiction(row):
    samples = retrieval(100)
    samples.nearest_distance = list(samples.nearest_distance)
    for column, value in row.items():
        getattr(samples, column)[3] = value
    assert evaluate(CLEAN, samples).state is State.PASS


@pytest.mark.parametrize(
    ("distance", "answer", "good"),
    [
        (0.6, "No match found", True),
        (0.6, "c1", False),
        (0.52, "No match found", False),
        (0.52, "c1", True),
        (0.55, "c1", True),  # the threshold is the largest distance that is a match
    ],
)
def test_an_answer_follows_from_its_distance_and_the_threshold(distance, answer, good):
    samples = unknown({"table": 60}, match_threshold=0.55)
    samples.nearest_distance[7], samples.answer[7] = distance, answer
    verdict = evaluate(UNKNOWN, samples)
    assert (verdict.state is not State.ERROR) == good
    if not good:
        assert f"photo 'u7' got the answer '{answer}' at distance {distance} with" in verdict.reason


@pytest.mark.parametrize(
    ("threshold", "state"), [(0.4, State.PASS), (0.5, State.PASS), (0.39, State.FAIL), (1e-9, State.FAIL)]
)
def test_a_threshold_that_refuses_cards_too_refuses_nothing(threshold, state):
    text = AC4.replace(
        "    And this holds",
        "    And a card at a distance below 0.4 would be reported\n    And this holds",
        1,
    )
    samples = unknown({"table": 60}, match_threshold=threshold)
    assert evaluate(parse_feature(text, "x.feature")[0], samples).state is state
    samples.context.match_threshold = None
    assert evaluate(parse_feature(text, "x.feature")[0], samples).state is State.ERROR


def test_a_photo_is_no_second_photo_of_its_card():
    samples = pairs(100)
    samples.other_photo[5] = "p5"
    verdict = evaluate(PAIRS, samples)
    assert verdict.state is State.ERROR
    assert "photo 'p5' was compared with itself" in verdict.reason


@pytest.mark.parametrize(
    ("spec", "samples", "column"),
    [
        (PAIRS, pairs(100), "similarity"),
        (CLEAN, retrieval(100), "distance"),
        (UNKNOWN, unknown({"table": 60}), "nearest_distance"),
    ],
)
def test_numbers_that_no_cosine_gives_are_an_error(spec, samples, column):
    getattr(samples, column)[2] = 7.0
    verdict = evaluate(spec, samples)
    assert verdict.state is State.ERROR
    assert f"the column '{column}' holds a number above" in verdict.reason


def test_answers_without_a_threshold_are_counted_as_they_are():
    samples = unknown({"table": 60})
    samples.answer[7] = "c1"
    assert evaluate(UNKNOWN, samples).shares[0].k == 59


@pytest.mark.parametrize("column", ["rank", "distance", "family", "artwork_rank"])
def test_columns_that_were_cut_after_reading_are_an_error(column):
    samples = retrieval(101)
    setattr(samples, column, (getattr(samples, column) or ["plain"])[:1])
    verdict = evaluate(CLEAN, samples)
    assert verdict.state is State.ERROR
    assert "columns differ in length" in verdict.reason


@pytest.mark.parametrize("samples", [pairs(3), alignment(3), unknown({"table": 3})])
def test_a_column_that_was_left_out_has_no_length(samples):
    assert set(samples.lengths.values()) == {3}
