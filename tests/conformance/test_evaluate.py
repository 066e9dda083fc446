import math

import numpy as np
import pytest
from conformance_parts import (
    AC1,
    AC4,
    AC5,
    AC6,
    AC7,
    AC8,
    MODEL,
    alignment,
    census,
    context,
    latency,
    pairs,
    passed,
    retrieval,
    unknown,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from cardembed.conformance.evaluate import evaluate
from cardembed.conformance.judge import judge
from cardembed.conformance.predicate import StepRecord
from cardembed.conformance.samples import (
    CensusSamples,
    RetrievalSamples,
    decode_embeddings,
    read_samples,
    write_samples,
)
from cardembed.conformance.spec import parse_feature
from cardembed.conformance.states import State, StepStatus, worst
from cardembed.errors import EvidenceError


def spec(text, index=0):
    return parse_feature(text, "x.feature")[index]


CLEAN = spec(AC1)


def test_all_good_passes_with_the_bound_in_the_reason():
    verdict = evaluate(CLEAN, retrieval(100))
    assert verdict.state is State.PASS
    share = verdict.shares[0]
    assert (share.k, share.n, share.target, share.required_n, share.needed) == (100, 100, 0.95, 100, 0)
    assert share.lower == pytest.approx(0.05 ** (1 / 100))
    assert verdict.reason.startswith("100/100 = 100.00% (bounds 97.05% to 100.00%), required 95 %")


@pytest.mark.parametrize(
    ("wrong", "far", "state"),
    [
        (1, 0, State.PASS),
        (0, 1, State.PASS),
        (1, 1, State.INCONCLUSIVE),  # both predicates have to hold together: 98 of 100
        (2, 0, State.INCONCLUSIVE),
        (5, 0, State.INCONCLUSIVE),
        (10, 10, State.FAIL),
        (0, 20, State.FAIL),
    ],
)
def test_the_bound_decides_over_both_predicates_together(wrong, far, state):
    verdict = evaluate(CLEAN, retrieval(100, wrong=wrong, far=far))
    assert verdict.shares[0].k == 100 - wrong - far
    assert verdict.state is state


def test_the_second_claim_has_a_predicate_of_its_own():
    verdict = evaluate(CLEAN, retrieval(100, far=20))
    first, second = verdict.shares[:2]
    assert (first.state, second.state, second.k) == (State.FAIL, State.PASS, 100)


def test_worst_claim_wins_and_speaks():
    text = AC1.replace("least 90 % of them", "least 99 % of them")
    verdict = evaluate(spec(text), retrieval(100))
    assert verdict.shares[0].state is State.PASS
    assert verdict.state is State.INCONCLUSIVE
    assert "199 more needed in a new run [the correct card is among the 5" in verdict.reason


def test_a_distance_at_the_limit_does_not_satisfy():
    samples = retrieval(100)
    samples.distance = samples.nearest_distance = [0.2] * 100
    assert evaluate(CLEAN, samples).shares[0].k == 0


def test_fewer_photos_than_the_feature_fixes_never_pass():
    verdict = evaluate(CLEAN, retrieval(99))
    assert verdict.state is State.INCONCLUSIVE
    assert "99 of 100 photos" in verdict.reason
    assert evaluate(CLEAN, retrieval(99, wrong=40)).state is State.FAIL


def test_more_simulated_photos_than_fixed_beforehand_never_pass():
    verdict = evaluate(CLEAN, retrieval(120))
    assert verdict.state is State.INCONCLUSIVE
    assert "120 photos, where the feature fixes 100" in verdict.reason


def test_captured_photos_count_by_their_cards():
    alone = evaluate(CLEAN, retrieval(300, wrong=3, provenance="captured"))
    assert alone.state is State.PASS
    assert alone.shares[0].effective_n == pytest.approx(300, rel=0.01)
    cards = [f"c{i // 10}" for i in range(300)]
    clustered = evaluate(CLEAN, retrieval(300, wrong=3, cards=cards, provenance="captured"))
    assert clustered.shares[0].effective_n < 150
    assert clustered.shares[0].lower < alone.shares[0].lower
    clustered = evaluate(CLEAN, retrieval(300, wrong=4, cards=cards, provenance="captured"))
    assert evaluate(CLEAN, retrieval(300, wrong=4, provenance="captured")).state is State.PASS
    assert clustered.shares[0].lower < alone.shares[0].lower
    assert clustered.state is State.INCONCLUSIVE
    assert clustered.shares[0].needed > 0
    one_card = evaluate(CLEAN, retrieval(300, cards=["c"] * 300, provenance="captured"))
    assert one_card.state is State.INCONCLUSIVE


def test_artwork_credit_is_shown_and_never_substituted():
    verdict = evaluate(CLEAN, retrieval(100, wrong=30))
    beside = verdict.shares[-1]
    assert (beside.state, beside.k, beside.target) == (None, 100, None)
    assert "same artwork" in beside.claim
    assert verdict.state is State.FAIL


def test_the_teachers_gallery_is_shown_beside():
    samples = retrieval(100)
    samples.rank_in_teacher_gallery = [1] * 60 + [2] * 40
    beside = evaluate(CLEAN, samples).shares[-1]
    assert (beside.k, beside.state) == (60, None)
    samples.rank_in_teacher_gallery = [None] * 100
    assert all("teacher's gallery" not in share.claim for share in evaluate(CLEAN, samples).shares)


def test_no_samples_are_an_error():
    assert evaluate(CLEAN, retrieval(0)).state is State.ERROR
    assert evaluate(spec(AC4), unknown({})).state is State.ERROR
    assert evaluate(spec(AC5), latency([])).state is State.ERROR
    assert evaluate(spec(AC7), census(np.zeros((0, 8)), [])).state is State.ERROR


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_an_error_before_and_after_writing(value):
    samples = retrieval(100)
    samples.distance[3] = value
    for one in (samples, read_samples(write_samples(samples))):
        verdict = evaluate(CLEAN, one)
        assert verdict.state is State.ERROR
        assert "1 of 100 numbers in the column 'distance' are not finite" in verdict.reason


@pytest.mark.parametrize(
    ("column", "value"), [("rank", 0), ("artwork_rank", -1), ("distance", -0.5), ("nearest_distance", -1)]
)
def test_impossible_numbers_are_an_error(column, value):
    samples = retrieval(100)
    getattr(samples, column)[7] = value
    verdict = evaluate(CLEAN, samples)
    assert verdict.state is State.ERROR
    assert column in verdict.reason


def test_a_photo_counted_twice_is_an_error():
    samples = retrieval(100)
    samples.photo[1] = samples.photo[0]
    assert evaluate(CLEAN, samples).state is State.ERROR


@pytest.mark.parametrize(
    "samples", [pairs(100), retrieval(100, condition="occluded")], ids=["kind", "condition"]
)
def test_samples_of_something_else_are_an_error(samples):
    verdict = evaluate(CLEAN, samples)
    assert verdict.state is State.ERROR
    assert "where the feature is about retrieval samples of condition 'clean'" in verdict.reason


def test_each_family_of_unknowns_is_decided_alone():
    verdict = evaluate(spec(AC4), unknown({"hand": 60, "table": 60, "back": 60}, wrong={"table": 12}))
    states = {share.family: share.state for share in verdict.shares}
    assert states == {"hand": State.PASS, "table": State.FAIL, "back": State.PASS}
    assert verdict.state is State.FAIL  # pooled, 168 of 180 would only be inconclusive
    assert verdict.reason.startswith("table: 48/60")


def test_a_family_with_too_few_photos_never_passes():
    text = AC4.replace("of 60 photos in", "of 70 photos in")
    verdict = evaluate(spec(text), unknown({"hand": 70, "table": 69}))
    assert [share.state for share in verdict.shares] == [State.PASS, State.INCONCLUSIVE]
    assert "69 of 70 photos" in verdict.reason


def test_the_answer_has_to_be_no_match_found():
    samples = unknown({"hand": 60})
    samples.answer = ["no match found"] * 60
    assert evaluate(spec(AC4), samples).shares[0].k == 0


def test_a_reported_scenario_has_no_state_and_shows_its_bound():
    verdict = evaluate(
        spec(AC4, 1), unknown({"printed": 60}, wrong={"printed": 50}, condition="unknown-card")
    )
    assert verdict.state is State.REPORTED
    share = verdict.shares[0]
    assert (share.k, share.n, share.state, share.target) == (10, 60, None, None)
    assert share.lower < 1 / 6 < share.upper
    assert evaluate(spec(AC4, 1), unknown({}, condition="unknown-card")).state is State.ERROR


def test_pairs():
    assert evaluate(spec(AC6), pairs(100, low=1)).state is State.PASS
    assert evaluate(spec(AC6), pairs(100, low=12)).state is State.FAIL


def test_alignment_needs_both_claims():
    assert evaluate(spec(AC8), alignment(100)).state is State.PASS
    assert evaluate(spec(AC8), alignment(100, low=20)).state is State.FAIL
    verdict = evaluate(spec(AC8), alignment(100, misplaced=20))
    assert [share.state for share in verdict.shares] == [State.PASS, State.FAIL]
    assert verdict.state is State.FAIL


@pytest.mark.parametrize(
    ("samples", "state"),
    [
        (alignment(100, similarity=1 - 9e-7), State.PASS),
        (alignment(100, similarity=1 - 1.1e-6), State.FAIL),
        (alignment(100, similarity=1.0, low=1), State.FAIL),
        (alignment(99, similarity=1.0), State.INCONCLUSIVE),
        (alignment(99, similarity=1.0, low=1), State.FAIL),
    ],
)
def test_parity_asks_every_photo(samples, state):
    verdict = evaluate(spec(AC8, 1), samples)
    assert verdict.state is state
    assert verdict.shares[0].value == pytest.approx(1 - min(samples.similarity), abs=1e-12)


def unit(rows):
    rows = np.asarray(rows, float)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_census_agrees_with_counting_pair_by_pair():
    generator = np.random.default_rng(0)
    vectors = unit(generator.normal(size=(60, 6)) + 0.5).astype(np.float32)
    artworks = [f"a{i // 2}" if i < 20 else f"b{i}" for i in range(60)]
    verdict = evaluate(spec(AC7), census(vectors, artworks))
    similar = [
        float(unit(vectors)[i] @ unit(vectors)[j])
        for i in range(60)
        for j in range(i + 1, 60)
        if artworks[i] != artworks[j]
    ]
    share, impostors = verdict.shares
    assert (share.k, share.n) == (sum(value < 0.5 for value in similar), 60 * 59 // 2 - 10)
    assert share.lower is None
    assert verdict.state is State.FAIL
    assert impostors.n == 60
    assert impostors.state is None
    assert impostors.value == pytest.approx(max(similar))
    same = evaluate(spec(AC7, 1), census(vectors, artworks))
    assert (same.state, same.shares[0].n) == (State.REPORTED, 10)


def test_the_census_is_blockwise_right(monkeypatch):
    monkeypatch.setattr("cardembed.conformance.census._BLOCK", 7)
    test_the_census_agrees_with_counting_pair_by_pair()


def test_a_census_at_exactly_99_percent_passes():
    # 25 cards on axes, 300 pairs; three pairs share an axis: 297 of 300.
    vectors = np.eye(25)
    for i in range(3):
        vectors[2 * i + 1] = vectors[2 * i]
    verdict = evaluate(spec(AC7), census(vectors, [f"a{i}" for i in range(25)]))
    assert (verdict.shares[0].k, verdict.shares[0].n, verdict.state) == (297, 300, State.PASS)
    vectors[7] = vectors[6]
    assert evaluate(spec(AC7), census(vectors, [f"a{i}" for i in range(25)])).state is State.FAIL


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (census(np.eye(4), ["a"] * 4), "no pair with different artwork"),
        (census(2 * np.eye(4), "abcd"), "norms from 2 to 2"),
        (census(np.full((4, 4), np.nan), "abcd"), "not finite"),
        (census(np.eye(1), "a"), "no pair with different artwork"),
    ],
)
def test_a_gallery_that_says_nothing_is_an_error(samples, message):
    verdict = evaluate(spec(AC7), samples)
    assert verdict.state is State.ERROR
    assert message in verdict.reason


