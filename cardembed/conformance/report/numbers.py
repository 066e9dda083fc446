"""Numbers as the report writes them: never rounded across the line that decides a verdict."""

from __future__ import annotations

import math

__all__ = ["count", "decimal", "percent", "points", "seconds", "short_digest", "size"]

_THIN = "\u202f"
"""Narrow no-break space: between a number and its unit, and between groups of thousands."""


def count(value: int) -> str:
    """A whole number in groups of thousands: 17 592."""
    return f"{value:,}".replace(",", _THIN)


def percent(share: float, *, down: bool = False, up: bool = False) -> str:
    """A share in [0, 1] as per cent with one decimal; `down` for lower bounds, `up` for upper ones.

    A lower bound of 94.97 % is written 94.9 %, not 95.0 %: the text must not meet a target that the
    number misses. 1e-9 of slack keeps 0.95 itself, which no binary fraction holds, at 95.0 %.
    """
    tenths = share * 1000
    if down:
        tenths = math.floor(tenths + 1e-9)
    elif up:
        tenths = math.ceil(tenths - 1e-9)
    else:
        tenths = round(tenths)
        if tenths >= 1000 and share < 1:  # a single failure among thousands is not "100 %"
            tenths = 999
        elif tenths <= 0 and share > 0:
            tenths = 1
    text = f"{tenths / 10:.1f}"
    return f"{'100' if text == '100.0' else '0' if text == '0.0' else text}{_THIN}%"


def points(difference: float, *, down: bool = False) -> str:
    """A difference of shares in percentage points: +1.3 pp, −0.1 pp; `down` for margins, as in `percent`."""
    tenths = math.floor(difference * 1000 + 1e-9) if down else round(difference * 1000)
    sign = "−" if tenths < 0 else "+" if tenths > 0 else "±"
    return f"{sign}{abs(tenths) / 10:.1f}{_THIN}pp"


def decimal(value: float, digits: int = 3) -> str:
    """A number with at most `digits` decimals, no trailing zeros, a true minus sign."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else "not a number"
    if value != 0 and abs(value) < 10**-digits:
        return f"{value:.1e}".replace("-", "−")
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return ("0" if text == "-0" else text).replace("-", "−")


def seconds(value: float) -> str:
    """A duration: 0.42 s, 37 s, 2 min 5 s."""
    if value < 10:
        return f"{decimal(value, 2)}{_THIN}s"
    whole = round(value)
    if whole < 120:
        return f"{whole}{_THIN}s"
    return f"{whole // 60}{_THIN}min {whole % 60}{_THIN}s"


def size(number: int) -> str:
    """Bytes in decimal units: 864 B, 12.4 kB, 3.1 MB."""
    for limit, unit in ((1_000, "B"), (1_000_000, "kB"), (1_000_000_000, "MB")):
        if number < limit:
            return f"{decimal(number / (limit / 1000), 1)}{_THIN}{unit}"
    return f"{decimal(number / 1e9, 1)}{_THIN}GB"


def short_digest(digest: str | None) -> str:
    """The first twelve digits of a digest; the whole stands in the provenance tables."""
    return digest[:12] if digest else "none"
