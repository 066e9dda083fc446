"""Single queries are timed one by one, checked while they are, and nothing may answer from memory."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from cardembed.conformance.measure.query_inputs import QueryInputs, one_level_away
from cardembed.conformance.measure.single_stream import SingleStream, run_single_stream
from cardembed.errors import EmbeddingError, InfrastructureError, UsageError

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 3, 4, 4), dtype=np.uint8)
INPUTS, MOVED = (pixels / np.float32(60) - np.float32(2) for pixels in (PIXELS, one_level_away(PIXELS)))
KNOWN = [row.tobytes() for row in INPUTS]
FIRST = KNOWN[0]
"""The input that is repeated."""
BEFORE = len(INPUTS) + 5 + 400 + 50
"""Queries before the stretch with one input: golden, warm-up, 2 s of 5 ms, and a check for every eight."""
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
    return run_single_stream(device.query, INPUTS, MOVED, asked, clock=device.clock)


def test_a_run_lasts_both_its_time_and_its_queries():
    device = Device()
    made = run(device)
    assert (len(made.milliseconds), made.checked) == (400, 50)
    assert sum(made.milliseconds) == pytest.approx(2000, rel=0.01)
    assert made.seconds == pytest.approx(450 * 0.005, rel=0.01)  # known inputs come between, and do not count
    assert made.milliseconds[0] == pytest.approx(5.001)
    assert (made.smallest_cosine, made.changed) == (pytest.approx(1), 0)
    assert 0.999 < made.smallest_near < 0.99999
    assert made.repeated_ratio == pytest.approx(1)
    assert len(run(Device(), replace(ASKED, seconds=0.01)).milliseconds) == 100
    assert device.queries == BEFORE + 3 * 20


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
    within = one.seen[len(INPUTS) + 5 : BEFORE]
    assert [row for place, row in enumerate(within) if place % 9 == 1] == [
        row for row in within if row in KNOWN
    ]
    assert set(within) > set(KNOWN)
    # One input twice, and a new one, in turns.
    first, repeated, new = one.seen[-60::3], one.seen[-59::3], one.seen[-58::3]
    assert set(first) == set(repeated) == {FIRST}
    # What is timed was never asked before, but for the input that is repeated.
    counted = [row for row in one.seen[len(INPUTS) : BEFORE] if row not in KNOWN] + new
    assert len(set(counted)) == len(counted) == 5 + 400 + 20
    assert not set(counted) & set(KNOWN)


def test_a_changed_input_is_a_level_away_in_half_of_its_values():
    pixels = np.random.default_rng(1).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
    pixels[0, 0, 0, :2] = 0, 255
    moved = one_level_away(pixels)
    assert moved[0, 0, 0, :2].tolist() == [1, 254]
    assert (np.abs(moved.astype(int) - pixels) == 1).all()
    library = QueryInputs(pixels.astype(np.float32), moved.astype(np.float32), seed=3)
    for place in (0, 1, 1):
        away = np.abs(library.changed(place)[0] - pixels[place])
        assert set(np.unique(away)) == {0, 1}
        assert away.mean() == pytest.approx(0.5, abs=0.05)
    same = QueryInputs(pixels.astype(np.float32), moved.astype(np.float32), seed=3)
    assert same.changed(0).tobytes() != same.changed(0).tobytes()


@pytest.mark.parametrize("moved", [INPUTS, MOVED[:3], np.where(MOVED.max() == MOVED, INPUTS, MOVED)])
def test_inputs_that_might_be_known_are_refused(moved):
    with pytest.raises(UsageError, match="a level away"):
        QueryInputs(INPUTS, moved, seed=0)


def test_making_an_input_is_nobodys_time(monkeypatch):
    device, make = Device(), QueryInputs.changed

    def slowly(self, place):
        device.now += 7_000_000
        return make(self, place)

    monkeypatch.setattr(QueryInputs, "changed", slowly)
    made = run(device)
    assert (min(made.milliseconds), max(made.milliseconds)) == (pytest.approx(5.001), pytest.approx(5.001))
    assert made.repeated_ratio == pytest.approx(1)


@pytest.mark.parametrize("number", [61, 24])
def test_answers_that_change_are_no_latency(number):
    """Of a counted query, and of a known input that comes between."""
    wrong = Device(answer=lambda n, row: row.reshape(1, -1) * (-1 if n == number else 1))
    with pytest.raises(EmbeddingError, match="cosine -1"):
        run(wrong)
    assert (wrong.seen[number - 1] in KNOWN) == (number == 24)
    nan = Device(answer=lambda n, row: row.reshape(1, -1) * (np.nan if n == number else 1))
    with pytest.raises(EmbeddingError):
        run(nan)


def test_answers_to_known_inputs_are_compared_more_closely_than_those_to_changed_ones():
    def moving(by):
        turn = np.zeros((1, INPUTS[0].size), np.float32)
        turn[0, 0] = by
        return Device(answer=lambda number, row: row.reshape(1, -1) + turn * (number > len(INPUTS)))

    length = float(np.linalg.norm(INPUTS.reshape(8, -1), axis=1).mean())
    with pytest.raises(
        EmbeddingError, match=r"same inputs before it \(cosine ≥ 0\.999\), found cosine 0\.9[5-9]"
    ):
        run(moving(length / 5))
    drifting = Device(answer=lambda number, row: row.reshape(1, -1) * np.float32(1 + 1e-6 * (number % 2)))
    assert run(drifting).changed > 20


def test_answers_from_memory_are_no_latency():
    memory = {}

    def took(device):
        known = memory.get("last") == device.seen[-1]
        memory["last"] = device.seen[-1]
        return 1_000_000 if known else 5_000_000

    with pytest.raises(InfrastructureError, match="memory"):
        run(Device(took=took))


def remembering():
    """1 ms for what was ever asked before, 50 ms for what was not."""
    known = set()

    def took(device):
        before = len(known)
        known.add(device.seen[-1])
        return 1_000_000 if len(known) == before else 50_000_000

    return took


def test_a_memory_of_all_inputs_is_found():
    with pytest.raises(InfrastructureError, match=r"0\.020 each time: answers come from memory"):
        run(Device(took=remembering()))


def test_a_memory_of_all_inputs_answers_no_counted_query():
    made = run(Device(took=remembering()), replace(ASKED, repeated=0))
    assert min(made.milliseconds) == pytest.approx(50.001)


def test_what_a_processors_cache_saves_is_no_memory():
    device = Device(took=lambda d: 600_000 if d.seen[-2:-1] == d.seen[-1:] else 1_000_000)
    assert run(device).repeated_ratio == pytest.approx(0.6, abs=0.01)


def test_a_host_that_is_busy_at_the_end_is_no_memory():
    # Ten times as slow from the 300th query on, and quick again within the stretch with one input: blocks one
    # after the other would differ.
    device = Device(took=lambda d: 5_000_000 if d.queries < 300 or d.queries > 347 else 50_000_000)
    made = run(device)
    assert 300 < device.queries - 60 < 347
    assert made.repeated_ratio == pytest.approx(1)


def test_a_host_that_delays_most_queries_of_one_kind_is_no_memory():
    # Other work takes turns with the queries: four of five of the queries of another input wait for it.
    device = Device(took=lambda d: 5_000_000 + 5_000_000 * (d.seen[-1] != FIRST and d.queries % 5 > 0))
    assert run(device).repeated_ratio == pytest.approx(1)


@pytest.mark.parametrize(("times", "found"), [(1, False), (2, False), (3, True)])
def test_a_host_that_is_off_once_or_twice_is_no_memory(times, found):
    until = BEFORE + 60 * times  # each comparison has 60 queries
    device = Device(
        took=lambda d: 5_000_000 - 800_000 * (d.seen[-2:-1] == d.seen[-1:] and BEFORE <= d.queries < until)
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
        run_single_stream(Device().query, INPUTS, MOVED, ASKED, clock=lambda: next(ticks))
