"""NeuralNetworks to be damaged: weights and layers of one protobuf."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed._io import atomic_write_bytes
from cardembed.coreml.description import open_artefact
from cardembed.coreml.limits import Limits
from cardembed.coreml.neural_network.weights import read_weights
from cardembed.parity.mutations.copies import Copy, NotApplicableError, Numbers, middle
from cardembed.parity.mutations.pictures import declare_bgr

__all__ = ["NetworkCopy"]

Message = Any
"""Of coremltools' protobufs, which publish no types."""

_TANH = 1  # GeluLayerParams.TANH_APPROXIMATION


class NetworkCopy(Copy):
    """Of an `.mlmodel`."""

    def __init__(self, source: Path, damaged: Path) -> None:
        self._damaged = damaged
        _, self._model = open_artefact(source, Limits())
        self._layers: Sequence[Message] = self._model.neuralNetwork.layers

    def biases(self) -> list[Numbers]:
        """Of convolutions and inner products."""
        return [
            _numbers(f"{layer.name}.bias", part.bias, (int(part.outputChannels),))
            for layer, part in self._parts("convolution", "innerProduct")
            if part.hasBias
        ]

    def weights(self) -> list[Numbers]:
        """Of convolutions and inner products."""
        return [
            _numbers(f"{layer.name}.weights", part.weights, _shape(part))
            for layer, part in self._parts("convolution", "innerProduct")
        ]

    def stem(self) -> Numbers:
        """The first convolution's kernel."""
        for layer, part in self._parts("convolution"):
            return _numbers(f"{layer.name}.weights", part.weights, _shape(part))
        raise NotApplicableError("no convolution at the input")

    def approximate_gelu(self) -> str:
        """Its mode becomes the approximation by tanh."""
        layer, part = middle(self._parts("gelu"), "no GELU")
        part.mode = _TANH
        return str(layer.name)

    def raise_eps(self, factor: float) -> str:
        """A LayerNorm is written out; the converter calls the constant after its eps."""
        found = [one for one in self._parts("loadConstantND") if one[0].name.endswith("_epsilon")]
        layer, part = middle(found[:1], "no LayerNorm")
        numbers = _numbers(str(layer.name), part.data, (1,))
        return numbers.change(lambda eps: np.multiply(eps, factor, out=eps))

    def drop_normalisation(self) -> str:
        """The last layer hands on what it would divide."""
        layer = self._layers[-1]
        if layer.WhichOneof("layer") != "divideBroadcastable":
            raise NotApplicableError("no division at the end")
        del layer.input[1:], layer.inputTensor[1:]
        layer.copy.SetInParent()
        return str(layer.name)

    def swap_colours(self) -> str:
        """In the description; the layers are left as they are."""
        return declare_bgr(self._model)

    def save(self) -> None:
        """Write the file."""
        atomic_write_bytes(self._damaged, self._model.SerializeToString())

    def _parts(self, *kinds: str) -> list[tuple[Message, Message]]:
        """Layers of these kinds, each with its parameters."""
        return [
            (layer, getattr(layer, kind))
            for layer in self._layers
            if (kind := str(layer.WhichOneof("layer"))) in kinds
        ]


def _shape(part: Message) -> tuple[int, ...]:
    if hasattr(part, "kernelSize"):
        return (int(part.outputChannels), int(part.kernelChannels), *map(int, part.kernelSize))
    return int(part.outputChannels), int(part.inputChannels)


def _numbers(name: str, message: Message, shape: tuple[int, ...]) -> Numbers:
    def write(numbers: NDArray[np.floating]) -> None:
        if message.float16Value:
            message.float16Value = numbers.astype("<f2").tobytes()
        else:
            message.floatValue[:] = numbers.reshape(-1).tolist()

    return Numbers(name, shape, lambda: read_weights(message, shape), write)
