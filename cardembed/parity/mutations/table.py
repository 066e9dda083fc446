"""Every mutation: one row, for all formats."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardembed.parity.mutations.copies import BLOCK, Copy, NotApplicableError, Numbers, middle
from cardembed.parity.mutations.network import NetworkCopy
from cardembed.parity.mutations.onnx import OnnxCopy
from cardembed.parity.mutations.ort import OrtCopy
from cardembed.parity.mutations.program import ProgramCopy

__all__ = ["COMPRESSION", "FORMATS", "MUTATIONS", "Mutation"]

FORMATS: Mapping[str, type[Copy]] = {
    ".mlmodel": NetworkCopy,
    ".mlpackage": ProgramCopy,
    ".onnx": OnnxCopy,
    ".ort": OrtCopy,
}
"""By suffix, how such an artefact is damaged."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One way to damage an artefact."""

    name: str
    """For the table."""
    damage: Callable[[Copy], str]
    """Changes a copy; returns what was changed, as the artefact calls it."""
    severe: bool = False
    """Whether a search has to notice it in a compressed artefact, too. Damage of one layer may cost less than
    rounding all of them does."""

    def write(self, source: Path, damaged: Path) -> str:
        """Write an artefact's damaged copy.

        Args:
            source: An artefact of one of `FORMATS`.
            damaged: Where its copy is written, of the same suffix.

        Returns:
            What was changed, as the artefact calls it.

        Raises:
            NotApplicableError: The artefact has nothing that this changes.
            ArtefactError: It cannot be parsed.
        """
        copy = FORMATS[source.suffix](source, damaged)
        changed = self.damage(copy)
        copy.save()
        return changed


_PLAIN = "no compressed weights"
_ZERO = "no zero points"
_RANGE = "no rounded results"


def _zero(numbers: NDArray[np.floating]) -> None:
    numbers[...] = 0


def _zero_block(numbers: NDArray[np.floating]) -> None:
    numbers.reshape(-1)[: min(BLOCK, numbers.size // 4)] = 0


def _swap(numbers: NDArray[np.floating]) -> None:
    numbers[[0, 1]] = numbers[[1, 0]]


def _flip(numbers: NDArray[np.floating]) -> None:
    numbers[...] = numbers[:, ::-1].copy()


def _double(numbers: NDArray[np.generic]) -> None:
    np.multiply(numbers, 2, out=numbers)


def _halve(numbers: NDArray[np.generic]) -> None:
    np.divide(numbers, 2, out=numbers)


def _roll(numbers: NDArray[np.generic]) -> None:
    if numbers.size < 2:
        raise NotApplicableError("one scale for all channels")
    numbers[...] = np.roll(numbers.reshape(-1), 1).reshape(numbers.shape)


def _shift(numbers: NDArray[np.generic]) -> None:
    np.add(numbers, 16, out=numbers, casting="unsafe")


def _bias(copy: Copy) -> Numbers:
    return middle([one for one in copy.biases() if one.read().any()], "no bias")


def _large(copy: Copy) -> Numbers:
    """Of at least a few channels."""
    return middle([one for one in copy.weights() if math.prod(one.shape) >= BLOCK // 4], "no weights")


def _bgr(copy: Copy) -> str:
    stem = copy.stem()
    if stem.shape[1:2] != (3,):
        raise NotApplicableError("no convolution of three channels at the input")
    return stem.change(_flip)


MUTATIONS: tuple[Mutation, ...] = (
    Mutation("a bias is zero", lambda copy: _bias(copy).change(_zero)),
    Mutation("a block of weights is zero", lambda copy: _large(copy).change(_zero_block)),
    Mutation("two channels are swapped", lambda copy: _large(copy).change(_swap)),
    Mutation("a GELU is approximated", lambda copy: copy.approximate_gelu()),
    # The first: what it is given is small. Some blocks later, variances hide an eps in the output.
    Mutation("a LayerNorm's eps is ten times", lambda copy: copy.raise_eps(10)),
    Mutation("the L2 normalisation is missing", lambda copy: copy.drop_normalisation(), severe=True),
    Mutation("BGR is read as RGB", _bgr, severe=True),
    Mutation("a picture is declared as BGR", lambda copy: copy.swap_colours(), severe=True),
)
"""Ways in which an export, a converter or a careless edit goes wrong."""

COMPRESSION: tuple[Mutation, ...] = (
    Mutation("a scale is doubled", lambda copy: middle(copy.scales(), _PLAIN).change(_double)),
    Mutation("scales are one place off", lambda copy: middle(copy.scales(), _PLAIN).change(_roll)),
    Mutation("a zero point is 16 off", lambda copy: middle(copy.zero_points(), _ZERO).change(_shift)),
    Mutation("a range is half as wide", lambda copy: middle(copy.ranges(), _RANGE).change(_halve)),
)
"""Ways in which a quantiser goes wrong, or who reads what it wrote; a palette's numbers are its scales."""
