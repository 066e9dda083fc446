"""Embeddings are computed once for the same artefact, preprocessing, runtime and images.

An entry is `<key>.npy` with `<key>.json` beside it, which holds the array's digest and what computing it
took. A file lock lets only one process compute an entry; an entry that does not fit its digest is computed
anew. Everything under `cache_root()/embeddings` may be deleted at any time.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import PIL
from filelock import FileLock
from numpy.typing import NDArray

from cardembed._io import atomic_write_bytes, atomic_write_json, cache_root, canonical_json, sha256_bytes
from cardembed._revision import code_digest, package_version
from cardembed.embedders.base import EMBEDDING_DIM, Embedder
from cardembed.embedders.sources import PhotoSource

__all__ = ["Embedded", "Progress", "cache_key", "embed_cached", "embed_measured"]

T = TypeVar("T")


class Progress(Protocol):
    """Iterates over `items` and shows how far it is, as `cardembed._commands._output.progress`."""

    def __call__(self, items: Iterable[T], /, *, total: int | None = None, label: str = "") -> Iterable[T]:
        """The items, as they come."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Embeddings with what computing them took, when they were computed."""

    embeddings: NDArray[np.float32]
    """(N, 768) unit rows, in the order of the images."""
    key: str
    """The cache key."""
    cached: bool
    """Whether they were read rather than computed just now."""
    inference_seconds: float
    """Time in the bare model, `Embedder.embed_impl`, when they were computed."""
    wall_seconds: float
    """Time for reading, preprocessing and inference together, when they were computed."""


def cache_key(embedder: Embedder, images: PhotoSource) -> str:
    """SHA-256 over artefact, preprocessing, runtime (name, version, derived file), images, and what computes.

    That is our own code that prepares and embeds, timm, whose layers it assembles, and Pillow, on which the
    last bits of a decoded JPEG and of a resized image depend. Where our own executor is the runtime, its code
    belongs to it.
    """
    code = [code_digest("cardembed.embedders", "cardembed.models"), package_version("timm"), PIL.__version__]
    return sha256_bytes(canonical_json(["embeddings", 3, embedder.identity, images.digest, *code]))


def embed_cached(
    embedder: Embedder, images: PhotoSource, *, use_cache: bool = True, progress: Progress | None = None
) -> NDArray[np.float32]:
    """The embeddings alone of `embed_measured`: (N, 768) float32 unit rows."""
    return embed_measured(embedder, images, use_cache=use_cache, progress=progress).embeddings


def embed_measured(
    embedder: Embedder, images: PhotoSource, *, use_cache: bool = True, progress: Progress | None = None
) -> Embedded:
    """Embed a source, or read what was computed for it before.

    Images are read a batch at a time, one batch ahead of the model, so memory does not grow with the source.

    Args:
        embedder: Any.
        images: A photo set, `GallerySource(catalogue)`, or anything like them.
        use_cache: False computes, and neither reads nor writes the cache.
        progress: Shows the batches.

    Raises:
        EmbeddingError: As `Embedder.embed`; nothing is stored then.
    """
    key = cache_key(embedder, images)
    if not use_cache:
        return _compute(embedder, images, key, progress)
    folder = cache_root() / "embeddings"
    stored = _read(folder, key, len(images))
    if stored is not None:
        return stored
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{key}.lock"):
        stored = _read(folder, key, len(images))  # another process may have computed it meanwhile
        if stored is None:
            stored = _compute(embedder, images, key, progress)
            _write(folder, stored)
    return stored


def _batches(embedder: Embedder, images: PhotoSource) -> Iterator[NDArray[np.float32]]:
    def load(start: int) -> NDArray[np.float32]:
        stop = min(start + embedder.batch_size, len(images))
        return embedder.preprocessing.batch([images.image(index) for index in range(start, stop)])

    with ThreadPoolExecutor(max_workers=1) as pool:
        ahead = None
        for start in range(0, len(images), embedder.batch_size):
            following = pool.submit(load, start)
            if ahead is not None:
                yield ahead.result()
            ahead = following
        if ahead is not None:
            yield ahead.result()


def _compute(embedder: Embedder, images: PhotoSource, key: str, progress: Progress | None) -> Embedded:
    began, before = time.perf_counter(), embedder.inference_seconds
    out = np.empty((len(images), EMBEDDING_DIM), dtype=np.float32)
    batches: Iterable[NDArray[np.float32]] = _batches(embedder, images)
    if progress is not None:
        count = -(-len(images) // embedder.batch_size)
        batches = progress(batches, total=count, label=f"embedding with {embedder.target}")
    done = 0
    for batch in batches:
        out[done : done + len(batch)] = embedder.embed_preprocessed(batch)
        done += len(batch)
    inference = embedder.inference_seconds - before
    return Embedded(out, key, False, inference, time.perf_counter() - began)


def _write(folder: Path, entry: Embedded) -> None:
    buffer = io.BytesIO()
    np.save(buffer, entry.embeddings, allow_pickle=False)
    atomic_write_bytes(folder / f"{entry.key}.npy", buffer.getvalue())
    atomic_write_json(
        folder / f"{entry.key}.json",
        {
            "sha256": sha256_bytes(buffer.getvalue()),
            "images": len(entry.embeddings),
            "inference_seconds": entry.inference_seconds,
            "wall_seconds": entry.wall_seconds,
        },
    )


def _read(folder: Path, key: str, count: int) -> Embedded | None:
    try:
        about = json.loads((folder / f"{key}.json").read_bytes())
        data = (folder / f"{key}.npy").read_bytes()
        if sha256_bytes(data) != about["sha256"]:
            return None
        array = np.load(io.BytesIO(data), allow_pickle=False)
        if array.shape != (count, EMBEDDING_DIM) or array.dtype != np.float32:
            return None
        return Embedded(array, key, True, float(about["inference_seconds"]), float(about["wall_seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # absent, half of it, or damaged: it is computed anew
