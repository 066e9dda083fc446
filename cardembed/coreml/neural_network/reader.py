"""A NeuralNetwork's protobuf to a graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from numpy.typing import NDArray

from cardembed.coreml.description import Description
from cardembed.coreml.graph import Graph, Name, Step, ValueType
from cardembed.coreml.limits import Limits
from cardembed.coreml.neural_network.weights import read_weights
from cardembed.coreml.package import Package
from cardembed.coreml.problems import artefact_error
from cardembed.errors import ArtefactError

__all__ = ["Builder", "read_network"]

Message = Any  # generated protobuf classes
T = TypeVar("T")
_RESULT = ValueType("FLOAT16", None)  # phones compute all of it in float16; float32 mode does not


def read_network(package: Package, model: Message, description: Description, limits: Limits) -> Graph:
    """The graph of a `Model` message that holds a NeuralNetwork, and has this description.

    Raises:
        ArtefactError: A layer that is not supported, weights that do not fit, or more than `limits` allow.
    """
    from cardembed.coreml.neural_network import arrays, layers, pictures

    path, network = package.path, model.neuralNetwork
    if len(network.layers) > limits.operations:
        raise artefact_error(path, expected=f"at most {limits.operations} layers", found=len(network.layers))
    inputs = list(description.inputs)
    arrays_in = any(not feature.image for feature in inputs)
    if arrays_in and network.arrayInputShapeMapping != 1:
        raise artefact_error(path, expected="exact shapes of array inputs", found="shapes mapped to rank 5")
    build = Builder(str(path), limits)
    renamed = pictures.preprocess(build, network.preprocessing, inputs)
    tables = {**layers.LAYERS, **arrays.LAYERS}
    for layer in network.layers:
        kind = str(layer.WhichOneof("layer"))
        translate = tables.get(kind)
        thing = f"{path}: layer {kind} {layer.name}"
        build.layer = layer
        if translate is None:
            raise build.unsupported(kind)
        try:
            build.inputs = [Name(renamed.get(name, name)) for name in layer.input]
            translate(build, getattr(layer, kind))
        except (ValueError, IndexError, TypeError, OverflowError, MemoryError, KeyError) as error:
            raise artefact_error(thing, expected="parameters that fit together", found=error) from error
    half = {feature.name for feature in inputs}
    return Graph(inputs, list(description.outputs), {}, build.constants, half, build.steps)


class Builder:
    """Collects what layers are translated to.

    Args:
        thing: How errors call the artefact.
        limits: What it may hold.
    """

    def __init__(self, thing: str, limits: Limits) -> None:
        self.thing = thing
        self.limits = limits
        self.steps: list[Step] = []
        self.constants: dict[str, NDArray[Any] | str] = {}
        self.layer: Message = None
        self.inputs: list[Name] = []
        self._elements = 0

    def unsupported(self, found: str) -> ArtefactError:
        """The error that the layer is of a kind, or has a variant, that nobody translates."""
        return artefact_error(
            f"{self.thing}: layer {self.layer.WhichOneof('layer')} {self.layer.name}",
            expected="a supported layer",
            found=found,
            action="judge this artefact where Core ML itself runs",
        )

    def variant(self, message: Message, field: str, known: Sequence[T]) -> T:
        """What stands in `known` for the value of an enumeration; ArtefactError for one without a place."""
        number = int(getattr(message, field))
        if 0 <= number < len(known):
            return known[number]
        value = message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number.get(number)
        raise self.unsupported(f"{field} {number if value is None else value.name}")

    @property
    def x(self) -> Name:
        """The layer's first input."""
        return self.inputs[0]

    def weights(self, message: Message, *shape: int) -> NDArray[Any]:
        """Weights of this shape; see `read_weights`."""
        self._elements += math.prod(shape)
        if self._elements > self.limits.constant_elements:
            raise ValueError(f"more than {self.limits.constant_elements} weights")
        return read_weights(message, tuple(shape))

    def emit(self, operation: str, **arguments: Any) -> None:  # noqa: ANN401 - see Step.inputs
        """The layer's own operation, which gives its outputs."""
        self._step(operation, arguments, tuple(str(name) for name in self.layer.output))

    def between(self, operation: str, **arguments: Any) -> Name:  # noqa: ANN401 - see Step.inputs
        """An operation before the layer's own; the name of what it gives."""
        name = f"{self.layer.output[0] if self.layer is not None else ''}#{len(self.steps)}"
        self._step(operation, arguments, (name,))
        return Name(name)

    def _step(self, operation: str, arguments: dict[str, Any], names: tuple[str, ...]) -> None:
        if not names:
            raise ValueError("a layer without outputs")
        inputs = {key: _value(value) for key, value in arguments.items() if value is not None}
        self.steps.append(Step(operation, names[0], inputs, tuple((name, _RESULT) for name in names)))
        if len(self.steps) > 4 * self.limits.operations:
            raise ValueError("too many operations")


def _value(value: Any) -> Any:  # noqa: ANN401 - see Step.inputs
    if isinstance(value, list):
        return tuple(value) if value and isinstance(value[0], Name) else tuple(int(item) for item in value)
    return value
