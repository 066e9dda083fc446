"""Single numbers of a Core ML artefact that float16 hardly holds, such as an eps that guards a division."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cardembed.coreml.description import open_artefact
from cardembed.coreml.dtypes import declared_dtype
from cardembed.coreml.limits import Limits
from cardembed.coreml.precision import Message, operations_of

__all__ = ["halved_network", "subnormal_numbers"]

_SMALLEST = np.float16(2.0**-24)
_NORMAL = 2.0**-14


def halved_network(model: Message, quantize_weights: Any) -> Message:  # noqa: ANN401 - coremltools' function
    """A NeuralNetwork's specification with its numbers in float16.

    The L2 normalisation's eps, 1e-12, would become 0, and a zero embedding NaN. It becomes the smallest
    number that is not, as Core ML's converter has it in programs.
    """
    before = {
        layer.name: layer.loadConstantND.data.floatValue[0]
        for layer in model.get_spec().neuralNetwork.layers
        if len(layer.loadConstantND.data.floatValue) == 1
    }
    made = quantize_weights(model, 16)
    spec = getattr(made, "_spec", made)
    for layer in spec.neuralNetwork.layers:
        if before.get(layer.name) and layer.loadConstantND.data.float16Value == bytes(2):
            smallest = np.copysign(_SMALLEST, before[layer.name]).astype("<f2")
            layer.loadConstantND.data.float16Value = smallest.tobytes()
    return spec


def subnormal_numbers(path: Path) -> dict[str, float]:
    """By name, single float16 numbers that are not 0 and below its smallest normal one, 6.1e-5.

    Hardware that takes these for 0 would divide 0 by 0 in a zero embedding, or a LayerNorm of equal numbers.

    Raises:
        ArtefactError: It cannot be parsed.
    """
    _, model = open_artefact(path, Limits())
    network = model.WhichOneof("Type") == "neuralNetwork"
    found = _of_network(model.neuralNetwork) if network else _of_program(model)
    numbers = {name: float(np.frombuffer(data, "<f2")[0]) for name, data in found if len(data) == 2}
    return {name: number for name, number in numbers.items() if 0 < abs(number) < _NORMAL}


def _of_network(network: Message) -> Iterator[tuple[str, bytes]]:
    for layer in network.layers:
        if layer.WhichOneof("layer") == "loadConstantND":
            yield layer.name, layer.loadConstantND.data.float16Value


def _of_program(model: Message) -> Iterator[tuple[str, bytes]]:
    for operation in operations_of(model):
        if operation.type == "const" and declared_dtype(operation.outputs[0].type.tensorType) == "FLOAT16":
            yield operation.outputs[0].name, operation.attributes["val"].immediateValue.tensor.bytes.values