def test_embeddings_that_are_no_rows_are_refused():
    samples = census(np.eye(4), "abcd")
    for broken in ("&&&&", samples.embeddings[:-8], ""):
        with pytest.raises(EvidenceError):
            decode_embeddings(samples.model_copy(update={"embeddings": broken}))
    copy = samples.model_copy(update={"ids": ["c"] * 4})
    assert evaluate(spec(AC7), copy).state is State.ERROR


def test_latency_is_decided_by_the_upper_bound_of_the_percentile():
    verdict = evaluate(spec(AC5), latency([20.0] * 1024))
    assert (verdict.state, verdict.shares[0].value) == (State.PASS, 20.0)
    # 1024 queries allow four at or above the limit.
    assert evaluate(spec(AC5), latency([20.0] * 1020 + [26.0] * 4)).state is State.PASS
    five = evaluate(spec(AC5), latency([20.0] * 1019 + [26.0] * 5))
    assert (five.state, five.shares[0].value) == (State.INCONCLUSIVE, 26.0)
    assert evaluate(spec(AC5), latency([20.0] * 990 + [26.0] * 34)).state is State.FAIL


@pytest.mark.parametrize(
    ("values", "note"),
    [([20.0] * 1023, "1023 of 1024 queries"), ([2.0] * 1024, "2.0 of 5 s"), ([20.0] * 100, "100 of 1024")],
)
def test_latency_needs_queries_and_time(values, note):
    verdict = evaluate(spec(AC5), latency(values))
    assert verdict.state is State.INCONCLUSIVE
    assert note in verdict.reason
    assert verdict.shares[0].needed >= 1


