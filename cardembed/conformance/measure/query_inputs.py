"""Inputs of a latency run: a library of known ones, and any number that nobody was asked before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cardembed._seeds import rng
from cardembed.errors import UsageError

__all__ = ["QueryInputs", "one_level_away"]

Batch = NDArray[np.float32]


def one_level_away(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures, of any shape, with every value a level brighter, or darker where it cannot be."""
    moved: NDArray[np.uint8] = np.where(pixels == 255, 254, pixels + np.uint8(1)).astype(np.uint8)
    return moved


class QueryInputs:
    """A library of inputs, each as it is and in 2 to the power of its values changed forms.

    A changed input has each value from one of two pictures at random, which are a pixel level apart: half of
    the values differ from the known input's. To a network it is about the same, and to whatever remembers
    inputs another one. Which ones are made, and in which order, the seed decides.

    Args:
        inputs: (N, 3, S, S) float32: the known ones.
        moved: The same pictures `one_level_away`, of the same shape.
        seed: Of the changes.

    Raises:
        UsageError: No inputs, or values that do not differ: a changed input could be a known one.
    """

    def __init__(self, inputs: Batch, moved: Batch, seed: int) -> None:
        if not len(inputs) or inputs.shape != moved.shape or (inputs == moved).any():
            raise UsageError(
                "inputs of a latency run",
                expected="at least one, and the same pictures with every value a level away",
                found=f"arrays {inputs.shape} and {moved.shape}"
                + (f", {int((inputs == moved).sum())} values alike" if inputs.shape == moved.shape else ""),
                action="make the second of one_level_away(pixels)",
            )
        self.known = [np.ascontiguousarray(inputs[row : row + 1]) for row in range(len(inputs))]
        """(1, 3, S, S) each."""
        self._moved = [np.ascontiguousarray(moved[row : row + 1]) for row in range(len(moved))]
        self._changes = rng("changed inputs", seed)

    def __len__(self) -> int:
        return len(self.known)

    def changed(self, place: int) -> Batch:
        """The known input of this place, changed in a way that none was changed before, (1, 3, S, S)."""
        known = self.known[place]
        drawn = np.frombuffer(self._changes.bytes(-(-known.size // 8)), dtype=np.uint8)
        moves = np.unpackbits(drawn, count=known.size).reshape(known.shape).astype(bool)
        return np.where(moves, self._moved[place], known)
