"""The parity gate: an artefact is written, opened and run, and has to compute what its weights do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardembed.embedders.base import Embedder
from cardembed.errors import CardembedError, UnavailableError
from cardembed.parity.classes import Agreement, ArtefactClass, agreement

__all__ = ["Candidate", "Outcome", "ParityResult", "check_parity"]

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
    UNAVAILABLE = "not run"
    """This machine lacks what would execute it."""


@dataclass(frozen=True)
class Candidate:
    """An artefact that is to be checked."""

    name: str
    """Such as "android onnx"."""
    kind: ArtefactClass
    """What it has to keep."""
    export: Callable[[Path], Path]
    """Writes it into a folder, or tells where it is."""
    open: Callable[[Path], Embedder]
    """Opens what was written, from the disk alone."""
    executed_by: str
    """`name` in the runtime of the embedder that is asked for; another one means that it fell back."""


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


def check_parity(
    candidate: Candidate, reference: NDArray[np.floating], batch: Batch, folder: Path
) -> ParityResult:
    """Take a candidate through every stage.

    Args:
        candidate: What to check.
        reference: (N, D) unit vectors of the batch by what the artefact was made of.
        batch: (N, 3, S, S) float32; every backend is given the same bytes.
        folder: Where it is written.
    """

    def ended(outcome: Outcome, error: CardembedError | str, found: Agreement | None = None) -> ParityResult:
        outcome = Outcome.UNAVAILABLE if isinstance(error, UnavailableError) else outcome
        return ParityResult(candidate.name, candidate.kind.name, outcome, found, str(error))

    try:
        path = candidate.export(folder)
    except CardembedError as error:
        return ended(Outcome.EXPORT, error)
    try:
        embedder = candidate.open(path)
    except CardembedError as error:
        return ended(Outcome.LOAD, error)
    with embedder:
        executed_by = embedder.runtime.get("name", "")
        if executed_by != candidate.executed_by:
            return ended(Outcome.FELL_BACK, f"{executed_by} executes it in place of {candidate.executed_by}")
        try:
            rows = _rows(embedder, batch)
            found = agreement(reference, rows)
        except CardembedError as error:
            return ended(Outcome.RUN, error)
    if candidate.kind.holds(found):
        return ended(Outcome.PASSED, "", found)
    return ended(
        Outcome.MISMATCH,
        f"1 − cos {found.one_minus_cosine:.2g} where {candidate.kind.one_minus_cosine:g} is the limit, "
        f"difference {found.largest_difference:.2g} where {candidate.kind.largest_difference:g} is",
        found,
    )


def _rows(embedder: Embedder, batch: Batch) -> NDArray[np.floating]:
    """The bare model's outputs: a missing L2 normalisation must not be made good by the embedder."""
    size = embedder.batch_size
    return np.concatenate([embedder.embed_impl(batch[at : at + size]) for at in range(0, len(batch), size)])