@given(n=st.integers(299, 1500), slow=st.integers(0, 40), limit=st.just(25.0))
@settings(max_examples=40, deadline=None)
def test_the_order_statistic_and_the_share_decide_alike(n, slow, limit):
    text = AC5.replace("1024 queries over at least 5 s", "299 queries over at least 1 s")
    verdict = evaluate(spec(text), latency([20.0] * (n - slow) + [30.0] * slow))
    value = verdict.shares[0].value
    assert (verdict.state is State.PASS) == (value is not None and value < limit)


@given(wrong=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_one_more_wrong_photo_never_helps(wrong):
    order = [State.FAIL, State.INCONCLUSIVE, State.PASS]
    states = [evaluate(CLEAN, retrieval(100, wrong=w)).state for w in (wrong, wrong + 1)]
    assert order.index(states[0]) >= order.index(states[1])


@pytest.mark.parametrize(
    ("kind", "index", "samples"),
    [
        (AC1, 0, retrieval(4)),
        (AC4, 0, unknown({"a": 3})),
        (AC6, 0, pairs(3)),
        (AC8, 0, alignment(3)),
        (AC7, 0, census(np.eye(3), "abc")),
        (AC5, 0, latency([1, 2])),
    ],
)
def test_samples_survive_writing_and_judge_alike(kind, index, samples):
    again = read_samples(write_samples(samples))
    assert type(again) is type(samples)
    assert again == samples
    assert evaluate(spec(kind, index), again) == evaluate(spec(kind, index), samples)


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{", b'{"kind":"retrieval"}', b'{"kind":"pixels"}', b"\xff", write_samples(pairs(2))[:-1]],
)
def test_what_is_no_samples_is_refused(data):
    with pytest.raises(EvidenceError, match=r"m\.json: expected a cell's raw numbers"):
        read_samples(data, "m.json")


def test_columns_of_different_length_are_refused():
    values = retrieval(3).model_dump() | {"rank": [1, 1]}
    with pytest.raises(ValueError, match="columns differ in length"):
        RetrievalSamples(**values)
    with pytest.raises(ValueError, match="columns differ in length"):
        CensusSamples(context=context("gallery"), ids=["a"], artworks=[], embeddings="")


# --- steps ---


def test_a_complete_cell_is_judged_by_its_numbers():
    assert judge(CLEAN, passed(CLEAN), retrieval(100)).state is State.PASS


@pytest.mark.parametrize("missing", range(1, 7))
def test_a_step_that_never_ran_is_an_error(missing):
    verdict = judge(CLEAN, passed(CLEAN)[:-missing], retrieval(100))
    assert verdict.state is State.ERROR
    assert "never ran" in verdict.reason


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (StepStatus.ERROR, State.ERROR),
        (StepStatus.UNDEFINED, State.ERROR),
        (StepStatus.SKIPPED, State.NOT_RUN),
        (StepStatus.FAILED, State.ERROR),
        (StepStatus.INCONCLUSIVE, State.ERROR),
    ],
)
@pytest.mark.parametrize("index", [0, 1, 4])
def test_a_step_that_did_not_pass_keeps_good_numbers_from_passing(status, state, index):
    steps = passed(CLEAN)
    steps[index] = StepRecord(text=steps[index].text, status=status, reason="the cable")
    verdict = judge(CLEAN, steps, retrieval(100))
    assert (verdict.state, "the cable" in verdict.reason) == (state, True)


