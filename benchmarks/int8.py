"""`python -m benchmarks.int8 [--release DIR] [--layers N]`: what 8 bits cost the Hailo student, in Markdown.

Cosine between the float student and its INT8 forms on photos that ranges were not measured on (mean, 5th
percentile, smallest), the time that ONNX Runtime's 8-bit kernels take over the float network's, and layer by
layer what rounding costs, in dB and in cosine to the float network's result.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from benchmarks._timing import compare
from cardembed.cards.photo_cache import default_photo_set
from cardembed.cards.photo_plan import PhotoPlan
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.embedders.sessions import open_session
from cardembed.export.hailo.calibration import calibration_photos, calibration_set
from cardembed.export.hailo.cost import LayerCost, layer_costs
from cardembed.export.hailo.int8 import Int8Scheme, quantise
from cardembed.export.hailo.network import ChipNetwork, write_chip_onnx
from cardembed.models.weights import load_weights
from cardembed.release import Release, default_release_dir
from cardembed.release_cards import catalogue_of

__all__ = ["layer_table", "main"]

TARGET, WORST = "hailo8l", 12
PLAN = PhotoPlan(
    clean=192, clean_second=0, occluded=96, glare=96, unknown=16, unknown_card=16, curve=0, zero_shot=0,
    zero_shot_occluded=0,
)  # fmt: skip
"""Photos to compare on, 512 and of every kind: ranges take 1,024 of the 1,440 that calibration has."""


def _embedded(path: Path, images: NDArray[np.uint8], *, optimised: bool) -> NDArray[np.float64]:
    session = open_session(str(path), as_written=not optimised)
    parts = [
        session.run(None, {"input": images[at : at + 1].astype(np.float32)})[0] for at in range(len(images))
    ]
    rows: NDArray[np.float64] = np.concatenate(parts).astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _cosines(one: NDArray[np.float64], other: NDArray[np.float64]) -> str:
    cosine = (one * other).sum(1)
    return f"{cosine.mean():.5f} | {np.quantile(cosine, 0.05):.5f} | {cosine.min():.5f}"


def _schemes(source: Path) -> dict[str, Int8Scheme]:
    """The bracket, the compile kit's recipe (residual sums in 16 bits), and what loses most in 16 bits."""
    names = [node.name for node in onnx.load(str(source)).graph.node]
    sums, depthwise = (
        tuple(name for name in names if re.search(rf"/blocks\.\d+/{kind}$", name))
        for kind in ("Add", "conv_dw/Conv")
    )
    return {
        "per channel": Int8Scheme(),
        "per tensor": Int8Scheme(per_channel=False),
        f"per channel, {len(sums)} residual sums in 16 bits": Int8Scheme(sixteen_bit=sums),
        f"per channel, {len(depthwise)} depthwise convolutions in 16 bits": Int8Scheme(sixteen_bit=depthwise),
    }


def layer_table(costs: Sequence[LayerCost], rows: int) -> list[str]:
    """Lines of the table of layers, first those that lose most in all; every layer where `rows` is 0."""
    lines = [
        "| loses most by all rounding up to it | its own rounding, dB | accumulated, dB "
        "| mean cosine | 5th percentile | smallest |",
        "|---|---|---|---|---|---|",
    ]
    for cost in sorted(costs, key=lambda one: one.accumulated)[: rows or None]:
        cosines = f"{cost.mean_cosine:.5f} | {cost.p5_cosine:.5f} | {cost.smallest_cosine:.5f}"
        lines.append(f"| {cost.layer} | {cost.rounding:.1f} | {cost.accumulated:.1f} | {cosines} |")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.int8")
    parser.add_argument("--release", type=Path, default=default_release_dir())
    parser.add_argument("--layers", type=int, default=WORST, help="Rows of the table of layers; 0 for all.")
    chosen = parser.parse_args(argv)
    release = Release.load(chosen.release)
    like = Preprocessing.of(release.preprocessing, release.target(TARGET).input_size)
    cards = catalogue_of(release, None, searched=False)
    # The very images that the judged network's ranges are measured on, and others.
    measured = calibration_set(calibration_photos(cards), like)
    others = default_photo_set("int8 comparison", cards, split="development", plan=PLAN, workers=1)
    compared = calibration_set(others, like, count=len(others))
    assert set(measured.photos).isdisjoint(compared.photos)
    ranges, images = measured.images, compared.images
    model = load_weights(release.path(release.weights(TARGET))).eval()
    network = ChipNetwork(model, like, raw=True)
    with tempfile.TemporaryDirectory() as folder:
        source = write_chip_onnx(network, like.size, Path(folder) / "float.onnx", batch=None)
        wanted = _embedded(source, images, optimised=False)
        print(f"{len(ranges)} images for the ranges, {len(images)} others to compare\n")
        print("| INT8 | executed | mean cosine | 5th percentile | smallest | float's time over its |")
        print("|---|---|---|---|---|---|")
        feed = {"input": images[:32].astype(np.float32)}
        plain = open_session(str(source))
        for name, scheme in _schemes(source).items():
            path = quantise(source, ranges, Path(folder) / "int8.onnx", scheme)
            for optimised in (False, True):
                quick = open_session(str(path), as_written=not optimised)
                found = compare(name, partial(quick.run, None, feed), partial(plain.run, None, feed))
                how = "in 8-bit kernels" if optimised else "as written"
                cosines = _cosines(_embedded(path, images, optimised=optimised), wanted)
                print(f"| {name} | {how} | {cosines} | {found.ratio:.2f} |", flush=True)
        costs = layer_costs(source, ranges, images)
    print("\n" + "\n".join(layer_table(costs, chosen.layers)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
