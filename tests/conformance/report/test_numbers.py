import pytest

from cardembed.conformance.report.numbers import count, decimal, percent, points, seconds, short_digest, size


def plain(text: str) -> str:
    return text.replace("\u202f", " ")


@pytest.mark.parametrize(
    ("share", "options", "text"),
    [
        (0.9497, {"down": True}, "94.9 %"),  # a bound that misses 95 % must not read as 95.0 %
        (0.95, {"down": True}, "95.0 %"),
        (0.29, {"down": True}, "29.0 %"),  # 0.29 * 1000 is 290.00000000000006 or less
        (0.0501, {"up": True}, "5.1 %"),
        (1.0, {}, "100 %"),
        (0.0, {}, "0 %"),
        (0.99999, {}, "99.9 %"),  # one failure among many thousands is not "100 %"
        (0.00001, {}, "0.1 %"),
    ],
)
def test_shares_never_round_across_the_line_that_decides(share, options, text):
    assert plain(percent(share, **options)) == text


def test_every_lower_bound_below_its_target_reads_below_it():
    for tenth in range(1, 1000):
        target = tenth / 1000
        assert plain(percent(target, down=True)) == plain(percent(target))
        assert plain(percent(target - 1e-6, down=True)) != plain(percent(target))


def test_margins_carry_their_sign():
    assert plain(points(0.0131)) == "+1.3 pp"
    assert plain(points(-0.0004, down=True)) == "−0.1 pp"
    assert plain(points(-0.0004)) == "±0.0 pp"
    assert plain(points(0.0)) == "±0.0 pp"


def test_other_numbers():
    assert plain(count(17592)) == "17 592"
    assert decimal(0.2) == "0.2"
    assert decimal(-0.25) == "−0.25"
    assert decimal(3.2e-8) == "3.2e−08"
    assert decimal(float("nan")) == "not a number"
    assert decimal(-0.0) == "0"
    assert plain(seconds(0.4212)) == "0.42 s"
    assert plain(seconds(125.2)) == "2 min 5 s"
    assert plain(size(864)) == "864 B"
    assert plain(size(3_100_000)) == "3.1 MB"
    assert short_digest("ab" * 32) == "abababababab"
    assert short_digest(None) == "none"
