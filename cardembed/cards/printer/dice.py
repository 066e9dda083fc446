"""Random numbers that stay the same for ever.

Only `random.Random.random` and `randbytes` are used: Python promises their sequences for a seed, while
`numpy.random.Generator` and `random.choice` may change with a release.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cardembed._seeds import derive_seed

__all__ = ["Dice", "grain_sheet"]

T = TypeVar("T")


class Dice:
    """A stream of random draws, named by any number of parts (see `derive_seed`)."""

    __slots__ = ("_random", "unit")

    def __init__(self, *parts: str | int) -> None:
        self._random = random.Random(derive_seed(*parts))
        self.unit = self._random.random
        """The next draw from [0, 1)."""

    def between(self, low: float, high: float) -> float:
        """A number from [low, high)."""
        return low + (high - low) * self.unit()

    def below(self, count: int) -> int:
        """An integer from 0 … count - 1."""
        return int(self.unit() * count)

    def whole(self, low: int, high: int) -> int:
        """An integer from low … high, both included."""
        return low + int(self.unit() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """True with probability `share`."""
        return self.unit() < share

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(self.unit() * len(items))]

    def weighted(self, items: Sequence[tuple[T, float]]) -> T:
        """One of the items, with probability in proportion to its weight."""
        left = self.unit() * sum(weight for _, weight in items)
        for item, weight in items:
            left -= weight
            if left < 0:
                return item
        return items[-1][0]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in random order."""
        deck = list(items)
        for last in range(len(deck) - 1, 0, -1):
            other = self.below(last + 1)
            deck[last], deck[other] = deck[other], deck[last]
        return deck

    def noise(self, *shape: int) -> NDArray[np.float32]:
        """Independent values from [0, 1] in an array of that shape."""
        count = int(np.prod(shape))
        values = np.frombuffer(self._random.randbytes(count), dtype=np.uint8)
        return (values.astype(np.float32) / 255.0).reshape(shape)


@lru_cache(maxsize=1)
def grain_sheet() -> Image.Image:
    """A sheet of white noise, 512 x 512 pixels, mode "L", to cut grain from: faster than drawing it anew."""
    return Image.fromarray((Dice("grain sheet").noise(512, 512) * 255).astype(np.uint8))
