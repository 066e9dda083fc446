"""Primitives of inline SVG: elements with escaped text, linear scales, round ticks.

Colours come from the page's style sheet by class, never from attributes: the figures follow light, dark
and print, and the content security policy forbids style attributes anyway. Coordinates are rounded to a
tenth of a pixel, so that the bytes do not depend on the last digit of a float.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

__all__ = ["element", "figure", "number", "scale", "ticks"]


def number(value: float) -> str:
    """A coordinate: a tenth of a pixel, no trailing zero."""
    text = f"{value:.1f}"
    return text.removesuffix(".0").replace("-0", "0") if text in {"-0.0", "0.0"} else text.removesuffix(".0")


def element(name: str, content: str | Sequence[Markup] = "", /, **attributes: str | float | None) -> Markup:
    """An element; `class_` is written class, `_` in names `-`, None leaves an attribute out.

    Args:
        name: The element's name, one of ours.
        content: Text, which is escaped, or elements.
        attributes: Texts, which are escaped, or coordinates.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value if isinstance(value, str) else number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = str(escape(content)) if isinstance(content, str) else "".join(map(str, content))
    return Markup(f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>")


def figure(width: float, height: float, label: str, parts: Sequence[Markup], *, kind: str) -> Markup:
    """The SVG element: a picture with a text alternative, or hidden where `label` is empty."""
    hidden = not label
    return element(
        "svg",
        parts,
        class_=f"figure {kind}",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
        role=None if hidden else "img",
        aria_label=None if hidden else label,
        aria_hidden="true" if hidden else None,
        focusable="false",
    )


def scale(domain: tuple[float, float], span: tuple[float, float]) -> Callable[[float], float]:
    """A linear map of `domain` onto `span`; a domain without width maps to the middle."""
    low, high = domain
    start, end = span
    if high <= low:
        return lambda value: (start + end) / 2
    return lambda value: start + (value - low) / (high - low) * (end - start)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) within [low, high]."""
    if not high > low:
        return [low]
    raw = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step)) + 1)
    return [round(index * step, digits) for index in range(first, last + 1)]
