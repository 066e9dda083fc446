"""The parity gate: an artefact is written, opened and run, and has to compute what its weights do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardembed.embedders.base import Embedder
from cardembed.errors import CardembedError, FellBackError, UnavailableError
from cardembed.parity.classes import Agreement, ArtefactClass, agreement
from cardembed.parity.retrieval import (
    RetrievalClass,
    RetrievalCost,
    SearchInputs,
    embed_inputs,
    retrieval_cost,
)

__all__ = ["Candidate", "Outcome", "ParityResult", "Searched", "check_parity"]

Batch = NDArray[np.float32]


class Outcome(StrEnum):
    """How far an artefact came."""

    PASSED = "passed"
    """It computes what its weights do."""
    EXPORT = "export failed"
    """It could not be written."""
    LOAD = "load failed"
    """What was written cannot be opened."""
    FELL_BACK = "fell back"
    """It opened, but something else than what was asked for executes it."""
    RUN = "run failed"
    """It opened and gave no embeddings."""
    MISMATCH = "mismatch"
    """It gave other embeddings."""
    UNJUDGED = "not judged"
    """Nothing says whether it does: it is judged by what it finds, and its weights find too little; or a
    release ships it, and it is of a kind that no route judges."""
    UNAVAILABLE = "not run"
    """This machine lacks what would execute it."""


@dataclass(frozen=True)
class Searched:
    """What a compressed artefact is compared with."""

    inputs: SearchInputs
    """Scans and photos, preprocessed."""
    reference: tuple[NDArray[np.floating], NDArray[np.floating]]
    """Their unit vectors by the uncompressed model, (N, D) each."""


@dataclass(frozen=True)
class Candidate:
    """An artefact that is to be checked."""

    name: str
    """Such as "android onnx"."""
    kind: ArtefactClass | RetrievalClass
    """What it has to keep."""
    export: Callable[[Path], Path]
    """Writes it into a folder, or tells where it is."""
    open: Callable[[Path], Embedder]
    """Opens what was written, from the disk alone."""
    executed_by: str
    """What `Embedder.executed_by` says where it is what was asked for; else it fell back."""


@dataclass(frozen=True, slots=True)
class ParityResult:
    """What became of a candidate."""

    name: str
    """The candidate's."""
    kind: str
    """Its class's name."""
    outcome: Outcome
    """How far it came."""
    found: Agreement | None
    """How its embeddings compare, where it gave any."""
    reason: str
    """Why it came no further; "" where it passed."""
    cost: RetrievalCost | None = None
    """What it costs to search with it, where that is what its class limits."""


def check_parity(
    candidate: Candidate,
    reference: NDArray[np.floating],
    batch: Batch,
    folder: Path,
    searched: Callable[[], Searched] | None = None,
) -> ParityResult:
    """Take a candidate through every stage.

    Args:
        candidate: What to check.
        reference: (N, D) unit vectors of the batch by what the artefact was made of.
        batch: (N, 3, S, S) float32; every backend is given the same bytes.
        folder: Where it is written.
        searched: What a compressed artefact is compared with; asked for only where its class needs it.

    Raises:
        ValueError: A compressed artefact without `searched`.
    """
    if isinstance(candidate.kind, RetrievalClass) and searched is None:
        raise ValueError(f"{candidate.name} is judged by what it finds, and has nothing to search")
    cost: RetrievalCost | None = None

    def ended(outcome: Outcome, error: CardembedError | str, found: Agreement | None = None) -> ParityResult:
        if isinstance(error, UnavailableError):
            fell_back = isinstance(error, FellBackError)
            outcome = Outcome.FELL_BACK if fell_back else Outcome.UNAVAILABLE
        return ParityResult(candidate.name, candidate.kind.name, outcome, found, str(error), cost)

    try:
        path = candidate.export(folder)
    except CardembedError as error:
        return ended(Outcome.EXPORT, error)
    try:
        embedder = candidate.open(path)
    except CardembedError as error:
        return ended(Outcome.LOAD, error)
    with embedder:
        executed_by = embedder.executed_by()
        if executed_by != candidate.executed_by:
            return ended(Outcome.FELL_BACK, f"{executed_by} executes it in place of {candidate.executed_by}")
        try:
            rows = _rows(embedder, batch)
            found = agreement(reference, rows)
            if isinstance(candidate.kind, RetrievalClass) and searched is not None:
                cost = _cost(embedder, searched())
        except CardembedError as error:
            return ended(Outcome.RUN, error)
    reason = candidate.kind.broken(found) if isinstance(candidate.kind, ArtefactClass) else ""
    if isinstance(candidate.kind, RetrievalClass) and cost is not None:
        reason = candidate.kind.broken(cost, rows)
        if not reason and (lacking := candidate.kind.unjudged(cost)):
            return ended(Outcome.UNJUDGED, lacking, found)
    return ended(Outcome.MISMATCH if reason else Outcome.PASSED, reason, found)


def _cost(embedder: Embedder, searched: Searched) -> RetrievalCost:
    return retrieval_cost(searched.reference, embed_inputs(embedder, searched.inputs))


def _rows(embedder: Embedder, batch: Batch) -> NDArray[np.floating]:
    """The bare model's outputs: a missing L2 normalisation must not be made good by the embedder."""
    size = embedder.batch_size
    return np.concatenate([embedder.embed_impl(batch[at : at + size]) for at in range(0, len(batch), size)])
