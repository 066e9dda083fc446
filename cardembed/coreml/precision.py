"""What the numbers of a Core ML artefact are: told by the parsed message, which need not be executed."""

from __future__ import annotations

from typing import Any, Literal

from cardembed.coreml.dtypes import declared_dtype

__all__ = ["Message", "Precision", "operations_of", "precision_of"]

Message = Any
"""Of coremltools' protobufs, which publish no types."""

Precision = Literal["float32", "float16", "other"]


def precision_of(model: Message) -> Precision:
    """What a `Model` message holds: "float16" where any is, "other" where weights are compressed."""
    if model.WhichOneof("Type") == "neuralNetwork":
        return _of_network(model.neuralNetwork)
    operations = operations_of(model)
    if any(operation.type.startswith("constexpr_") for operation in operations):
        return "other"
    results = (result.type.tensorType for operation in operations for result in operation.outputs)
    return "float16" if any(declared_dtype(result) == "FLOAT16" for result in results) else "float32"


def operations_of(model: Message) -> list[Message]:
    """Every operation of an ML Program."""
    return [
        operation
        for function in model.mlProgram.functions.values()
        for block in function.block_specializations.values()
        for operation in block.operations
    ]


def _of_network(network: Message) -> Precision:
    found: Precision = "float32"
    for layer in network.layers:
        kind = layer.WhichOneof("layer")
        for field, value in getattr(layer, kind).ListFields() if kind else ():
            if field.message_type is None or field.message_type.name != "WeightParams":
                continue
            if value.rawValue or value.int8RawValue:
                return "other"
            if value.float16Value:
                found = "float16"
    return found
