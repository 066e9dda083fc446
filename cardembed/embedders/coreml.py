"""Core ML programs. Executing them is not part of this version."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from cardembed.errors import UnavailableError

__all__ = ["CoreMLProgram"]


class CoreMLProgram:
    """A Core ML program whose `predict` works as that of coremltools' `MLModel`.

    Args:
        path: An `.mlpackage`.

    Raises:
        UnavailableError: Always, in this version: `ios` is executed by PyTorch at fidelity `reference`.
    """

    def __init__(self, path: str | Path) -> None:
        raise UnavailableError(
            f"CoreMLProgram({str(path)!r})",
            expected="something that executes Core ML programs",
            found=f"none in this version of cardembed ({platform.system()})",
            action="use open_embedder(release, 'ios'), which executes the weights at fidelity reference",
        )

    def predict(self, data: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Inputs by name to outputs by name."""
        raise NotImplementedError(f"{sorted(data)}: no instance exists in this version")  # pragma: no cover
