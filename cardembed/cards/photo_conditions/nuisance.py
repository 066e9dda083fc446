"""What every photo suffers: light, white balance, exposure, blur, noise and JPEG."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from cardembed.cards.photo_conditions._types import Plane, Rgb, f32
from cardembed.cards.photo_conditions.fields import grid
from cardembed.cards.photo_conditions.severity import Nuisance

__all__ = ["add_light", "add_noise", "blur", "encode_jpeg", "saturated_share"]

_GAMMA = 2.2


def add_light(pixels: Rgb, rng: np.random.Generator, limits: Nuisance) -> Rgb:
    """White balance, exposure, light fall-off and haze; the result may exceed 1 until `blur` clips it."""
    height, width = pixels.shape[:2]
    balance = 1 + limits.white_balance * rng.uniform(-1, 1, 3) * np.array([1, 0.3, 1])
    stops = rng.uniform(-limits.exposure, limits.exposure)
    gain = (balance * 2 ** (stops / _GAMMA)).astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    x, y = grid(width, height)
    slope = (x / width - np.float32(0.5)) * np.float32(np.cos(angle))
    slope = slope + (y / height - np.float32(0.5)) * np.float32(np.sin(angle))
    light = 1 - np.float32(rng.uniform(0, limits.light)) * (slope + np.float32(0.5))
    haze = np.float32(rng.uniform(0, limits.haze))
    result = pixels * (gain * (1 - haze))
    result *= light[..., None]
    result += haze
    return f32(result)


def _convolve(pixels: Rgb, kernel: Plane, axis: int) -> Rgb:
    """Convolve along one axis, repeating the border; slices beat a general filter at these sizes."""
    radius = kernel.size // 2
    pad = [(0, 0), (0, 0), (0, 0)]
    pad[axis] = (radius, radius)
    padded = np.pad(pixels, pad, mode="edge")
    length = pixels.shape[axis]
    total = np.zeros_like(pixels)
    weighted = np.empty_like(pixels)
    for offset, weight in enumerate(kernel):
        part = padded[offset : offset + length] if axis == 0 else padded[:, offset : offset + length]
        np.multiply(part, weight, out=weighted)
        total += weighted
    return total


def _motion(pixels: Rgb, length: float, angle: float) -> Rgb:
    """Average along a line of `length` pixels."""
    steps = int(np.ceil(length)) + 1
    reach = int(np.ceil(length / 2))
    padded = np.pad(pixels, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    height, width = pixels.shape[:2]
    total = np.zeros_like(pixels)
    for position in np.linspace(-length / 2, length / 2, steps):
        dx, dy = round(position * np.cos(angle)), round(position * np.sin(angle))
        total += padded[reach + dy : reach + dy + height, reach + dx : reach + dx + width]
    return total / np.float32(steps)


def blur(pixels: Rgb, rng: np.random.Generator, limits: Nuisance) -> Rgb:
    """Lens blur and motion blur, then what the sensor cannot hold is cut off: 0…1."""
    scale = pixels.shape[1] / 180
    sigma = rng.uniform(0.3, 1) * limits.blur * scale
    length = rng.uniform(0, limits.motion) * scale
    angle = rng.uniform(0, np.pi)
    if sigma > 0.25:
        radius = max(1, int(np.ceil(2.2 * sigma)))
        taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        kernel = (taps / taps.sum()).astype(np.float32)
        pixels = _convolve(_convolve(pixels, kernel, 0), kernel, 1)
    if length >= 1:
        pixels = _motion(pixels, length, angle)
    return np.clip(pixels, 0, 1)


def saturated_share(pixels: Rgb) -> float:
    """Share of pixels whose three channels are all ≥ 250 of 255."""
    high = pixels >= np.float32(250 / 255)
    return float((high[..., 0] & high[..., 1] & high[..., 2]).mean())


def add_noise(pixels: Rgb, rng: np.random.Generator, limits: Nuisance) -> Rgb:
    """Sensor noise, stronger where it is light (shot noise) with a floor where it is dark."""
    strength = rng.uniform(0.4, 1) * limits.noise
    # The sum of three uniform bytes is normal to within what eight bits show, at a tenth of the cost.
    dice = rng.integers(0, 256, (3, *pixels.shape), dtype=np.uint8)
    noise = dice[0].astype(np.float32)
    noise += dice[1]
    noise += dice[2]
    noise -= np.float32(382.5)
    noise *= np.sqrt(np.float32(0.25) + np.float32(0.75) * pixels)
    noise *= np.float32(strength / 128)
    noise += pixels
    return f32(noise)


def encode_jpeg(pixels: Rgb, rng: np.random.Generator, limits: Nuisance) -> bytes:
    """The photo's file: JPEG, quality drawn within the limits."""
    low, high = limits.jpeg
    quality = int(rng.integers(low, high + 1))
    levels = np.clip(pixels, 0, 1)
    levels *= np.float32(255)
    levels += np.float32(0.5)
    image = Image.fromarray(levels.astype(np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=0 if quality >= 90 else 2)
    return buffer.getvalue()
