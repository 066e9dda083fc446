"""Throughput through the embedder against a bare loop over the same runtime, model and tensors.

What the embedder adds (checks, batching, normalisation) may cost at most 5 %.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._timing import Comparison, compare
from cardembed._io import sha256_file
from cardembed.embedders.base import thread_count
from cardembed.embedders.onnx import OnnxEmbedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.embedders.pytorch import TorchEmbedder
from cardembed.export.onnx import export_to_onnx
from cardembed.models.embedding import EmbeddingModel
from cardembed.models.weights import build_model

__all__ = ["run"]

IMAGES, LIMIT = 256, 0.95


def _live(target: str) -> EmbeddingModel:
    """A model of the reference profile. Speed does not depend on the weights."""
    return build_model("reference", target, seed=0).eval()


def _batches(size: int, batch: int) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    images = np.random.default_rng(0).standard_normal((IMAGES, 3, size, size), dtype=np.float32)
    return images, [images[start : start + batch] for start in range(0, IMAGES, batch)]


def _torch(target: str) -> Comparison:
    import torch

    model = _live(target)
    preprocessing = Preprocessing(size=model.input_size)
    embedder = TorchEmbedder(model, target=target, artefact_digest="0" * 64, preprocessing=preprocessing)
    images, batches = _batches(model.input_size, embedder.batch_size)

    def bare() -> None:
        with torch.inference_mode():
            for batch in batches:
                model(torch.from_numpy(batch)).numpy()

    name = f"embed {IMAGES} images, {target}, / bare PyTorch loop"
    return compare(name, lambda: embedder.embed_preprocessed(images), bare, rounds=15, limit=LIMIT)


def _onnx(target: str) -> Comparison:
    onnxruntime: Any = importlib.import_module("onnxruntime")  # publishes no types

    model = _live(target)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(export_to_onnx(model, folder))
        preprocessing = Preprocessing(size=model.input_size)
        embedder = OnnxEmbedder(path, target=target, sha256=sha256_file(path), preprocessing=preprocessing)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = thread_count(None) or 0
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        images, batches = _batches(model.input_size, embedder.batch_size)

        def bare() -> None:
            for batch in batches:
                session.run(["embedding"], {"input": batch})

        name = f"embed {IMAGES} images, {target}, / bare ONNX Runtime loop"
        return compare(name, lambda: embedder.embed_preprocessed(images), bare, rounds=15, limit=LIMIT)


def run() -> Iterator[Comparison]:
    """The targets of each runtime, in the reference profile."""
    for target in ("teacher", "ios", "hailo8l"):
        yield _torch(target)
    for target in ("server", "android"):
        yield _onnx(target)
