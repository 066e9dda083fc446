"""An ML Program as read from its protobuf: operations in order, constants decoded, nothing executed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed._imports import require
from cardembed.coreml.blobs import BlobFile
from cardembed.coreml.package import Package, bad, open_package
from cardembed.ports import Port

__all__ = ["LARGEST_RESULT", "Operation", "Program", "read_program"]

LARGEST_RESULT = 1 << 28
"""Numbers in a result: 1 GiB of float32. ViT-L at 518 pixels has 2^25 in its largest."""
_LARGEST_PROGRAM = 64 << 20  # bytes of the protobuf, whose weights lie beside it
_MOST_OPERATIONS = 100_000

Constant = NDArray[Any] | str
Message = Any
"""Of coremltools' protobufs, which publish no types."""

_DTYPES = {
    "FLOAT16": "float16", "FLOAT32": "float32", "FLOAT64": "float64", "BOOL": "bool", "STRING": "str",
    "INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64", "INT4": "int8",
    "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64",
    "UINT1": "uint8", "UINT2": "uint8", "UINT3": "uint8", "UINT4": "uint8", "UINT6": "uint8",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operation:
    """One step."""

    kind: str
    """As MIL calls it, such as "conv"."""
    inputs: Mapping[str, tuple[str, ...]]
    """By parameter, the names of values; several where the parameter takes a list."""
    outputs: tuple[str, ...]
    """Names of its results."""
    half: tuple[bool, ...]
    """Whether each result is FLOAT16."""


@dataclass(frozen=True)
class Program:
    """What a saved package says."""

    path: Path
    """The package."""
    specification: int
    """Version of the format: 7 is iOS 16."""
    opset: str
    """Of MIL, such as "CoreML6"."""
    inputs: tuple[Port, ...]
    """The model's."""
    outputs: tuple[Port, ...]
    """The model's."""
    operations: tuple[Operation, ...]
    """In the order of their computation, constants left out."""
    constants: Mapping[str, Constant]
    """By name: arrays, or text."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What the exporter noted."""


def read_program(path: Path, *, largest_result: int = LARGEST_RESULT) -> Program:
    """Read an `.mlpackage`; a constant or a result may have `largest_result` numbers.

    Raises:
        ArtefactError: No package, no ML Program, or one that points outside of its files or is absurd.
        UnavailableError: Core ML tools, whose protobufs are used, are not installed.
    """
    package = open_package(path)
    size = package.specification.stat().st_size
    if size > _LARGEST_PROGRAM:
        raise bad(path, f"a program of at most {_LARGEST_PROGRAM} bytes", f"{size}")
    model = require("coremltools.proto.Model_pb2", extra="coreml").Model()
    try:
        model.ParseFromString(package.specification.read_bytes())
    except Exception as error:  # protobuf's DecodeError has moved between its versions
        raise bad(path, "a Core ML model", f"{type(error).__name__}: {error}") from error
    kind = model.WhichOneof("Type")
    if kind != "mlProgram":
        raise bad(path, "an ML Program", str(kind))
    return _Reader(package, model, largest_result).program()


class _Reader:
    def __init__(self, package: Package, model: Message, largest: int) -> None:
        self._package, self._model, self._largest = package, model, largest
        self._types: Message = require("coremltools.proto.MIL_pb2", extra="coreml")
        self._dtypes = {self._types.DataType.Value(name): dtype for name, dtype in _DTYPES.items()}
        self._files: dict[str, BlobFile] = {}
        self._constants: dict[str, Constant] = {}
        self._operations: list[Operation] = []

    def program(self) -> Program:
        model, path = self._model, self._package.root
        functions = model.mlProgram.functions
        if list(functions) != ["main"]:
            raise bad(path, "one function, main", ", ".join(functions) or "none")
        function = functions["main"]
        if function.opset not in function.block_specializations:
            raise bad(path, f"a body for the opset {function.opset!r}", "none")
        block = function.block_specializations[function.opset]
        if len(block.operations) > _MOST_OPERATIONS:
            raise bad(path, f"at most {_MOST_OPERATIONS} operations", str(len(block.operations)))
        for operation in block.operations:
            self._take(operation)
        outputs = tuple(_feature(path, one, self._largest) for one in model.description.output)
        if [one.name for one in outputs] != list(block.outputs):
            raise bad(path, f"a block that gives {[one.name for one in outputs]}", str(list(block.outputs)))
        described = model.description.metadata
        return Program(
            path=path,
            specification=int(model.specificationVersion),
            opset=str(function.opset),
            inputs=tuple(_feature(path, one, self._largest) for one in model.description.input),
            outputs=outputs,
            operations=tuple(self._operations),
            constants=self._constants,
            metadata={**dict(described.userDefined), "author": described.author},
        )

    def _take(self, operation: Message) -> None:
        if operation.blocks:
            raise bad(self._package.root, "operations without blocks of their own", operation.type[:80])
        if not operation.outputs or (operation.type == "const" and len(operation.outputs) > 1):
            raise bad(self._package.root, "a name for every result", f"{operation.type[:80]} without")
        if operation.type == "const":
            self._constants[operation.outputs[0].name] = self._value(operation.attributes["val"])
            return
        inputs: dict[str, tuple[str, ...]] = {}
        for name, argument in operation.inputs.items():
            inputs[name] = tuple(self._bound(operation, item) for item in argument.arguments)
        half = []
        for output in operation.outputs:
            tensor = output.type.tensorType
            self._bounded(operation.type, _sides(tensor))
            half.append(tensor.dataType == self._types.FLOAT16)
        for name, attribute in operation.attributes.items():
            if operation.type.startswith("constexpr_") and name != "name":
                inputs[name] = (self._immediate(operation, name, attribute),)
        names = tuple(output.name for output in operation.outputs)
        self._operations.append(Operation(operation.type, inputs, names, tuple(half)))

    def _bound(self, operation: Message, item: Message) -> str:
        if item.WhichOneof("binding") == "name":
            return str(item.name)
        return self._immediate(operation, f"{len(self._constants)}", item.value)

    def _immediate(self, operation: Message, name: str, value: Message) -> str:
        """Keep a value that stands in an operation itself as a constant; returns the constant's name."""
        key = f"{operation.outputs[0].name}/{name}"
        self._constants[key] = self._value(value)
        return key

    def _value(self, value: Message) -> Constant:
        tensor = value.type.tensorType
        dtype = self._dtypes.get(tensor.dataType)
        if value.type.WhichOneof("type") != "tensorType" or dtype is None:
            raise bad(self._package.root, "constants of numbers or text", str(value.type)[:80])
        sides = [1 if side is None else side for side in _sides(tensor)]
        self._bounded("a constant", tuple(sides))
        count = math.prod(sides)
        if value.WhichOneof("value") == "blobFileValue":
            found = self._blob(value.blobFileValue.fileName).read(value.blobFileValue.offset, count)
        else:
            immediate = value.immediateValue.tensor
            kind = immediate.WhichOneof("value")
            if kind == "strings":
                return str(immediate.strings.values[0]) if immediate.strings.values else ""
            if kind is None:
                raise bad(self._package.root, "a constant with a value", "none")
            found = _numbers(immediate, kind, dtype)
        if found.size != count:
            raise bad(self._package.root, f"a constant of {count} numbers", str(found.size))
        return found.astype(dtype, copy=False).reshape(sides)

    def _blob(self, name: str) -> BlobFile:
        if name not in self._files:
            self._files[name] = BlobFile(self._package.weights(name))
        return self._files[name]

    def _bounded(self, what: str, sides: tuple[int | None, ...]) -> None:
        if any(side is not None and side < 0 for side in sides) or (
            math.prod(side or 1 for side in sides) > self._largest
        ):
            raise bad(self._package.root, f"results of at most {self._largest} numbers", f"{what} {sides}")


def _numbers(immediate: Message, kind: str, dtype: str) -> NDArray[Any]:
    values = getattr(immediate, kind).values
    if kind != "bytes":
        return np.asarray(values)
    width = np.dtype(dtype).itemsize
    return np.frombuffer(values[: len(values) // width * width], dtype=np.dtype(dtype).newbyteorder("<"))


def _sides(tensor: Message) -> tuple[int | None, ...]:
    return tuple(
        int(side.constant.size) if side.WhichOneof("dimension") == "constant" else None
        for side in tensor.dimensions
    )


_ARRAYS = {65568: "float32", 65552: "float16", 65600: "float64", 131104: "int32"}


def _feature(path: Path, described: Message, largest: int) -> Port:
    kind = described.type.WhichOneof("Type")
    if kind == "imageType":
        image = described.type.imageType
        return Port(described.name, "image", (int(image.height), int(image.width)))
    if kind != "multiArrayType":
        raise bad(path, "inputs and outputs that are arrays or pictures", f"{described.name[:80]}: {kind}")
    array = described.type.multiArrayType
    shape: list[int | None] = [int(side) for side in array.shape]
    if array.WhichOneof("ShapeFlexibility") == "shapeRange":
        limits = array.shapeRange.sizeRanges
        shape = [None if one.lowerBound != one.upperBound else int(one.lowerBound) for one in limits]
    sides = [1 if side is None else side for side in shape]
    if min(sides, default=1) < 1 or math.prod(sides) > largest:
        raise bad(path, f"inputs and outputs of 1 to {largest} numbers", f"{described.name[:80]} {shape}")
    return Port(described.name, _ARRAYS.get(array.dataType, str(array.dataType)), tuple(shape))
