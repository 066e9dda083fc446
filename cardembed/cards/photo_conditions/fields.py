"""Fields over the photo's pixels: distances to shapes, smooth noise, the threshold that covers a share."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cardembed.cards.photo_conditions._types import Plane, Rgb, f32

__all__ = ["capsule", "disc", "grid", "hue", "rectangle", "smooth_noise", "threshold_for_share"]

Mask = NDArray[np.bool_]


@lru_cache(maxsize=16)
def grid(width: int, height: int) -> tuple[Plane, Plane]:
    """The x and the y of every pixel's centre, in pixels, each (height, width); read-only, shared."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) + np.float32(0.5)
    x.setflags(write=False)
    y.setflags(write=False)
    return x, y


def disc(x: Plane, y: Plane, centre: tuple[float, float]) -> Plane:
    """Distance of every pixel from `centre`, in pixels, (H, W)."""
    distance: Plane = np.hypot(x - np.float32(centre[0]), y - np.float32(centre[1]))
    return distance


def capsule(
    x: Plane, y: Plane, start: tuple[float, float], end: tuple[float, float], taper: float = 0.0
) -> Plane:
    """Distance of every pixel from the line from `start` to `end`, in pixels, (H, W).

    Args:
        x: Pixels' x.
        y: Pixels' y.
        start: One end of the line.
        end: The other.
        taper: Added to the distance, growing to this many pixels at `end`: the shape narrows towards it.
    """
    dx, dy = end[0] - start[0], end[1] - start[1]
    px, py = x - np.float32(start[0]), y - np.float32(start[1])
    along = np.clip((px * np.float32(dx) + py * np.float32(dy)) / np.float32(dx * dx + dy * dy + 1e-9), 0, 1)
    distance: Plane = np.hypot(px - along * np.float32(dx), py - along * np.float32(dy))
    return f32(distance + along * np.float32(taper)) if taper else distance


def rectangle(  # noqa: PLR0917 - a shape is its numbers
    x: Plane, y: Plane, centre: tuple[float, float], half: tuple[float, float], angle: float, corner: float
) -> tuple[Plane, Plane, Plane]:
    """A turned rectangle with round corners.

    Args:
        x: Pixels' x.
        y: Pixels' y.
        centre: Its middle, in pixels.
        half: Half its width and height, in pixels.
        angle: Radians by which it is turned.
        corner: Radius of its corners, in pixels.

    Returns:
        Signed distance (negative inside), and the pixels' coordinates along its own axes; each (H, W).
    """
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    px, py = x - np.float32(centre[0]), y - np.float32(centre[1])
    u, v = px * c + py * s, py * c - px * s
    qx, qy = np.abs(u) - np.float32(half[0] - corner), np.abs(v) - np.float32(half[1] - corner)
    outside = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0))
    return outside + np.minimum(np.maximum(qx, qy), 0) - np.float32(corner), u, v


def smooth_noise(rng: np.random.Generator, width: int, height: int, cells: tuple[int, int]) -> Plane:
    """Smooth noise of standard deviation near .5 around 0, (height, width).

    Args:
        rng: Where the numbers come from.
        width: Pixels across.
        height: Pixels down.
        cells: How many bumps across and down.
    """
    small = rng.standard_normal((max(cells[1], 1) + 1, max(cells[0], 1) + 1), dtype=np.float32)
    picture = Image.fromarray(small * np.float32(0.6))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def hue(turns: Plane) -> Rgb:
    """Fully saturated colours of a hue given in turns, (H, W, 3) in 0…1."""
    angle = np.float32(2 * np.pi) * turns
    return np.stack(
        [0.5 + 0.5 * np.cos(angle - np.float32(2 * np.pi * k / 3)) for k in range(3)], axis=-1
    ).astype(np.float32)


def threshold_for_share(field: Plane, within: Mask, share: float) -> float:
    """The value that `share` of the pixels of `within` exceed, to a pixel; by selection, not by search."""
    values = field[within]
    above = round(share * values.size)
    above = min(max(above, 1), values.size - 1)
    ordered = np.partition(values, (values.size - above - 1, values.size - above))
    return float(ordered[values.size - above - 1] + ordered[values.size - above]) / 2
