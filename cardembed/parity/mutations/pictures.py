"""The colour order that a Core ML model declares of its picture."""

from __future__ import annotations

from typing import Any

from cardembed.parity.mutations.copies import NotApplicableError

__all__ = ["declare_bgr"]


def declare_bgr(model: Any) -> str:  # noqa: ANN401 - a generated message
    """Declare the input of a `Model` message as BGR; gives its name.

    Raises:
        NotApplicableError: It takes no picture.
    """
    for feature in model.description.input:
        if feature.type.WhichOneof("Type") == "imageType":
            image = feature.type.imageType
            image.colorSpace = image.ColorSpace.Value("BGR")
            return str(feature.name)
    raise NotApplicableError("no picture as input")
