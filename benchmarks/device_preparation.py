"""`python -m benchmarks.device_preparation [--release DIR]`: what DEVICE-1 and -2 tell apart, in Markdown.

A device decodes and resizes photos by its own libraries. Here the same photos are prepared otherwise than by
the release's filter, rightly and wrongly, and their embeddings are compared with the right ones; then each
model's with every other model's of the release. DEVICE-1 asks for a cosine above .99, DEVICE-2 above .999.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cardembed.cards.photo_cache import default_photo_set
from cardembed.cards.photo_plan import PhotoPlan
from cardembed.embedders.registry import open_embedder
from cardembed.release import Release, default_release_dir
from cardembed.release_cards import catalogue_of

__all__ = ["main"]

PLAN = PhotoPlan(
    clean=64, clean_second=0, occluded=0, glare=0, unknown=0, unknown_card=0, curve=0, zero_shot=0,
    zero_shot_occluded=0,
)  # fmt: skip
"""As many clean photos as a request to a device has."""
PHONES = ("android", "ios")
Prepare = Callable[[Image.Image, int], Image.Image]
Resampling = Image.Resampling


def _resized(filter_: Resampling, image: Image.Image, size: int) -> Image.Image:
    return image.resize((size, size), filter_)


def _aliased(image: Image.Image, size: int) -> Image.Image:
    """Bilinear between the four nearest pixels, however much a picture shrinks."""
    factors = (image.width / size, 0.0, 0.0, 0.0, image.height / size, 0.0)
    return image.transform((size, size), Image.Transform.AFFINE, factors, Resampling.BILINEAR)


def _brightened(image: Image.Image, size: int) -> Image.Image:
    """As where a colour space is applied that the photo does not have."""
    return image.point([round(255 * (level / 255) ** (1 / 1.1)) for level in range(256)] * 3)


def _cropped(image: Image.Image, size: int) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


PREPARED: Mapping[str, Prepare] = {
    "Lanczos": lambda image, size: _resized(Resampling.LANCZOS, image, size),
    "bilinear": lambda image, size: _resized(Resampling.BILINEAR, image, size),
    "bilinear without antialiasing": _aliased,
    "box": lambda image, size: _resized(Resampling.BOX, image, size),
    "nearest pixel": lambda image, size: _resized(Resampling.NEAREST, image, size),
    "gamma 1.1 (a colour space that is applied)": _brightened,
    "centre crop in place of squashing": _cropped,
    "turned by 90°": lambda image, _: image.transpose(Image.Transpose.ROTATE_90),
    "upside down": lambda image, _: image.transpose(Image.Transpose.ROTATE_180),
    "BGR for RGB": lambda image, _: Image.merge("RGB", image.split()[::-1]),
}
"""What a device may do before the release's own preprocessing, which leaves squares of its size."""


def _cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    cosines: NDArray[np.float64] = (one.astype(np.float64) * other).sum(1)
    return cosines


def _print_table(release: Release, images: Sequence[Image.Image]) -> None:
    cells: dict[str, list[str]] = {name: [] for name in PREPARED}
    for target in PHONES:
        with open_embedder(release, target) as embedder:
            right, size = embedder.embed(images), embedder.preprocessing.size
            for name, prepare in PREPARED.items():
                cosines = _cosines(right, embedder.embed([prepare(image, size) for image in images]))
                cells[name].append(f"{cosines.min():.5f}, {(cosines > 0.99).mean():.2f}")
    print("| least cosine, share above .99 | " + " | ".join(PHONES) + " |")
    print("|---" * (len(PHONES) + 1) + "|")
    for name, row in cells.items():
        print(f"| {name} | " + " | ".join(row) + " |")


def _print_models(release: Release, images: Sequence[Image.Image]) -> None:
    embedded = {}
    for target, entry in release.targets.items():
        if entry.shares_weights_with is None:
            with open_embedder(release, target) as embedder:
                embedded[target] = embedder.embed(images)
    print("\n| two models of the release | cosine of the same photo |")
    print("|---|---|")
    for one, other in combinations(embedded, 2):
        cosines = _cosines(embedded[one], embedded[other])
        print(f"| {one}, {other} | {cosines.min():.5f} to {cosines.max():.5f} |")


def main(argv: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.device_preparation")
    parser.add_argument("--release", type=Path, default=default_release_dir())
    release = Release.load(parser.parse_args(argv).release)
    cards = catalogue_of(release, None, searched=False)
    photos = default_photo_set("device preparation", cards, split="development", plan=PLAN, workers=1)
    images = [photos.image(row).convert("RGB") for row in range(len(photos))]
    print(f"{len(images)} clean photos of {images[0].width} × {images[0].height} pixels\n")
    _print_table(release, images)
    _print_models(release, images)
    return 0


if __name__ == "__main__":
    sys.exit(main())
