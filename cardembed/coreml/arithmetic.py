"""How FLOAT16 results are computed where there is no hardware that does it.

Kernels compute in float32. "float32" leaves results so; "float16-optimistic" rounds each FLOAT16 result once;
"float16-pessimistic" also rounds the partial sums of matrix products and convolutions, every 64 terms. What
Apple's hardware does lies between the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Literal, get_args

from torch import Tensor

from cardembed.errors import UsageError

__all__ = ["MODES", "TERMS", "Arithmetic", "Mode"]

Mode = Literal["float32", "float16-optimistic", "float16-pessimistic"]
MODES: tuple[str, ...] = get_args(Mode)
TERMS = 64
"""Terms of a sum that are taken in float32 before it is rounded."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Rounding of results and of partial sums."""

    mode: str = "float32"
    """One of `MODES`."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UsageError(
                "Core ML arithmetic", expected="one of " + ", ".join(MODES), found=repr(self.mode),
                action="choose one of them",
            )  # fmt: skip

    def result(self, value: Tensor, *, half: bool) -> Tensor:
        """A result as it is stored: rounded to float16 and back, where the program says FLOAT16."""
        if half and self.mode != "float32" and value.is_floating_point():
            return value.half().float()
        return value

    def rounds_sums(self, terms: int, *, half: bool) -> bool:
        """Whether a sum of so many terms is taken in parts that are rounded."""
        return self.mode == "float16-pessimistic" and half and terms > TERMS

    def added(self, parts: Iterable[Tensor]) -> Tensor:
        """Partial sums, rounded to float16 after each."""
        return reduce(lambda total, part: (total + part).half().float(), parts)
