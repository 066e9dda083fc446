"""The raw numbers of each kind, cut from a target's embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cardembed.conformance.samples import (
    AlignmentSamples,
    CensusSamples,
    PairSamples,
    RetrievalSamples,
    Samples,
    UnknownSamples,
    encode_embeddings,
)
from cardembed.errors import PhotoSetError, ReleaseError, UnavailableError
from cardembed.retrieval.database import ReferenceDatabase
from cardembed.retrieval.metrics import pair_similarity, ranks, retrieve

if TYPE_CHECKING:
    from cardembed.conformance.measure.target import TargetMeasurements

__all__ = ["KINDS", "alignment", "census", "pairs", "retrieval", "unknown"]

Rows = NDArray[np.int64]


def _photo_ids(target: TargetMeasurements, rows: Rows) -> list[str]:
    return [target.photo_set.records[row].id for row in rows]


def _cards(target: TargetMeasurements, rows: Rows) -> list[str]:
    return [target.photo_set.records[row].card or "" for row in rows]


def _families(target: TargetMeasurements, rows: Rows) -> list[str]:
    return [target.photo_set.records[row].family or "" for row in rows]


def retrieval(target: TargetMeasurements, condition: str, severity: int) -> RetrievalSamples:
    """Photos of cards, searched in the gallery of the same artefact; a student's also in the teacher's."""
    rows = target.indices(condition, severity)
    correct = target.correct[rows]
    found = retrieve(target.photos[rows], target.gallery, correct, target.catalogue.artworks)
    artworks = np.asarray(target.catalogue.artworks)
    ids = target.catalogue.ids
    return RetrievalSamples(
        context=target.context(condition, severity),
        photo=_photo_ids(target, rows),
        card=_cards(target, rows),
        family=_families(target, rows),
        nearest=[ids[row] for row in found.nearest],
        nearest_artwork=(artworks[found.nearest] == artworks[correct]).tolist(),
        rank=found.rank.tolist(),
        artwork_rank=found.artwork_rank.tolist(),
        distance=found.distance.tolist(),
        nearest_distance=found.nearest_distance.tolist(),
        rank_in_teacher_gallery=_teacher_ranks(target, rows, correct),
    )


def _teacher_ranks(target: TargetMeasurements, rows: Rows, correct: Rows) -> list[int | None]:
    if target.teacher is None:
        return []
    try:
        gallery = target.the_teacher().gallery
    except UnavailableError:
        return []  # shown beside where it is to be had
    found: list[int | None] = ranks(target.photos[rows], gallery.astype(np.float32), correct).tolist()
    return found


def unknown(target: TargetMeasurements, condition: str, severity: int) -> UnknownSamples:
    """Photos of what is not in the catalogue, and what the system answers.

    Raises:
        ReleaseError: The release has no match threshold.
    """
    if target.threshold is None:
        raise ReleaseError(
            f"release.json, target {target.target}",
            expected="a match_threshold",
            found="none",
            action="calibrate the release: cardembed calibrate",
        )
    rows = target.indices(condition, severity)
    database = ReferenceDatabase(target.catalogue.ids, target.gallery)
    answers = database.match_all(target.photos[rows], target.threshold)
    return UnknownSamples(
        context=target.context(condition, severity),
        photo=_photo_ids(target, rows),
        family=_families(target, rows),
        nearest=[answer.nearest for answer in answers],
        nearest_distance=[answer.distance for answer in answers],
        answer=[answer.text for answer in answers],
    )


def paired_rows(target: TargetMeasurements, condition: str, severity: int) -> tuple[Rows, Rows]:
    """The photos of "first+second" that show the same card: rows of the second, rows of the first.

    Conditions that come in pairs stand in the same order. Glare is drawn from other cards than clean: each
    glare photo meets the first clean one of its card, and is left out where there is none.

    Raises:
        PhotoSetError: Photos that should be pairs show different cards.
    """
    first, second = condition.split("+")
    a, b = target.indices(first, severity), target.indices(second, severity)
    if second == "glare":
        other: dict[int, int] = {}
        for row in (*a, *target.indices("clean-second", severity)):
            other.setdefault(int(target.correct[row]), int(row))
        kept = np.asarray([row for row in b if int(target.correct[row]) in other], np.int64)
        return kept, np.asarray([other[int(target.correct[row])] for row in kept], np.int64)
    if len(a) != len(b) or not np.array_equal(target.correct[a], target.correct[b]):
        raise PhotoSetError(
            target.photo_set.root,
            expected=f"the i-th photo of {first!r} and of {second!r} to show the same card",
            found=f"{len(a)} and {len(b)} photos, of other cards",
            action="make the photo set anew",
        )
    return b, a


def pairs(target: TargetMeasurements, condition: str, severity: int) -> PairSamples:
    """Two photos of a card each."""
    rows, others = paired_rows(target, condition, severity)
    return PairSamples(
        context=target.context(condition, severity),
        photo=_photo_ids(target, rows),
        other_photo=_photo_ids(target, others),
        card=_cards(target, rows),
        similarity=pair_similarity(target.photos[rows], target.photos[others]).tolist() if rows.size else [],
    )


def verdict_rows(target: TargetMeasurements, severity: int) -> Rows:
    """All photos that a verdict is about: every condition, at the severity that decides."""
    records = target.photo_set.records
    return np.asarray(
        [row for row, r in enumerate(records) if r.severity == severity or not target.simulated], np.int64
    )


def alignment(target: TargetMeasurements, condition: str, severity: int) -> AlignmentSamples:
    """The same photo through teacher and student, and the teacher's own photo among all verdict photos."""
    rows = target.indices(condition, severity)
    teacher = target.the_teacher()
    every = verdict_rows(target, severity)
    place = {int(row): index for index, row in enumerate(every)}
    own = np.asarray([place[int(row)] for row in rows], np.int64)
    gallery = teacher.photos[every].astype(np.float32)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    context = target.context(condition, severity)
    context.teacher_digest = teacher.artefact_digest
    context.teacher_embeddings_digest = teacher.embeddings_digest
    wrong = _wrong_rows(target.correct[rows], rows)
    return AlignmentSamples(
        context=context,
        photo=_photo_ids(target, rows),
        card=_cards(target, rows),
        similarity=pair_similarity(target.photos[rows], teacher.photos[rows]).tolist(),
        teacher_rank=ranks(target.photos[rows], gallery, own).tolist(),
        wrong_similarity=pair_similarity(target.photos[rows], teacher.photos[wrong]).tolist(),
    )


def _wrong_rows(cards: Rows, rows: Rows) -> Rows:
    """For each photo the next one (cyclically) that shows another card; itself where all show the same."""
    count = len(rows)
    wrong = np.empty(count, np.int64)
    for index in range(count):
        steps = (step for step in range(1, count) if cards[(index + step) % count] != cards[index])
        wrong[index] = rows[(index + next(steps, 0)) % count]
    return wrong


def census(target: TargetMeasurements, condition: str, severity: int) -> CensusSamples:
    """The gallery itself: all its pairs are counted."""
    del severity  # cards are printed, not photographed
    return CensusSamples(
        context=target.context(condition, None),
        ids=target.catalogue.ids,
        artworks=target.catalogue.artworks,
        embeddings=encode_embeddings(target.gallery),
    )


KINDS: dict[str, Callable[[TargetMeasurements, str, int], Samples]] = {
    "retrieval": retrieval,
    "unknown": unknown,
    "pairs": pairs,
    "alignment": alignment,
    "census": census,
}
"""By the kind that the scenario's first step names."""
