"""One target's embeddings of gallery and photos, made once; every cell's raw numbers are cut from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cardembed.cards.catalogue import Catalogue
from cardembed.cards.photo_plan import PhotoPlan
from cardembed.cards.photo_set import PhotoSet
from cardembed.conformance.decide import satisfies
from cardembed.conformance.measure import kinds
from cardembed.conformance.samples import Context, CurvePoint, Samples
from cardembed.conformance.spec import CellSpec
from cardembed.embedders.base import Embedder
from cardembed.embedders.cache import embed_measured
from cardembed.embedders.sources import GallerySource
from cardembed.errors import EvidenceError, UnavailableError

__all__ = ["VERDICT_SEVERITY", "TargetMeasurements", "Teacher", "embed_target"]

VERDICT_SEVERITY: int = PhotoPlan().severity
"""Nuisance severity of simulated photos that decide; others are shown as curves."""


@dataclass(frozen=True, eq=False)
class Teacher:
    """The teacher's embeddings of the same photos and cards."""

    artefact_digest: str
    """SHA-256 of the teacher's artefact."""
    photos: NDArray[np.floating]
    """(photos, 768), in the order of the manifest; float16 where they come with the photo set."""
    gallery: NDArray[np.floating]
    """(cards, 768), in the order of the catalogue."""

    @cached_property
    def embeddings_digest(self) -> str:
        """SHA-256 of both arrays: their types, shapes and numbers."""
        digest = sha256()
        for array in (self.photos, self.gallery):
            digest.update(f"{array.dtype.str} {array.shape} ".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class TargetMeasurements:
    """Embeddings of one target, and what they were made from."""

    target: str
    catalogue: Catalogue
    photo_set: PhotoSet
    photos: NDArray[np.float32]
    """(photos, 768) float32 unit rows, in the order of the manifest."""
    gallery: NDArray[np.float32]
    """(cards, 768) float32 unit rows, in the order of the catalogue."""
    artefact_digest: str
    fidelity: str
    runtime: dict[str, str]
    threshold: float | None
    """Largest distance that is a match; None where the release was not calibrated."""
    teacher: Callable[[], Teacher] | None
    """Gives the teacher's embeddings; None for the teacher itself."""
    inference_seconds: float
    """Bare inference for photos and gallery."""
    wall_seconds: float
    """With decoding, printing and preprocessing."""

    @property
    def images(self) -> int:
        """How many images these seconds are for."""
        return len(self.photos) + len(self.gallery)

    @cached_property
    def simulated(self) -> bool:
        """Whether the photos were rendered; captured ones have no severity to choose by."""
        return self.photo_set.provenance == "simulated"

    @cached_property
    def correct(self) -> NDArray[np.int64]:
        """(photos,) the row of each photo's card in the gallery, −1 where it has none."""
        rows = [-1 if r.card is None else self.catalogue.index_of(r.card) for r in self.photo_set.records]
        return np.asarray(rows, np.int64)

    def indices(self, condition: str, severity: int = VERDICT_SEVERITY) -> NDArray[np.int64]:
        """The photos of a condition, in the order of the manifest.

        Raises:
            UnavailableError: The set has none.
        """
        wanted = severity if self.simulated else None
        found = self.photo_set.indices(condition=condition, severity=wanted)
        if found.size == 0:
            raise UnavailableError(
                self.photo_set.manifest.name,  # not its folder: this becomes evidence
                expected=f"photos of condition {condition!r}",
                found="none",
                action="use a photo set that has them",
            )
        return found

    def photo_of(self, photo_id: str) -> Image.Image:
        """The photo with this id."""
        return self.photo_set.image(self._row_of[photo_id])

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {record.id: row for row, record in enumerate(self.photo_set.records)}

    def the_teacher(self) -> Teacher:
        """The teacher's embeddings.

        Raises:
            UnavailableError: Neither the photo set nor this machine has them.
        """
        if self.teacher is None:
            raise EvidenceError(
                self.target,
                expected="a target that has a teacher",
                found="the teacher itself",
                action="leave the teacher out of this feature's examples",
            )
        return self.teacher()

    def context(self, condition: str, severity: int | None = VERDICT_SEVERITY) -> Context:
        """Where the numbers of a cell come from."""
        return Context(
            condition=condition,
            provenance="simulated" if self.simulated else "captured",
            severity=severity if self.simulated else None,
            fidelity=self.fidelity,
            artefact_digest=self.artefact_digest,
            photos_digest=self.photo_set.digest,
            gallery_digest=self.catalogue.digest,
            match_threshold=self.threshold,
            inference_seconds=self.inference_seconds,
            wall_seconds=self.wall_seconds,
        )

    def samples(self, spec: CellSpec) -> Samples:
        """The raw numbers that decide a cell.

        Raises:
            UnavailableError: They cannot be had here: no such photos, no teacher, no device.
            EvidenceError: No such kind of samples.
        """
        if spec.kind not in kinds.KINDS or spec.condition is None:
            raise EvidenceError(
                spec.id,
                expected=f"samples of a kind that is measured from embeddings ({', '.join(kinds.KINDS)})",
                found=repr(spec.kind),
                action="correct the scenario's first step",
            )
        samples = kinds.KINDS[spec.kind](self, spec.condition, VERDICT_SEVERITY)
        if spec.kind == "retrieval" and self.simulated:
            samples.curves = self._curve(spec)
        return samples

    def _curve(self, spec: CellSpec) -> list[CurvePoint]:
        points = []
        assert spec.condition is not None
        severities = {r.severity for r in self.photo_set.records if r.condition == spec.condition}
        for severity in sorted(severities - {VERDICT_SEVERITY}):
            samples = kinds.retrieval(self, spec.condition, severity)
            k = int(satisfies(samples, spec.predicates).sum())
            points.append(CurvePoint(condition=spec.condition, severity=severity, k=k, n=samples.size))
        return points


def embed_target(
    embedder: Embedder,
    photo_set: PhotoSet,
    catalogue: Catalogue,
    *,
    threshold: float | None,
    teacher: Callable[[], Teacher] | None = None,
    use_cache: bool = True,
) -> TargetMeasurements:
    """Embed the gallery and the photos with the same artefact, or take both from the cache.

    Args:
        embedder: The target's.
        photo_set: All of it is embedded, so that every cell slices the same array.
        catalogue: The gallery.
        threshold: Largest distance that is a match.
        teacher: Gives the teacher's embeddings when a cell needs them.
        use_cache: False computes them anew.
    """
    gallery = embed_measured(embedder, GallerySource(catalogue), use_cache=use_cache)
    photos = embed_measured(embedder, photo_set, use_cache=use_cache)
    return TargetMeasurements(
        target=embedder.target,
        catalogue=catalogue,
        photo_set=photo_set,
        photos=photos.embeddings,
        gallery=gallery.embeddings,
        artefact_digest=embedder.artefact_digest,
        fidelity=str(embedder.fidelity),
        runtime=dict(embedder.runtime),
        threshold=threshold,
        teacher=teacher,
        inference_seconds=gallery.inference_seconds + photos.inference_seconds,
        wall_seconds=gallery.wall_seconds + photos.wall_seconds,
    )
