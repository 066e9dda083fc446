"""What a caller passes in, checked against a model's inputs: arrays, or images for image inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.coreml.graph import Feature
from cardembed.errors import EmbeddingError

__all__ = ["prepare"]


def prepare(data: Mapping[str, Any], features: Sequence[Feature]) -> dict[str, NDArray[Any]]:
    """Inputs by name as float32 or int32 arrays, contiguous, of shapes that the features allow.

    Args:
        data: Arrays by name. An image input takes (H, W, 3) uint8, (1, 3, H, W) of numbers from 0 to 255, or
            a PIL image, always RGB: the order is swapped here for a model that wants BGR.
        features: The model's inputs.

    Raises:
        EmbeddingError: Missing or unknown names, no numbers, or another shape.
    """
    names = {feature.name for feature in features}
    if not isinstance(data, Mapping) or data.keys() != names:
        found = sorted(map(str, data)) if isinstance(data, Mapping) else type(data).__name__
        raise _bad("inputs", f"{sorted(names)}", found)
    return {feature.name: _one(feature, data[feature.name]) for feature in features}


def _one(feature: Feature, value: Any) -> NDArray[Any]:  # noqa: ANN401 - anything a caller may pass
    if feature.image:
        value = _image(feature, value)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        raise _bad(feature.name, "an array of numbers", getattr(value, "dtype", type(value).__name__))
    if not feature.allows(value.shape):
        raise _bad(
            feature.name, f"the shape {feature.choices or feature.ranges or feature.shape}", value.shape
        )
    kind = np.int32 if feature.dtype.startswith("INT") else np.float32
    return np.require(value, kind, ["C", "W"])


def _image(feature: Feature, value: Any) -> Any:  # noqa: ANN401 - anything a caller may pass
    if hasattr(value, "convert"):
        value = np.asarray(value.convert("L" if feature.image.startswith("GRAY") else "RGB"))
    if isinstance(value, np.ndarray) and value.ndim == 2:
        value = value[None, None]
    elif isinstance(value, np.ndarray) and value.ndim == 3 and value.shape[-1] in (1, 3):
        value = value.transpose(2, 0, 1)[None]
    if isinstance(value, np.ndarray) and feature.image == "BGR" and value.ndim == 4:
        value = value[:, ::-1]
    return value


def _bad(thing: str, expected: str, found: object) -> EmbeddingError:
    return EmbeddingError(
        thing, expected=expected, found=str(found)[:300], action="pass what the model's inputs say"
    )
