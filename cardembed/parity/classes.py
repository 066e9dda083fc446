"""How near an artefact has to come to what it was made of: by what was done to its numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardembed.errors import EmbeddingError

__all__ = ["FLOAT16", "FLOAT16_WEIGHTS", "FLOAT32", "Agreement", "ArtefactClass", "agreement"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two runs on the same inputs compare."""

    one_minus_cosine: float
    """The largest 1 − cos of an input, computed in float64."""
    largest_difference: float
    """The largest difference of a coordinate, of the outputs as they are: a wrong length shows here."""
    inputs: int
    """Inputs that were compared."""


@dataclass(frozen=True, slots=True)
class ArtefactClass:
    """Limits that a faithful artefact keeps and a damaged one does not."""

    name: str
    """What was done to the numbers."""
    one_minus_cosine: float
    """`Agreement.one_minus_cosine` stays below it."""
    largest_difference: float
    """`Agreement.largest_difference` stays below it."""

    def holds(self, found: Agreement) -> bool:
        """Whether both limits are kept; NaN keeps none."""
        return (
            found.one_minus_cosine < self.one_minus_cosine
            and found.largest_difference < self.largest_difference
        )

    def broken(self, found: Agreement) -> str:
        """What is not kept, in words; "" where both limits are."""
        if self.holds(found):
            return ""
        return (
            f"1 − cos {found.one_minus_cosine:.2g} where {self.one_minus_cosine:g} is the limit, "
            f"difference {found.largest_difference:.2g} where {self.largest_difference:g} is"
        )


FLOAT32 = ArtefactClass("float32", 1e-10, 1e-6)
"""The same weights in the same arithmetic: what is left is the order of summation (1e-12 as measured). A bias
that is zeroed moves 1 − cos by 1e-4, a GELU that is approximated by 5e-10; cosine ≥ .999 lets both pass."""

FLOAT16_WEIGHTS = ArtefactClass("float16 weights, computed in float32", 1e-10, 1e-6)
"""Against the model with its weights rounded to float16 and back: rounding is no excuse for anything else."""

FLOAT16 = ArtefactClass("float16", 1e-4, 1e-2)
"""Against the float32 model. Results rounded after every operation cost 1e-6; Core ML's own arithmetic on a
CPU drifted by 2e-5 to 6e-5."""


def agreement(reference: NDArray[np.floating], candidate: NDArray[np.floating]) -> Agreement:
    """Compare outputs, row by row.

    Args:
        reference: (N, D) of any float dtype.
        candidate: The same shape.

    Raises:
        EmbeddingError: Other shapes, or no rows.
    """
    if reference.shape != candidate.shape or reference.ndim != 2 or not len(reference):
        raise EmbeddingError(
            "outputs to compare",
            expected=f"two arrays of the same shape (N, D), as {reference.shape}",
            found=f"{candidate.shape}",
            action="run both on the same inputs",
        )
    one, other = (rows.astype(np.float64) for rows in (reference, candidate))
    return Agreement(
        one_minus_cosine=float(np.maximum(1 - (_unit(one) * _unit(other)).sum(1), 0).max()),
        largest_difference=float(np.abs(one - other).max()),
        inputs=len(one),
    )


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float64] = rows / np.where(lengths == 0, 1, lengths)
    return unit
