"""Judging an embedder without pytest: the same numbers and the same verdicts as `pytest features/`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from cardembed.cards.catalogue import Catalogue
from cardembed.cards.photo_set import PhotoSet
from cardembed.conformance.evaluate import evaluate
from cardembed.conformance.measure.kinds import KINDS
from cardembed.conformance.measure.target import Teacher, embed_target
from cardembed.conformance.samples import Samples
from cardembed.conformance.spec import CellSpec
from cardembed.conformance.verdicts import CellVerdict
from cardembed.embedders.base import Embedder

__all__ = ["judge", "measure_target"]


def measure_target(
    embedder: Embedder,
    photo_set: PhotoSet,
    catalogue: Catalogue,
    specs: Iterable[CellSpec],
    *,
    threshold: float | None = None,
    teacher: Callable[[], Teacher] | None = None,
    use_cache: bool = False,
) -> dict[str, Samples]:
    """The raw numbers of every cell of the embedder's target that is decided by embeddings.

    Args:
        embedder: In the place of its `target`.
        photo_set: The photos.
        catalogue: The gallery; it is embedded by the same embedder.
        specs: From `cell_specs`; those of other targets, other kinds and (without a teacher) alignment are
            passed over.
        threshold: Largest distance that is a match; needed for unknowns.
        teacher: Gives the teacher's embeddings of the same photos and gallery.
        use_cache: Whether embeddings may come from the cache.

    Returns:
        Samples by cell id.
    """
    made = embed_target(
        embedder, photo_set, catalogue, threshold=threshold, teacher=teacher, use_cache=use_cache
    )
    wanted = [
        spec
        for spec in specs
        if spec.target == embedder.target
        and spec.kind in KINDS
        and (teacher is not None or spec.kind != "alignment")
        and (threshold is not None or spec.kind != "unknown")
    ]
    return {spec.id: made.samples(spec) for spec in wanted}


def judge(specs: Iterable[CellSpec], samples: Mapping[str, Samples]) -> dict[str, CellVerdict]:
    """The verdict of every cell that has samples, by cell id: the recorder's and the gate's function."""
    return {spec.id: evaluate(spec, samples[spec.id]) for spec in specs if spec.id in samples}
