"""The preprocessing of image inputs, which a NeuralNetwork keeps beside its layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cardembed.coreml.graph import Feature, Name
from cardembed.coreml.neural_network.reader import Builder
from cardembed.coreml.problems import artefact_error

__all__ = ["preprocess"]


def preprocess(build: Builder, messages: Any, features: Sequence[Feature]) -> dict[str, str]:  # noqa: ANN401
    """Steps for each scaled image: pixels · scale + bias of the channel; new names by the old ones.

    Raises:
        ArtefactError: A mean image, or preprocessing of what is no image.
    """
    images = {feature.name: feature for feature in features if feature.image}
    renamed: dict[str, str] = {}
    for message in messages:
        name = str(message.featureName) or next(iter(images), "")
        if name not in images or name in renamed or message.WhichOneof("preprocessor") != "scaler":
            raise artefact_error(build.thing, expected="a scaler of an image input", found=name or "none")
        scaler = message.scaler
        bias = {
            "RGB": [scaler.redBias, scaler.greenBias, scaler.blueBias],
            "BGR": [scaler.blueBias, scaler.greenBias, scaler.redBias],
        }.get(images[name].image, [scaler.grayBias])
        scaled = build.between("mul", x=Name(name), y=float(scaler.channelScale))
        shift = np.array(bias, np.float32).reshape(1, -1, 1, 1)
        renamed[name] = str(build.between("add", x=scaled, y=shift))
    return renamed
