"""Photos and cards as data URIs, within a budget of bytes so that the page stays one sensible file."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from cardembed.conformance.report.view import Picture

__all__ = ["BUDGET", "LIMIT", "Wanted", "choose", "picture"]

BUDGET = 2_200_000
"""Bytes of image files in a page; base64 makes a third more of them."""
LIMIT = 150_000
"""Bytes of the largest single image shown; a larger one is named, not shown."""

_KINDS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A pair of images (names in the bundle) that a cell would show."""

    cell: str
    names: tuple[str, ...]
    urgent: bool = False
    """Shown before any that are not."""


def choose(
    wanted: Sequence[Wanted], sizes: Mapping[str, int], *, most: int = 6, budget: int = BUDGET
) -> dict[str, int]:
    """How many of its pairs each cell shows: every cell its first, then its second, … while bytes last.

    Urgent cells show all of theirs before the others show any.

    Args:
        wanted: Pairs, each cell's worst first.
        sizes: Bytes of each named image.
        most: Pairs of a cell at most.
        budget: Bytes in all.
    """
    shown = dict.fromkeys((one.cell for one in wanted), 0)
    for urgent in (True, False):
        queues: dict[str, list[int]] = {}
        for one in wanted:
            if one.urgent is urgent:
                queues.setdefault(one.cell, []).append(sum(sizes.get(name, 0) for name in one.names))
        for turn in range(most):
            for cell, queue in queues.items():
                if shown[cell] == turn < len(queue) and queue[turn] <= budget:
                    budget -= queue[turn]
                    shown[cell] += 1
    return shown


def picture(name: str | None, read: Callable[[str], bytes | None], alt: str) -> Picture:
    """The image as a data URI; without one, and with the reason in its place, where it cannot be shown.

    Only what Pillow recognises as JPEG, PNG or WebP is embedded, under that type: a file's name says nothing.
    """
    data = read(name) if name else None
    if data is None:
        return Picture("", "no image" if name is None else "image missing", 0, 0)
    if len(data) > LIMIT:
        return Picture("", "image too large to show", 0, 0)
    try:
        with Image.open(io.BytesIO(data), formats=list(_KINDS)) as image:
            kind, (width, height) = _KINDS[str(image.format)], image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Picture("", "not a readable image", 0, 0)
    uri = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return Picture(uri, alt, width, height)
