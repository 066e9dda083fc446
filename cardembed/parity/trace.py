"""What a network computes on its way, in a form that two runtimes with other layouts can be compared by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SMALLEST", "Recorder", "Trace", "Value", "summary"]

SMALLEST = 16
"""Values with fewer numbers, such as shapes and scales, agree by chance and are not looked at."""


@dataclass(frozen=True, slots=True)
class Value:
    """One intermediate result.

    Its moments do not depend on layout: NCHW and NHWC, (N, C) and (N, C, 1, 1) are the same value.
    """

    name: str
    """Unique in its trace, as the runtime calls it."""
    operation: str
    """What computed it."""
    inputs: tuple[str, ...]
    """Values of the same trace that it was computed from; weights are left out."""
    size: int
    """Numbers in it."""
    moments: tuple[float, float, float, float, float]
    """Mean, standard deviation, mean magnitude, smallest and largest number."""

    @property
    def telling(self) -> bool:
        """Whether it can be recognised: large enough, finite or not, and not the same number throughout."""
        return self.size >= SMALLEST and self.moments[1] != 0


@dataclass(frozen=True, slots=True)
class Trace:
    """All values of one run, in the order of their computation, and what came out."""

    source: str
    """The artefact and its runtime, for people."""
    values: tuple[Value, ...]
    """Values that repeat one of their inputs in another layout are left out."""
    embeddings: NDArray[np.float64]
    """(N, D): the output."""


def summary(array: NDArray[np.floating]) -> tuple[float, float, float, float, float]:
    """The five moments of an array, in float64; NaN where it holds any."""
    wide = array.astype(np.float64, copy=False)
    return (
        float(wide.mean()),
        float(wide.std()),
        float(np.abs(wide).mean()),
        float(wide.min()),
        float(wide.max()),
    )


class Recorder:
    """Collects values; one that only rearranges an input stands under that input's name.

    Attributes:
        values: What was collected.
    """

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._known: dict[str, Value] = {}
        self._alias: dict[str, str] = {}

    def add(self, name: str, operation: str, inputs: Iterable[str], array: NDArray[np.floating]) -> str:
        """Take a result in.

        Args:
            name: Unique.
            operation: What computed it.
            inputs: Names as they were given before, each once or more often.
            array: The result.

        Returns:
            The name that it stands under.
        """
        known = tuple(dict.fromkeys(self._alias.get(one, one) for one in inputs))
        moments = summary(array) if array.size else (0.0,) * 5
        for one in known:
            source = self._known.get(one)
            if source is not None and source.size == array.size and source.moments == moments:
                self._alias[name] = one
                return one
        value = Value(name, operation, known, int(array.size), moments)
        self._known[name] = value
        self.values.append(value)
        return name
