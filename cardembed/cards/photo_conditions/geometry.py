"""The crop: where the card's corners come to lie, and the pixels that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cardembed.cards.photo_conditions._types import Plane, Rgb, f32
from cardembed.cards.photo_conditions.fields import Mask, grid, smooth_noise

__all__ = ["Crop", "corner_errors", "crop_card", "homography", "warp"]

Corners = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Crop:
    """A card as the crop shows it.

    Attributes:
        pixels: (H, W, 3) float32 0…1, the card over what it lies on.
        card: (H, W) bool, the pixels that are card.
        corners: (4, 2) where the card's corners are, in pixels, clockwise from the top left.
    """

    pixels: Rgb
    card: Mask
    corners: Corners


def rectangle_corners(width: float, height: float) -> Corners:
    """Corners of a picture, (4, 2), clockwise from the top left."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)


def corner_errors(rng: np.random.Generator, width: float, limit: float) -> Corners:
    """Four displacements, (4, 2) in pixels, uniform in a disc of radius `limit` × `width`."""
    angle = rng.uniform(0, 2 * np.pi, 4)
    radius = limit * width * np.sqrt(rng.uniform(0, 1, 4))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def homography(source: Corners, target: Corners) -> tuple[float, ...]:
    """The eight numbers (as Pillow's PERSPECTIVE takes them) that map `source` points to `target` points."""
    x, y = source[:, 0], source[:, 1]
    u, v = target[:, 0], target[:, 1]
    zero, one = np.zeros(4), np.ones(4)
    rows = np.concatenate(
        [
            np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=1),
            np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=1),
        ]
    )
    return tuple(float(value) for value in np.linalg.solve(rows, np.concatenate([u, v])))


def to_unit(image: Image.Image) -> Rgb:
    """A picture's pixels, (H, W, 3) float32 0…1."""
    pixels: Rgb = np.asarray(image).astype(np.float32)
    pixels *= np.float32(1 / 255)
    return pixels


def warp(image: Image.Image, corners: Corners, size: tuple[int, int]) -> Rgb:
    """The picture with its corners at `corners` of a photo, (H, W, 3) float32 0…1; black outside."""
    source = rectangle_corners(image.width, image.height)
    turned = image.transform(
        size, Image.Transform.PERSPECTIVE, homography(corners, source), Image.Resampling.BILINEAR
    )
    return to_unit(turned)


def _coverage(corners: Corners, size: tuple[int, int]) -> Plane:
    """How much of each pixel lies in the quadrilateral, (H, W) 0…1."""
    x, y = grid(*size)
    inside: Plane | None = None
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        length = float(np.hypot(bx - ax, by - ay))
        nx, ny = -(by - ay) / length, (bx - ax) / length
        distance = x * np.float32(nx) + y * np.float32(ny) - np.float32(nx * ax + ny * ay)
        inside = distance if inside is None else np.minimum(inside, distance)
    assert inside is not None
    return f32(np.clip(inside + np.float32(0.5), 0, 1))


def _ground(rng: np.random.Generator, size: tuple[int, int], where: Mask) -> Rgb:
    """What the card lies on at the pixels of `where`: a colour with soft shading, (n, 3)."""
    colour = np.clip(rng.uniform(0.05, 0.95) + rng.normal(0, 0.08, 3), 0, 1).astype(np.float32)
    shade = 1 + np.float32(0.12) * smooth_noise(rng, *size, (6, 8))[where]
    return f32(np.clip(shade[:, None] * colour, 0, 1))


def crop_card(image: Image.Image, rng: np.random.Generator, limit: float, size: tuple[int, int]) -> Crop:
    """Crop a card the way a detector does that misplaces each corner by up to `limit` of the card's width."""
    width, height = size
    if image.mode != "RGB":
        image = image.convert("RGB")
    corners = rectangle_corners(width, height) + corner_errors(rng, width, limit)
    pixels = warp(image, corners, size)
    cover = _coverage(corners, size)
    around = cover < 1
    if around.any():
        alpha = cover[around][:, None]
        pixels[around] = pixels[around] * alpha + _ground(rng, size, around) * (1 - alpha)
    return Crop(pixels=pixels, card=cover >= 0.5, corners=corners)
