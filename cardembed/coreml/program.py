"""An ML Program's protobuf to a graph: constants are read and decompressed, operations are kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.coreml.blobs import check_storage, read_blob
from cardembed.coreml.compressed import decompress
from cardembed.coreml.description import Description
from cardembed.coreml.dtypes import BITS, byte_count, declared_dtype, decode
from cardembed.coreml.graph import Graph, Name, Step, ValueType
from cardembed.coreml.limits import Limits
from cardembed.coreml.opset import main_function
from cardembed.coreml.package import Package
from cardembed.coreml.problems import artefact_error

__all__ = ["read_program"]

Message = Any  # generated protobuf classes
_FIELDS = {
    "floats": np.float32,
    "ints": np.int32,
    "bools": np.bool_,
    "longInts": np.int64,
    "doubles": np.float64,
}


def read_program(package: Package, model: Message, description: Description, limits: Limits) -> Graph:
    """The graph of a `Model` message that holds an ML Program, and has this description.

    Raises:
        ArtefactError: A program that contradicts itself, refers outside of the package, or exceeds `limits`.
    """
    return _Reader(package, limits).read(model, description)


class _Reader:
    def __init__(self, package: Package, limits: Limits) -> None:
        self.package = package
        self.path = package.path
        self.limits = limits
        self.values: dict[str, NDArray[Any] | str] = {}
        self.blobs: dict[tuple[str, int, str, tuple[int, ...]], NDArray[Any]] = {}
        self.storages: set[str] = set()
        self.elements = 0

    def read(self, model: Message, description: Description) -> Graph:
        function = main_function(self.path, model)
        block = function.block_specializations[function.opset]
        if len(block.operations) > self.limits.operations:
            raise artefact_error(
                self.path,
                expected=f"at most {self.limits.operations} operations",
                found=len(block.operations),
            )
        graph = Graph(
            inputs=list(description.inputs),
            outputs=list(description.outputs),
            arguments={item.name: self.value_type(item.name, item.type) for item in function.inputs},
        )
        if {feature.name for feature in graph.inputs} != graph.arguments.keys():
            raise artefact_error(
                self.path,
                expected="the program's inputs in the description",
                found=sorted(graph.arguments)[:9],
            )
        if not {feature.name for feature in graph.outputs} <= set(block.outputs):
            raise artefact_error(
                self.path, expected="the program's outputs in the description", found=list(block.outputs)[:9]
            )
        graph.half = {name for name, kind in graph.arguments.items() if kind.dtype == "FLOAT16"}
        for operation in block.operations:
            self.operation(graph, operation)
        graph.constants = self.values
        return graph

    def operation(self, graph: Graph, operation: Message) -> None:
        names = [output.name for output in operation.outputs]
        thing = f"{self.path}: {operation.type} {names[0] if names else ''}"
        if operation.blocks:
            raise artefact_error(
                thing, expected="operations without blocks of their own", found=operation.type
            )
        if not names:
            raise artefact_error(thing, expected="an output", found="none")
        if operation.type == "const":
            if "val" not in operation.attributes:
                raise artefact_error(thing, expected="a value", found="none")
            self.values[names[0]] = self.value(names[0], operation.attributes["val"])
            return
        inputs = {key: self.argument(thing, argument) for key, argument in operation.inputs.items()}
        if operation.type.startswith("constexpr_"):
            for key, value in operation.attributes.items():  # iOS 16 keeps the arguments there
                if key != "name":
                    inputs[key] = self.value(f"{names[0]}.{key}", value)
            self.values[names[0]] = self.constexpr(thing, operation.type, inputs)
            return
        outputs = tuple((item.name, self.value_type(item.name, item.type)) for item in operation.outputs)
        graph.steps.append(Step(operation.type, names[0], inputs, outputs))

    def constexpr(self, thing: str, kind: str, inputs: Mapping[str, Any]) -> NDArray[Any]:
        arrays = {}
        for key, value in inputs.items():
            known = self.values.get(value) if isinstance(value, Name) else value
            if isinstance(known, np.ndarray):
                arrays[key] = known
            elif not isinstance(known, str):
                raise artefact_error(thing, expected=f"a constant {key}", found=value)
        try:
            dense = decompress(kind, arrays, self.limits.constant_elements - self.elements)
        except (ValueError, KeyError, IndexError, TypeError, OverflowError, MemoryError) as error:
            raise artefact_error(thing, expected="weights that fit together", found=error) from error
        if dense is None:
            raise artefact_error(thing, expected="a supported operation", found=kind)
        self.count(thing, dense.shape)
        return dense

    def argument(self, thing: str, argument: Message) -> Any:  # noqa: ANN401 - see Step.inputs
        found: list[Any] = []
        for binding in argument.arguments:
            if binding.WhichOneof("binding") == "name":
                found.append(Name(binding.name))
            else:
                found.append(self.value(thing, binding.value))
        if not found:
            raise artefact_error(thing, expected="an argument", found="none")
        return found[0] if len(found) == 1 else tuple(found)

    def value_type(self, thing: str, kind: Message) -> ValueType:
        if kind.WhichOneof("type") != "tensorType":
            raise artefact_error(f"{self.path}: {thing}", expected="a tensor", found=kind.WhichOneof("type"))
        tensor = kind.tensorType
        if len(tensor.dimensions) > self.limits.rank:
            raise artefact_error(
                f"{self.path}: {thing}",
                expected=f"a rank up to {self.limits.rank}",
                found=len(tensor.dimensions),
            )
        shape = [
            int(size.constant.size) if size.WhichOneof("dimension") == "constant" else None
            for size in tensor.dimensions
        ]
        return ValueType(declared_dtype(tensor), tuple(shape))

    def value(self, thing: str, value: Message) -> NDArray[Any] | str:
        kind = self.value_type(thing, value.type)
        shape = tuple(size for size in kind.shape or () if size is not None)
        self.count(thing, shape)
        if kind.dtype == "STRING":
            strings = value.immediateValue.tensor.strings.values
            if len(strings) != 1:
                raise artefact_error(f"{self.path}: {thing}", expected="one text", found=len(strings))
            return str(strings[0])
        if kind.dtype not in BITS:
            raise artefact_error(
                f"{self.path}: {thing}", expected="a supported number type", found=kind.dtype
            )
        if value.WhichOneof("value") == "blobFileValue":
            return self.blob(value.blobFileValue, kind.dtype, shape)
        return self.immediate(thing, value.immediateValue, kind.dtype, shape)

    def blob(self, reference: Message, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
        key = (str(reference.fileName), int(reference.offset), dtype, shape)
        if key not in self.blobs:
            file = self.package.blob_file(reference.fileName)
            if key[0] not in self.storages:
                check_storage(file, self.limits.operations)
                self.storages.add(key[0])
            self.blobs[key] = read_blob(file, key[1], dtype, shape)
        return self.blobs[key]

    def immediate(self, thing: str, value: Message, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
        where = value.tensor.WhichOneof("value")
        problem = "no tensor"
        if where == "bytes":
            data = value.tensor.bytes.values
            if len(data) == byte_count(dtype, shape):
                return decode(data, dtype, shape)
            problem = f"{len(data)} bytes for {dtype} {shape}"
        elif where in _FIELDS:
            values = getattr(value.tensor, where).values
            if len(values) == math.prod(shape):
                target = (
                    np.bool_ if dtype == "BOOL" else np.dtype(dtype.lower()) if BITS[dtype] >= 8 else None
                )
                if target is not None:
                    return np.array(values, _FIELDS[where]).astype(target).reshape(shape)
            problem = f"{len(values)} values for {dtype} {shape}"
        raise artefact_error(f"{self.path}: {thing}", expected="a constant's numbers", found=problem)

    def count(self, thing: str, shape: tuple[int, ...]) -> None:
        if min(shape, default=0) < 0:
            raise artefact_error(f"{self.path}: {thing}", expected="sizes of 0 or more", found=shape)
        self.elements += math.prod(shape)
        if max(self.elements, *shape, 0) > self.limits.constant_elements:
            raise artefact_error(
                f"{self.path}: {thing}",
                expected=f"constants of at most {self.limits.constant_elements} elements",
                found=f"more, with a shape {shape}",
            )
