"""How close to the deployed thing a result was made."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Fidelity"]


class Fidelity(StrEnum):
    """Where a model was executed, ordered from the least to the most telling.

    A result is never shown as of a higher fidelity than it has, and a policy names the lowest that a cell
    needs: `Fidelity.RUNTIME >= Fidelity("reference")`.
    """

    REFERENCE = "reference"
    """PyTorch executed the weights."""
    EMULATED = "emulated"
    """The deployed program was executed without its runtime (Core ML operations, Hailo's INT8 arithmetic)."""
    RUNTIME = "runtime"
    """The real runtime executed the deployed artefact, on this host."""
    DEVICE = "device"
    """The device itself executed the deployed artefact."""

    @property
    def rank(self) -> int:
        """0 for the lowest, 3 for the highest."""
        return list(Fidelity).index(self)

    def __lt__(self, other: str) -> bool:
        return self.rank < Fidelity(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= Fidelity(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > Fidelity(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= Fidelity(other).rank
