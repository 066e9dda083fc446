"""What a mutation needs of an artefact's copy, whatever its format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

__all__ = ["BLOCK", "Copy", "NotApplicableError", "Numbers", "middle"]

BLOCK = 16_384
"""Numbers in a block of weights that is zeroed: 64 KiB of float32."""

T = TypeVar("T")


class NotApplicableError(Exception):
    """The artefact has nothing that a mutation changes, such as a GELU; the table shows it so."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A tensor of weights in an artefact's copy."""

    name: str
    """As the artefact calls it."""
    shape: tuple[int, ...]
    """Output channels first, but for the second factor of a product of matrices."""
    read: Callable[[], NDArray[Any]]
    """Its numbers, of this shape; of a compressed tensor those that the stored ones stand for."""
    write: Callable[[NDArray[Any]], None]
    """Puts changed ones in their place; of a compressed tensor the nearest that can be stored."""

    def change(self, how: Callable[[NDArray[Any]], None]) -> str:
        """Change the numbers in place; gives the tensor's name."""
        numbers = self.read()
        how(numbers)
        self.write(numbers)
        return self.name


class Copy(ABC):
    """An artefact that is being damaged: each format finds its parts its own way.

    Every method that changes something returns what it was, as the artefact calls it, and raises
    `NotApplicableError` where the artefact has no such thing.

    Args:
        source: The artefact; it is not changed.
        damaged: Where the copy is written; what lies there is replaced.
    """

    @abstractmethod
    def __init__(self, source: Path, damaged: Path) -> None:
        raise NotImplementedError

    @abstractmethod
    def biases(self) -> Sequence[Numbers]:
        """Biases of convolutions and linear layers, in the order of computation."""

    @abstractmethod
    def weights(self) -> Sequence[Numbers]:
        """Kernels of convolutions and matrices of linear layers, in the order of computation."""

    @abstractmethod
    def stem(self) -> Numbers:
        """The kernel (outputs, 3, height, width) of the convolution that reads the picture."""

    @abstractmethod
    def approximate_gelu(self) -> str:
        """Compute the GELU in the middle by tanh."""

    @abstractmethod
    def raise_eps(self, factor: float) -> str:
        """Multiply the eps of the first LayerNorm, and of no other."""

    @abstractmethod
    def drop_normalisation(self) -> str:
        """Give the embedding before it is divided by its length."""

    def scales(self) -> Sequence[Numbers]:
        """What the compressed weights of each layer are multiplied by, or the numbers of their palette."""
        return ()

    def zero_points(self) -> Sequence[Numbers]:
        """The stored integers that stand for 0 in the compressed weights of each layer."""
        return ()

    def ranges(self) -> Sequence[Numbers]:
        """The steps in which the results of layers are rounded to integers."""
        return ()

    def swap_colours(self) -> str:
        """Declare that a picture's channels come as BGR."""
        raise NotApplicableError("no picture as input")

    @abstractmethod
    def save(self) -> None:
        """Write the copy."""


def middle(found: Sequence[T], lacking: str) -> T:
    """The one in the middle: damage there has passed through layers, and layers follow it.

    Raises:
        NotApplicableError: There is none; `lacking` says of what.
    """
    if not found:
        raise NotApplicableError(lacking)
    return found[len(found) // 2]
