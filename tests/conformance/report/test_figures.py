import itertools
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cardembed.conformance.report.histogram import Line, Threshold, bins, histogram, rank_bars
from cardembed.conformance.report.interval import Interval, domain, interval
from cardembed.conformance.report.lines import Series, severity_lines, timeline
from cardembed.conformance.report.svg import element, ticks


def parsed(svg) -> ET.Element:
    return ET.fromstring(str(svg))


def by_class(root: ET.Element, name: str) -> list[ET.Element]:
    return [e for e in root.iter() if name in e.get("class", "").split()]


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, st.integers(1, 200), elements=st.floats(-1, 2, width=32)),
    st.sampled_from(["<", ">"]),
    st.floats(-0.5, 1.5, width=32),
)
def test_every_bar_lies_on_one_side_and_the_sides_add_up(values, side, limit):
    threshold = Threshold(side, limit)
    data = bins(values, threshold)
    assert data.counts.sum() == values.size
    middles = (data.edges[:-1] + data.edges[1:]) / 2
    good = middles < limit if side == "<" else middles > limit
    satisfied = values < limit if side == "<" else values > limit
    assert data.counts[good].sum() == satisfied.sum()


def test_a_value_at_the_threshold_does_not_satisfy_it():
    for side, good in (("<", [0.1]), (">", [0.3])):
        threshold = Threshold(side, 0.2)
        data = bins(np.array([0.1, 0.2, 0.2, 0.3]), threshold)
        middles = (data.edges[:-1] + data.edges[1:]) / 2
        inside = middles < 0.2 if side == "<" else middles > 0.2
        assert data.counts[inside].sum() == len(good)


def test_numbers_that_are_not_finite_are_counted_apart():
    data = bins(np.array([0.1, np.nan, np.inf, 0.2]), None)
    assert data.outside == 2
    assert data.counts.sum() == 2


def test_one_single_value_and_none_at_all_can_be_drawn():
    for values in ([], [0.3], [0.3, 0.3]):
        data = bins(np.array(values), Threshold("<", 0.3))
        root = parsed(histogram(data, Threshold("<", 0.3), axis="distance", label="x"))
        assert len(by_class(root, "bad")) == (1 if values else 0)


def test_a_histogram_marks_its_thresholds_and_both_kinds_of_bars():
    threshold = Threshold("<", 0.2)
    svg = histogram(
        bins(np.linspace(0, 0.6, 100), threshold, also=[0.45]),
        threshold,
        axis="cosine distance",
        label='A label with "quotes" & <b>',
        lines=[Line(0.45, "match threshold 0.45")],
        ghost=np.linspace(0.3, 0.6, 50),
    )
    root = parsed(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'A label with "quotes" & <b>'
    texts = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert "must be < 0.2" in texts
    assert "match threshold 0.45" in texts
    assert "cosine distance" in texts
    assert by_class(root, "good")
    assert by_class(root, "bad")
    assert by_class(root, "ghost")
    at = float(by_class(root, "limit")[0].get("x1"))
    assert all(float(e.get("x")) + float(e.get("width")) <= at + 0.2 for e in by_class(root, "good"))
    assert all(float(e.get("x")) >= at - 0.2 for e in by_class(root, "bad"))


def test_rank_bars_count_every_photo_once():
    ranks = np.array([1] * 90 + [2, 3, 4, 5, 8, 11, 400])
    root = parsed(rank_bars(ranks, [1, 5], label="ranks"))
    texts = [e.text for e in root.iter() if e.tag.endswith("text")]
    shown = [int(t.split(" (")[0]) for t in texts if " (" in t]
    assert shown == [90, 2, 2, 1, 2]
    assert len(by_class(root, "bad")) == 2


def test_an_interval_short_of_its_target_looks_different():
    short = parsed(interval(Interval(0.96, 0.93, 0.98, 0.95), (0.8, 1.0)))
    reached = parsed(interval(Interval(0.99, 0.97, 1.0, 0.95), (0.8, 1.0)))
    assert by_class(short, "short")
    assert not by_class(short, "reached")
    assert by_class(reached, "reached")
    assert short.get("aria-hidden") == "true"  # the table's cells say it in numbers


def test_rows_of_a_table_share_a_range_that_holds_them_all():
    rows = [Interval(0.96, 0.93, 0.98, 0.95), Interval(0.5, 0.42, 0.6, None)]
    low, high = domain(rows)
    assert low <= 0.42
    assert high == 1.0
    assert domain([]) == (0.0, 1.0)


def test_severity_lines_differ_by_more_than_colour_and_keep_labels_apart():
    series = [Series(name, ((1, 0.99), (2, 0.97), (5, 0.6))) for name in ("clean", "occluded", "glare")]
    root = parsed(severity_lines(series, label="curves"))
    kinds = [{e.tag.split("}")[-1] for e in by_class(root, f"dot-{index}")} for index in range(3)]
    assert kinds == [{"circle"}, {"rect"}, {"polygon"}]
    heights = sorted(float(e.get("y")) for e in by_class(root, "name"))
    assert all(b - a >= 14.9 for a, b in itertools.pairwise(heights))


def test_a_timeline_shows_the_limit_even_when_nothing_comes_near():
    root = parsed(timeline(np.full(1500, 3.0), 25.0, label="t", temperatures=np.array([50.0, 61.0])))
    assert [e.text for e in by_class(root, "limit-label")] == ["must be < 25 ms"]
    assert "61 °C" in [e.text for e in root.iter() if e.tag.endswith("text")]


def test_elements_escape_text_and_attributes():
    text = str(element("text", "<script>&", aria_label='"><script>'))
    assert "<script>" not in text
    assert ET.fromstring(text).text == "<script>&"


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.02, 0.61), (-0.3, 0.2), (0, 640), (3, 3), (0, 1e-7)])
def test_ticks_are_round_and_inside(low, high):
    found = ticks(low, high)
    assert found
    assert all(low - 1e-12 <= tick <= high + 1e-12 for tick in found)
    assert len(found) <= 12
