"""The Hailo-8L, under the PRD's class name. The driver itself is not part of this version."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardembed.errors import UnavailableError

__all__ = ["HailoEmbedder"]


class HailoEmbedder:
    """Run an embedding model on a Hailo-8L.

    Args:
        hef_path: The compiled model.

    Raises:
        UnavailableError: Always, in this version: `hailo_platform` is missing, or there is no driver for it
            here yet. Nothing stands in for the chip; `hailo8l` is executed by PyTorch at fidelity
            `reference`, and what only the device can tell is "not run".
    """

    def __init__(self, hef_path: str | Path) -> None:
        if importlib.util.find_spec("hailo_platform") is None:
            raise UnavailableError(
                "hailo_platform",
                expected="HailoRT's Python module and a Hailo-8L",
                found="no such module",
                action="on a Raspberry Pi: sudo apt install hailo-all (it is not on PyPI)",
            )
        raise UnavailableError(
            f"HailoEmbedder({str(hef_path)!r})",
            expected="a driver for the Hailo-8L",
            found="none in this version of cardembed",
            action="use open_embedder(release, 'hailo8l'), which executes the weights at fidelity reference",
        )

    def embed(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """One preprocessed image, (1, 3, 224, 224) float32, to a unit vector (768,) float32."""
        raise NotImplementedError(f"{image.shape}: no instance exists in this version")  # pragma: no cover
