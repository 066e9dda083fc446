"""Hands without a card, and whatever else a camera points at: rooms, streets, landscapes, desks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cardembed.cards.photo_conditions.fields import capsule, grid, smooth_noise
from cardembed.cards.photo_conditions.occluders import skin_tone
from cardembed.cards.unknowns.print import colour
from cardembed.cards.unknowns.surfaces import SIDE, blank, cloth, wood

__all__ = ["hand", "scene"]


def hand(rng: np.random.Generator) -> Image.Image:
    """An empty hand: a palm with its fingers, or a fist, on some ground."""
    ground = [blank, wood, cloth][int(rng.integers(3))](rng)
    side = 220
    picture = np.asarray(ground.crop((0, 0, side, side)), np.float32) / np.float32(255)
    x, y = grid(side, side)
    angle = rng.uniform(-0.5, 0.5) + rng.choice([0, np.pi / 2, np.pi, -np.pi / 2])
    c, s = np.cos(angle), np.sin(angle)
    cx, cy = side / 2 + rng.uniform(-45, 45), side / 2 + rng.uniform(-45, 45)
    scale = rng.uniform(0.8, 1.7)

    def place(u: float, v: float) -> tuple[float, float]:
        return cx + scale * (u * c - v * s), cy + scale * (u * s + v * c)

    depth = np.float32(36 * scale) - capsule(x, y, place(0, 30), place(0, 140))
    depth = np.maximum(depth, np.float32(38 * scale) - capsule(x, y, place(-6, 18), place(6, 30)))
    spread, fist = rng.uniform(0.02, 0.14), rng.random() < 0.25
    for number in range(4):
        u = -27 + 18 * number
        length = rng.uniform(10, 24) if fist else rng.uniform(45, 72) * (1 - 0.12 * abs(number - 1.4))
        tip = place(u + length * np.sin((number - 1.5) * spread), -10 - length)
        depth = np.maximum(depth, np.float32(10 * scale) - capsule(x, y, place(u, 8), tip, 1.5 * scale))
    thumb = place(-rng.uniform(35, 66), rng.uniform(-28, 12))
    depth = np.maximum(depth, np.float32(12 * scale) - capsule(x, y, place(-22, 44), thumb, 1.5 * scale))
    inside = np.clip(depth / np.float32(11 * scale), 0, 1)
    shade = np.float32(0.6) + np.float32(0.4) * np.sqrt(1 - (1 - inside) ** 2)
    shade = shade * (1 + np.float32(0.08) * smooth_noise(rng, side, side, (30, 30)))
    shade = shade * (1 + np.float32(0.1) * smooth_noise(rng, side, side, (4, 4)))
    alpha = np.clip(depth + np.float32(0.5), 0, 1)[..., None]
    shadow = 1 - np.float32(rng.uniform(0, 0.45)) * np.exp(np.minimum(depth, 0) / np.float32(9))
    picture = picture * shadow[..., None] * (1 - alpha) + shade[..., None] * skin_tone(rng) * alpha
    return Image.fromarray((np.clip(picture, 0, 1) * np.float32(255)).astype(np.uint8))


def _gradient(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Image.Image:
    pair = np.array([[top], [bottom]], np.uint8)
    return Image.fromarray(pair).resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def _landscape(rng: np.random.Generator) -> Image.Image:
    """Sky, sun, hills, trees."""
    image = _gradient(colour(rng, 60, 255), colour(rng, 120, 255))
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.5:
        x, y, r = int(rng.integers(0, SIDE)), int(rng.integers(0, 130)), int(rng.integers(8, 40))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 245, int(rng.integers(120, 255))))
    for layer in range(int(rng.integers(2, 5))):
        ridge = 110 + 55 * layer + 40 * smooth_noise(rng, SIDE, 2, (int(rng.integers(3, 30)), 1))[0]
        points = [(x, float(ridge[x])) for x in range(0, SIDE, 4)]
        draw.polygon([(0, SIDE), *points, (SIDE, SIDE)], fill=colour(rng, 20, 190))
    for _ in range(int(rng.integers(0, 14))):
        x, y, r = int(rng.integers(0, SIDE)), int(rng.integers(130, 310)), int(rng.integers(6, 34))
        draw.rectangle((x - 2, y, x + 2, y + r), fill=(70, 45, 25))
        draw.ellipse((x - r, y - 2 * r, x + r, y + 4), fill=colour(rng, 10, 140))
    return image


def _street(rng: np.random.Generator) -> Image.Image:
    """Buildings with windows."""
    image = _gradient(colour(rng), colour(rng))
    draw = ImageDraw.Draw(image)
    x = int(rng.integers(-30, 0))
    while x < SIDE:
        width, top = int(rng.integers(30, 110)), int(rng.integers(10, 200))
        wall, glass = colour(rng, 30, 220), colour(rng)
        draw.rectangle((x, top, x + width, SIDE), fill=wall)
        step = int(rng.integers(12, 26))
        for wx in range(x + 5, x + width - step // 2, step):
            for wy in range(top + 6, SIDE, step + 4):
                draw.rectangle((wx, wy, wx + step // 2, wy + step // 2 + 3), fill=glass)
        x += width
    return image


def _room(rng: np.random.Generator) -> Image.Image:
    """A wall, a floor, furniture, a picture."""
    image = Image.new("RGB", (SIDE, SIDE), colour(rng, 90, 245))
    draw = ImageDraw.Draw(image)
    floor = int(rng.integers(150, 280))
    draw.rectangle((0, floor, SIDE, SIDE), fill=colour(rng, 40, 200))
    for _ in range(int(rng.integers(2, 8))):
        x, w, h = int(rng.integers(-20, 280)), int(rng.integers(20, 150)), int(rng.integers(20, 170))
        y = floor + int(rng.integers(-30, 50))
        tone = colour(rng, 10, 230)
        draw.rectangle((x, y - h, x + w, y), fill=tone, outline=tuple(value // 2 for value in tone))
        for shelf in range(int(rng.integers(0, 4))):
            draw.line((x, y - h + shelf * 24, x + w, y - h + shelf * 24), fill=colour(rng), width=2)
    if rng.random() < 0.5:
        x, y = int(rng.integers(0, 260)), int(rng.integers(0, 120))
        draw.ellipse((x, y, x + 46, y + 30), fill=(255, 240, 190))
    return image


def _lights(rng: np.random.Generator) -> Image.Image:
    """Lights out of focus."""
    image = _gradient(colour(rng, 0, 90), colour(rng, 0, 90))
    draw = ImageDraw.Draw(image, "RGBA")
    for _ in range(int(rng.integers(10, 50))):
        x, y, r = int(rng.integers(0, SIDE)), int(rng.integers(0, SIDE)), int(rng.integers(5, 40))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(*colour(rng, 60, 255), int(rng.integers(40, 200))))
    return image.filter(ImageFilter.BoxBlur(2))


def _leaves(rng: np.random.Generator) -> Image.Image:
    """Leaves, pebbles, or a crowd of small things."""
    image = Image.new("RGB", (SIDE, SIDE), colour(rng, 0, 120))
    draw = ImageDraw.Draw(image)
    base, size = rng.integers(20, 220, 3), int(rng.integers(8, 34))
    for x, y in rng.integers(-10, SIDE + 10, (int(rng.integers(120, 300)), 2)):
        r, g, b = (int(value) for value in np.clip(base + rng.integers(-60, 60, 3), 0, 255))
        dx, dy = (int(value) for value in rng.integers(3, size, 2))
        draw.ellipse((int(x), int(y), int(x) + dx, int(y) + dy), fill=(r, g, b))
    return image


def _desk(rng: np.random.Generator) -> Image.Image:
    """A desk: a keyboard, cups, a telephone, pens, cables."""
    image = [wood, blank, cloth][int(rng.integers(3))](rng)
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.6:
        x0, y0, key = int(rng.integers(-60, 160)), int(rng.integers(0, 240)), int(rng.integers(14, 30))
        case, cap = colour(rng, 10, 230), colour(rng, 10, 250)
        draw.rounded_rectangle((x0, y0, x0 + 13 * key + 8, y0 + 4 * key + 8), 6, fill=case)
        for row in range(4):
            for column in range(13):
                x, y = x0 + 6 + column * key, y0 + 6 + row * key
                draw.rounded_rectangle((x, y, x + key - 4, y + key - 4), 3, fill=cap)
    for _ in range(int(rng.integers(0, 4))):  # cups and plates from above
        x, y, r = int(rng.integers(0, SIDE)), int(rng.integers(0, SIDE)), int(rng.integers(22, 80))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour(rng, 100, 255))
        r = int(r * rng.uniform(0.6, 0.9))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour(rng, 20, 230))
    for _ in range(int(rng.integers(0, 5))):  # pens and cables
        points = [(int(px), int(py)) for px, py in rng.integers(-20, SIDE + 20, (int(rng.integers(2, 4)), 2))]
        draw.line(points, fill=colour(rng), width=int(rng.integers(3, 12)), joint="curve")
    if rng.random() < 0.5:  # a telephone
        x, y = (int(value) for value in rng.integers(0, 200, 2))
        draw.rounded_rectangle((x, y, x + 90, y + 180), 12, fill=(15, 15, 18))
        draw.rectangle((x + 6, y + 14, x + 84, y + 164), fill=colour(rng))
    return image


_SCENES: tuple[Callable[[np.random.Generator], Image.Image], ...] = (
    _landscape,
    _street,
    _room,
    _lights,
    _leaves,
    _desk,
    _desk,
)


def scene(rng: np.random.Generator) -> Image.Image:
    """A landscape, a street, a room, lights, leaves, or a desk with things on it."""
    image = _SCENES[int(rng.integers(len(_SCENES)))](rng)
    texture = smooth_noise(rng, SIDE, SIDE, (int(rng.integers(6, 90)), int(rng.integers(6, 90))))
    light = 1 + np.float32(rng.uniform(0, 0.25)) * texture
    pixels = np.asarray(image, np.float32) * light[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
