import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cardembed.conformance import statistics as s
from cardembed.conformance.states import State


@pytest.mark.parametrize(
    ("target", "sizes"), [(0.95, (59, 93, 124, 181)), (0.99, (299, 473, 628, 913))], ids=["95 %", "99 %"]
)
def test_the_smallest_n_with_0_1_2_and_4_failures(target, sizes):
    assert tuple(s.smallest_n(target, failures) for failures in (0, 1, 2, 4)) == sizes
    for failures, n in zip((0, 1, 2, 4), sizes, strict=True):
        assert s.decide_share(n - failures, n, target).state is State.PASS
        assert s.decide_share(n - 1 - failures, n - 1, target).state is State.INCONCLUSIVE


def test_bounds_agree_with_scipys_exact_test():
    for k, n in ((0, 10), (3, 10), (10, 10), (608, 640), (639, 640)):
        test = stats.binomtest(k, n, 0.5, alternative="greater").proportion_ci(0.95, "exact")
        assert s.clopper_pearson_lower(k, n) == pytest.approx(test.low, abs=1e-12)
        test = stats.binomtest(k, n, 0.5, alternative="less").proportion_ci(0.95, "exact")
        assert s.clopper_pearson_upper(k, n) == pytest.approx(test.high, abs=1e-12)


def test_wilsons_false_pass_does_not_happen_here():
    assert s.decide_share(52, 52, 0.95).state is State.INCONCLUSIVE


@given(n=st.integers(1, 800), data=st.data(), confidence=st.sampled_from([0.9, 0.95, 0.99]))
@settings(max_examples=60, deadline=None)
def test_bounds_enclose_the_share_and_grow_with_k(n, data, confidence):
    k = data.draw(st.integers(0, n))
    lower, upper = s.clopper_pearson_lower(k, n, confidence), s.clopper_pearson_upper(k, n, confidence)
    assert 0 <= lower <= k / n <= upper <= 1
    if k < n:
        assert s.clopper_pearson_lower(k + 1, n, confidence) > lower
        assert s.clopper_pearson_upper(k + 1, n, confidence) > upper


@given(n=st.integers(20, 700), p=st.floats(0.5, 0.995))
@settings(max_examples=40, deadline=None)
def test_a_share_below_target_passes_with_at_most_5_percent_chance(n, p):
    k = np.arange(n + 1)
    passes = np.array([s.clopper_pearson_lower(int(i), n) >= p + 1e-12 for i in k])
    assert stats.binom.pmf(k[passes], n, p).sum() <= 0.05 + 1e-9
    fails = np.array([s.clopper_pearson_upper(int(i), n) < p for i in k])
    assert stats.binom.pmf(k[fails], n, p).sum() <= 0.05 + 1e-9


@given(n=st.integers(1, 700), data=st.data(), target=st.sampled_from([0.8, 0.85, 0.95, 0.99]))
@settings(max_examples=60, deadline=None)
def test_one_more_success_never_makes_a_verdict_worse(n, data, target):
    order = [State.FAIL, State.INCONCLUSIVE, State.PASS]
    k = data.draw(st.integers(0, n - 1))
    first, second = s.decide_share(k, n, target).state, s.decide_share(k + 1, n, target).state
    assert order.index(second) >= order.index(first)


@given(n=st.integers(1, 300), failures=st.integers(0, 6), target=st.sampled_from([0.8, 0.95, 0.99]))
@settings(max_examples=60, deadline=None)
def test_needed_samples_suffice_at_the_rate_seen(n, failures, target):
    k = max(0, n - failures)
    needed = s.samples_needed(k, n, target)
    if needed is None:
        assert k / n <= target + 1e-3
        return
    size = n + needed
    failing = int(np.ceil(round(size * (n - k) / n, 9)))
    assert s.clopper_pearson_lower(size - failing, size) >= target
    assert (needed == 0) == (s.decide_share(k, n, target).state is State.PASS)


def test_needed_samples_in_the_known_cases():
    assert s.samples_needed(10, 10, 0.95) == 59 - 10
    assert s.samples_needed(58, 58, 0.95) == 1
    assert s.samples_needed(59, 59, 0.95) == 0
    assert s.samples_needed(9, 10, 0.95) is None
    assert s.samples_needed(95, 100, 0.95) is None


@pytest.mark.parametrize(("percentile", "fewest"), [(0.90, 29), (0.95, 59), (0.99, 299)])
def test_the_fewest_samples_for_a_percentile(percentile, fewest):
    assert s.percentile_rank(fewest, percentile) == fewest
    assert s.percentile_rank(fewest - 1, percentile) is None
    assert s.percentile_upper_bound(range(fewest - 1), percentile) is None
    assert s.percentile_upper_bound(range(fewest), percentile) == fewest - 1


@given(n=st.integers(29, 3000), percentile=st.sampled_from([0.9, 0.95, 0.99]))
@settings(max_examples=50, deadline=None)
def test_the_percentiles_bound_is_the_first_order_statistic_that_covers(n, percentile):
    rank = s.percentile_rank(n, percentile)
    if rank is None:
        assert 1 - percentile**n < 0.95
        return
    assert stats.binom.cdf(rank - 1, n, percentile) >= 0.95
    assert rank == 1 or stats.binom.cdf(rank - 2, n, percentile) < 0.95
    # The same decision as the share below a limit that lies right above, or at, that order statistic.
    assert s.clopper_pearson_lower(rank, n) >= percentile
    assert s.clopper_pearson_lower(rank - 1, n) < percentile


def test_the_percentiles_bound_covers_in_simulation():
    generator = np.random.default_rng(5)
    draws = generator.exponential(size=(600, 400))
    truth = stats.expon.ppf(0.95)
    covered = np.mean([s.percentile_upper_bound(row, 0.95) >= truth for row in draws])
    assert covered >= 0.93


def test_independent_photos_keep_nearly_all_their_weight_and_copies_lose_it():
    generator = np.random.default_rng(3)
    satisfied = generator.random(600) < 0.9
    alone = s.effective_sample_size(satisfied, [f"c{i}" for i in range(600)])
    assert 590 <= alone <= 600
    copies = s.effective_sample_size(np.repeat(satisfied[:150], 4), [f"c{i // 4}" for i in range(600)])
    assert 130 <= copies <= 150
    assert s.effective_sample_size([True] * 600, [f"c{i // 4}" for i in range(600)]) == 150
    assert s.effective_sample_size([True, False], ["c", "c"]) == 1


@pytest.mark.parametrize("satisfied", [(320, 320), (312, 312), (312, 313), (310, 314), (319, 320)])
def test_two_cards_stand_for_no_population_however_alike_they_are(satisfied):
    photos = np.concatenate([np.arange(320) < k for k in satisfied])
    size = s.effective_sample_size(photos, ["a"] * 320 + ["b"] * 320)
    assert 1 <= size < 50
    assert s.decide_share(int(photos.sum()), 640, 0.95, effective=size).state is State.INCONCLUSIVE


def test_clusters_widen_the_bound_and_ask_for_more_photos():
    alone = s.decide_share(98, 100, 0.95)
    clustered = s.decide_share(98, 100, 0.95, effective=25.0)
    assert clustered.lower < alone.lower
    assert clustered.needed > alone.needed


@pytest.mark.parametrize(("k", "n", "confidence"), [(1, 0, 0.95), (2, 1, 0.95), (-1, 4, 0.95), (1, 2, 1.0)])
def test_senseless_numbers_are_refused(k, n, confidence):
    with pytest.raises(ValueError, match="expected"):
        s.clopper_pearson_lower(k, n, confidence)
