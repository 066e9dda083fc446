"""Single queries are timed one by one, checked while they are, and nothing may answer from memory."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from cardembed.conformance.measure.single_stream import SingleStream, run_single_stream
from cardembed.errors import EmbeddingError, InfrastructureError

INPUTS = np.random.default_rng(0).normal(size=(8, 3, 4, 4)).astype(np.float32)
FIRST = INPUTS[:1].tobytes()
"""The input that is repeated."""
ASKED = SingleStream(seconds=2.0, queries=100, warm_up=5, repeated=20)


class Device:
    """Answers with the input's own numbers, and moves its own clock: 5 ms a query, 1 µs a look at it."""

    def __init__(self, took=lambda _: 5_000_000, answer=lambda _number, row: row.reshape(1, -1)):
        self.now, self.queries, self.took, self.answer = 0, 0, took, answer
        self.seen = []

    def clock(self):
        self.now += 1_000
        return self.now

    def query(self, row):
        self.seen.append(row.tobytes())
        self.now += self.took(self)
        self.queries += 1
        return self.answer(self.queries, row)


def run(device, asked=ASKED):
    return run_single_stream(device.query, INPUTS, asked, clock=device.clock)


def test_a_run_lasts_both_its_time_and_its_queries():
    device = Device()
    made = run(device)
    assert len(made.milliseconds) == pytest.approx(2.0 / 0.005, rel=0.01)
    assert made.seconds == pytest.approx(2.0, rel=0.01)
    assert made.milliseconds[0] == pytest.approx(5.001)
    assert (made.smallest_cosine, made.changed) == (pytest.approx(1), 0)
    assert made.repeated_ratio == pytest.approx(1)
    assert len(run(Device(), replace(ASKED, seconds=0.01)).milliseconds) == 100
    assert device.queries == len(INPUTS) + 5 + len(made.milliseconds) + 3 * 20


def test_percentiles_are_of_the_counted_queries():
    # The first 13 queries (answers beforehand, warm-up) are slow; one in ten of the others is.
    device = Device(
        took=lambda d: 90_000_000 if d.queries < 13 else 5_000_000 + 4_000_000 * (d.queries % 10 == 0)
    )
    made = run(device)
    assert made.percentiles["p50"] == pytest.approx(5.001)
    assert made.percentiles["p99"] == pytest.approx(9.001)
    assert max(made.milliseconds) < 10


def test_every_input_is_asked_in_an_order_that_the_seed_decides():
    one, again, other = Device(), Device(), Device()
    run(one), run(again), run(other, replace(ASKED, seed=1))
    assert one.seen == again.seen != other.seen
    assert len(set(one.seen[len(INPUTS) + 5 : -60])) == len(INPUTS)
    # Another input, and one input twice, in turns.
    other_inputs, first, repeated = one.seen[-60::3], one.seen[-59::3], one.seen[-58::3]
    assert set(first) == set(repeated) == {one.seen[-1]}
    assert not set(other_inputs) & set(first)


def test_answers_that_change_are_no_latency():
    wrong = Device(answer=lambda number, row: row.reshape(1, -1) * (-1 if number == 60 else 1))
    with pytest.raises(EmbeddingError, match="cosine -1"):
        run(wrong)
    nan = Device(answer=lambda number, row: row.reshape(1, -1) * (np.nan if number == 60 else 1))
    with pytest.raises(EmbeddingError):
        run(nan)
    drifting = Device(answer=lambda number, row: row.reshape(1, -1) * np.float32(1 + 1e-6 * (number % 2)))
    assert run(drifting).changed > 50


def test_answers_from_memory_are_no_latency():
    memory = {}

    def took(device):
        known = memory.get("last") == device.seen[-1]
        memory["last"] = device.seen[-1]
        return 1_000_000 if known else 5_000_000

    with pytest.raises(InfrastructureError, match="memory"):
        run(Device(took=took))


def test_what_a_processors_cache_saves_is_no_memory():
    device = Device(took=lambda d: 600_000 if d.seen[-2:-1] == d.seen[-1:] else 1_000_000)
    assert run(device).repeated_ratio == pytest.approx(0.6, abs=0.01)


def test_a_host_that_is_busy_at_the_end_is_no_memory():
    # Ten times as slow from the 300th query on, and quick again: blocks one after the other would differ.
    device = Device(took=lambda d: 5_000_000 if d.queries < 300 or d.queries > 440 else 50_000_000)
    made = run(device)
    assert made.repeated_ratio == pytest.approx(1)


def test_a_host_that_delays_most_queries_of_one_kind_is_no_memory():
    # Other work takes turns with the queries: four of five of the queries of another input wait for it.
    device = Device(took=lambda d: 5_000_000 + 5_000_000 * (d.seen[-1] != FIRST and d.queries % 5 > 0))
    assert run(device).repeated_ratio == pytest.approx(1)


@pytest.mark.parametrize(("times", "found"), [(1, False), (2, False), (3, True)])
def test_a_host_that_is_off_once_or_twice_is_no_memory(times, found):
    # 413 queries come before; each comparison has 60.
    until = 413 + 60 * times
    device = Device(
        took=lambda d: 5_000_000 - 800_000 * (d.seen[-2:-1] == d.seen[-1:] and 413 <= d.queries < until)
    )
    if found:
        with pytest.raises(InfrastructureError, match=r"0\.840 each time"):
            run(device)
    else:
        assert run(device).repeated_ratio == pytest.approx(1)


def test_a_memory_that_answers_now_and_then_is_found():
    device = Device(
        took=lambda d: 5_000_000 - 4_500_000 * (d.seen[-2:-1] == d.seen[-1:] and d.queries % 5 == 0)
    )
    with pytest.raises(InfrastructureError, match="memory"):
        run(device)


def test_a_clock_that_stands_still():
    ticks = itertools.chain(itertools.repeat(0, 50), itertools.count(0, 10**9))
    with pytest.raises(InfrastructureError, match="clock"):
        run_single_stream(Device().query, INPUTS, ASKED, clock=lambda: next(ticks))
