"""Photo sets that are rendered on first use and kept under the cache."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from filelock import FileLock

from cardembed._io import cache_root, canonical_json, sha256_bytes
from cardembed.cards.photo_plan import PhotoPlan, Split
from cardembed.cards.photo_render import SIMULATOR_VERSION, Progress, render_photo_set
from cardembed.cards.photo_set import PhotoSet
from cardembed.errors import PhotoSetError

if TYPE_CHECKING:
    from cardembed.cards.catalogue import Catalogue

__all__ = ["default_photo_set"]


def default_photo_set(
    seed: int | str,
    catalogue: Catalogue,
    *,
    split: Split = "verdict",
    plan: PhotoPlan | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> PhotoSet:
    """The photo set of a release and a catalogue: read from the cache, or rendered into it once.

    Processes that ask at the same time wait for the one that renders. A cached set whose bytes differ from
    its digests is rendered anew.

    Args:
        seed: For verdicts the release's digest; for development photos any text or number.
        catalogue: The cards.
        split: "verdict" or "development".
        plan: How many photos of each kind; `PhotoPlan.default(split)` without.
        workers: Processes that render.
        progress: Called with photos done and photos in all.

    Raises:
        ImageError, CatalogueError: A card's picture cannot be read.
        InfrastructureError: A worker process died.
    """
    plan = PhotoPlan.default(split) if plan is None else plan
    parts = [SIMULATOR_VERSION, split, seed, catalogue.digest, plan.model_dump(mode="json")]
    root = cache_root() / "photos" / sha256_bytes(canonical_json(["photo set", *parts]))[:32]
    root.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(root.parent / f"{root.name}.lock"):
        try:
            return PhotoSet.load(root)
        except PhotoSetError:
            shutil.rmtree(root, ignore_errors=True)
        return render_photo_set(
            catalogue, plan, split=split, seed=seed, out=root, workers=workers, progress=progress
        )
