"""What values a recipe's settings may have. Pydantic holds them to it wherever a recipe is read from a file.

Nothing is converted: TOML tells 7 from "7" and from true, and so does who reads a recipe.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from cardembed.cards.catalogue import MAX_SYNTHETIC, read_spec
from cardembed.errors import CatalogueError

__all__ = [
    "AnyCount",
    "CardSource",
    "Cosine",
    "Count",
    "Dropped",
    "Margin",
    "Rate",
    "Scale",
    "Share",
    "Switch",
    "Weight",
    "not_before",
]

Switch = Annotated[bool, Field(strict=True)]
"""Yes or no."""
Count = Annotated[int, Field(strict=True, ge=1)]
"""Of what there has to be one at least, such as steps."""
AnyCount = Annotated[int, Field(strict=True, ge=0)]
"""Of what there may be none; seeds, too."""
Rate = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
"""A learning rate: with 0 nothing would be learned."""
Weight = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
"""Of a cost, or a decay; below 0 it would reward what it is to prevent."""
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
"""Of a run, or of anything else that is a whole."""
Dropped = Annotated[float, Field(strict=True, ge=0, lt=1, allow_inf_nan=False)]
"""A share of which something has to be left."""
Cosine = Annotated[float, Field(strict=True, ge=-1, le=1, allow_inf_nan=False)]
"""A ceiling or a floor of one."""
Scale = Annotated[float, Field(strict=True, ge=1, allow_inf_nan=False)]
"""ArcFace's s, as `cardembed train teacher --scale` takes it."""
Margin = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
"""ArcFace's m in radians, as `cardembed train teacher --margin` takes it."""


def not_before(start: str) -> AfterValidator:
    """A ramp's end: it may lie where the ramp starts, which makes a step of it, and not before.

    Args:
        start: The setting of the ramp's start, which stands above the end's.
    """

    def checked(end: float, values: ValidationInfo) -> float:
        if end < values.data.get(start, end):  # absent where it is wrong itself
            raise ValueError(f"the ramp ends before {start}")
        return end

    return AfterValidator(checked)


def _readable(spec: str) -> str:
    """Misspelt here, cards would be missed after hours; folders are only opened where they are used."""
    try:
        named = read_spec(spec)
    except CatalogueError as error:
        raise ValueError(f"expected {error.expected}, {error.action}") from error
    if not isinstance(named, Path) and not 1 <= named[1] <= MAX_SYNTHETIC:
        raise ValueError(f"synthetic:SEED:COUNT has a COUNT of 1 to {MAX_SYNTHETIC}")
    return spec


CardSource = Annotated[str, Field(min_length=1), AfterValidator(_readable)]
"""Cards: synthetic:SEED:COUNT, or a folder of scans."""
