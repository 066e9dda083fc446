"""Pools of training views: photos rendered once, shared by the teacher and all students.

A view is a simulated photo of a card of the catalogue, the card's scan itself, or something that is no card.
Pools keep the views as uint8 squares at every size that a trainer asks for, so that rendering takes no time
from training and teacher and student see the same picture. Held-out families never appear. No PyTorch here.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image

from cardembed._io import atomic_write_json, cache_root, canonical_json, json_value, sha256_bytes
from cardembed._seeds import derive_seed
from cardembed.cards.catalogue import Catalogue, SyntheticCatalogue
from cardembed.cards.photo_conditions import CONDITIONS, simulate_photo
from cardembed.cards.photo_render import SIMULATOR_VERSION
from cardembed.cards.unknowns import simulate_unknown
from cardembed.training.outliers import OUTLIERS, outlier
from cardembed.training.view_plan import UNKNOWN_CARD, View, ViewPlan, plan_views

__all__ = ["ViewPool", "open_pool", "square"]

_CHUNK = 128
_PRINTS = 4_096  # 136 KB each


def square(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """An image resized to (size, size, 3) uint8 by Pillow's bicubic filter, as the embedders do it."""
    return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))


class _Renderer:
    """What a rendering process keeps: the plan's views, the cards and their prints."""

    def __init__(self, plan: ViewPlan, catalogue: Catalogue) -> None:
        seed = derive_seed("strangers", plan.name, plan.seed) % 2**31
        self.views = plan_views(plan, catalogue)
        self.catalogue = catalogue
        self.strangers = SyntheticCatalogue(seed, max(16, plan.unknown_cards // 4))
        self._prints: dict[tuple[bool, int], Image.Image] = {}

    def _print(self, stranger: bool, number: int) -> Image.Image:
        image = self._prints.get((stranger, number))
        if image is None:
            source: Catalogue = self.strangers if stranger else self.catalogue
            image = source.image(source[number].id)
            if len(self._prints) < _PRINTS:
                self._prints[stranger, number] = image
        return image

    def render(self, index: int) -> Image.Image:
        """The picture of a view, RGB."""
        view = self.views[index]
        stranger = view.family == UNKNOWN_CARD
        if view.family in OUTLIERS:
            card = self._print(True, view.seed % len(self.strangers))
            return outlier(view.family, card, severity=view.severity, seed=view.seed)
        if view.card < 0 and not stranger:
            return simulate_unknown(view.family, severity=view.severity, seed=view.seed).image
        number = view.seed % len(self.strangers) if stranger else view.card
        if view.condition == "scan":
            return self._print(stranger, number)
        return simulate_photo(
            self._print(stranger, number),
            finish=(self.strangers if stranger else self.catalogue)[number].finish,
            condition=CONDITIONS[view.seed // 7 % len(CONDITIONS)] if stranger else view.condition,
            severity=view.severity,
            seed=view.seed,
        ).image


_renderer: _Renderer | None = None


def _start_renderer(plan: ViewPlan, catalogue: Catalogue) -> None:
    global _renderer  # noqa: PLW0603 - a worker process renders for one pool only
    _renderer = _Renderer(plan, catalogue)


class ViewPool:
    """A rendered pool, read from its folder without loading it into memory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        about = json.loads((root / "pool.json").read_text())
        self.key: str = about["key"]
        self.views = [View(**view) for view in about["views"]]
        self.cards = np.array([view.card for view in self.views], dtype=np.int64)
        self.conditions = np.array([view.condition for view in self.views])
        self.families = np.array([view.family for view in self.views])

    def __len__(self) -> int:
        return len(self.views)

    def squares(self, size: int) -> NDArray[np.uint8]:
        """All views (N, size, size, 3) uint8, memory-mapped."""
        array: NDArray[np.uint8] = np.load(self.root / f"views-{size}.npy", mmap_mode="r")
        return array


def _render_chunk(root: str, sizes: tuple[int, ...], start: int, stop: int) -> int:
    assert _renderer is not None  # _start_renderer ran first
    arrays = {size: np.load(Path(root) / f"views-{size}.npy", mmap_mode="r+") for size in sizes}
    for index in range(start, stop):
        image = _renderer.render(index)
        for size, array in arrays.items():
            array[index] = square(image, size)
    for array in arrays.values():
        array.flush()
    _done_file(Path(root), (start, stop)).touch()
    return stop - start


def open_pool(
    plan: ViewPlan,
    catalogue: Catalogue,
    sizes: tuple[int, ...],
    *,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> ViewPool:
    """The pool of a plan, rendered at first use into the cache.

    Args:
        plan: What it holds.
        catalogue: The cards.
        sizes: Sides in pixels of the squares to keep.
        workers: Processes that render; with 1, this one does.
        progress: Called with the views done and their total.
    """
    sizes = tuple(sorted(set(sizes)))
    planned = json_value(asdict(plan))  # its keys are JSON's, as in the pool's record
    if not plan.outliers:
        del planned["outliers"]  # pools without them, and what was trained on these, are older than they are
    about = {
        "plan": planned,
        "catalogue": catalogue.digest,  # of printed cards with the printer's version
        "sizes": sizes,
        "simulator": SIMULATOR_VERSION,
    }
    key = sha256_bytes(canonical_json(about))[:32]
    root = cache_root() / "views" / key
    root.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(root.with_suffix(".lock")):
        if not (root / "pool.json").is_file():
            _render_pool(root, key, plan, catalogue, sizes, workers=workers, progress=progress)
    return ViewPool(root)


def _render_spans(
    root: Path,
    spans: list[tuple[int, int]],
    sizes: tuple[int, ...],
    plan: ViewPlan,
    catalogue: Catalogue,
    *,
    workers: int,
) -> Generator[int, None, None]:
    """Render all spans, here or in processes; yields how many views each one had, as they end."""
    if workers == 1:
        _start_renderer(plan, catalogue)
        for span in spans:
            yield _render_chunk(str(root), sizes, *span)
        return
    with ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_renderer,
        initargs=(plan, catalogue),
    ) as pool:
        try:
            for job in as_completed([pool.submit(_render_chunk, str(root), sizes, *span) for span in spans]):
                yield job.result()
        finally:  # Ctrl-C waits for the spans that are being rendered, not for all that were asked for
            pool.shutdown(cancel_futures=True)


def _render_pool(
    root: Path,
    key: str,
    plan: ViewPlan,
    catalogue: Catalogue,
    sizes: tuple[int, ...],
    *,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Render into a folder beside; a run that was cut off left there what it had, and this one goes on."""
    views = plan_views(plan, catalogue)
    partial = root.with_suffix(".part")
    partial.mkdir(exist_ok=True)
    for size in sizes:
        file, shape = partial / f"views-{size}.npy", (len(views), size, size, 3)
        if not file.is_file():
            np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape)
    spans = [(start, min(start + _CHUNK, len(views))) for start in range(0, len(views), _CHUNK)]
    left = [span for span in spans if not _done_file(partial, span).is_file()]
    done = sum(stop - start for start, stop in spans) - sum(stop - start for start, stop in left)
    with closing(_render_spans(partial, left, sizes, plan, catalogue, workers=workers)) as counts:
        for count in counts:
            done += count
            if progress is not None:
                progress(done, len(views))
    for span in spans:
        _done_file(partial, span).unlink()
    atomic_write_json(partial / "pool.json", {"key": key, "views": [asdict(view) for view in views]})
    shutil.rmtree(root, ignore_errors=True)
    partial.rename(root)


def _done_file(partial: Path, span: tuple[int, int]) -> Path:
    return partial / f"{span[0]}.done"
