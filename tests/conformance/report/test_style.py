"""Contrast of every text on every ground that it stands on, in both schemes and in print."""

import re
from importlib import resources

import pytest

STYLE = resources.files("cardembed.conformance.report").joinpath("style.css").read_text("utf-8")
STATES = ("pass", "fail", "inconclusive", "error", "not-run", "waived", "reported")


def schemes() -> dict[str, dict[str, str]]:
    blocks = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", b))
        for b in re.findall(r":root \{(.*?)\}", STYLE, re.S)
    ]
    light, dark, paper = blocks
    return {"light": light, "dark": light | dark, "print": light | paper}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_texts_can_be_read(scheme):
    colours = schemes()[scheme]
    grounds = ["page", "card", "sunk"]
    pairs = [(text, ground) for text in ("ink", "soft", "link") for ground in grounds]
    pairs += [(text, f"{state}-bg") for state in STATES for text in (state, "ink", "soft")]
    pairs += [(state, ground) for state in STATES for ground in ("page", "card", "sunk")]
    pairs += [("none", "page"), ("link", "fail-bg"), ("link", "inconclusive-bg"), ("link", "pass-bg")]
    pairs += [("limit", "card"), ("note", "card"), *((f"line-{i}", "card") for i in range(4))]
    weak = {pair: round(c, 2) for pair in pairs if (c := contrast(colours[pair[0]], colours[pair[1]])) < 4.5}
    assert weak == {}


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_bars_and_edges_can_be_seen(scheme):
    colours = schemes()[scheme]
    pairs = [(name, "card") for name in ("good", "bad", "plain", "rule", "focus")]
    assert {
        p: contrast(colours[p[0]], colours[p[1]]) for p in pairs if contrast(colours[p[0]], colours[p[1]]) < 3
    } == {}


def test_the_style_cannot_end_its_element():
    assert "</" not in STYLE