def test_claims_that_did_not_hold_are_judged_from_the_numbers():
    steps = passed(CLEAN)[:5]
    steps[4] = StepRecord(text=steps[4].text, status=StepStatus.FAILED)
    assert judge(CLEAN, steps, retrieval(100, wrong=40)).state is State.FAIL
    assert judge(CLEAN, steps, retrieval(100, wrong=2)).state is State.INCONCLUSIVE


def test_steps_without_numbers_or_of_another_feature_are_an_error():
    assert judge(CLEAN, passed(CLEAN), None).state is State.ERROR
    other = [StepRecord(text="something else", status=StepStatus.PASSED), *passed(CLEAN)[1:]]
    assert judge(CLEAN, other, retrieval(100)).state is State.ERROR
    twice = [*passed(CLEAN), passed(CLEAN)[-1]]
    assert judge(CLEAN, twice, retrieval(100)).state is State.ERROR


@pytest.mark.parametrize("status", ["skipped", "error"])
def test_a_step_that_breaks_off_hides_no_failing_numbers(status):
    steps = [*passed(CLEAN)[:-1], StepRecord(text=CLEAN.steps[-1], status=StepStatus(status), reason="away")]
    assert judge(CLEAN, steps, retrieval(100, wrong=60)).state is State.FAIL
    assert judge(CLEAN, steps, retrieval(100)).reason == "away"
    assert judge(CLEAN, steps, None).reason == "away"


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (("passed", "passed"), State.PASS),
        (("passed", "failed"), State.FAIL),
        (("failed",), State.FAIL),
        (("passed",), State.ERROR),
        ((), State.ERROR),
        (("passed", "undefined"), State.ERROR),
        (("skipped",), State.NOT_RUN),
        (("passed", "inconclusive"), State.INCONCLUSIVE),
    ],
)
def test_other_features_are_judged_by_their_steps(statuses, state):
    cell = spec(MODEL)
    steps = [
        StepRecord(text=text, status=StepStatus(status))
        for text, status in zip(cell.steps, statuses, strict=False)
    ]
    assert judge(cell, steps, None).state is state


def test_the_order_of_states():
    order = [State.FAIL, State.ERROR, State.NOT_RUN, State.INCONCLUSIVE, State.PASS]
    for i, first in enumerate(order):
        for second in order[i:]:
            assert worst([second, first]) is first
    assert worst([]) is State.NOT_RUN
    assert worst([State.PASS, State.NOT_APPLICABLE]) is State.PASS
