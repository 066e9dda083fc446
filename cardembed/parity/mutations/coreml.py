"""Mutations of ML Programs: bytes of `weight.bin`, and constants and operations of the program."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.coreml.blobs import locate_blob
from cardembed.coreml.description import open_artefact
from cardembed.coreml.dtypes import declared_dtype
from cardembed.coreml.limits import Limits
from cardembed.parity.mutations._types import BLOCK, Mutation, NotApplicableError, mutations

__all__ = ["COREML_MUTATIONS"]

Block = Any
Message = Any
"""Of coremltools' protobufs, which publish no types."""


class _Copy:
    """A package's copy that is being damaged."""

    def __init__(self, source: Path, damaged: Path) -> None:
        if damaged.exists():
            shutil.rmtree(damaged)
        shutil.copytree(source, damaged)
        self._package, self._model = open_artefact(damaged, Limits())
        function = self._model.mlProgram.functions["main"]
        self.block: Block = function.block_specializations[function.opset]
        self.constants = {
            operation.outputs[0].name: operation
            for operation in self.block.operations
            if operation.type == "const"
        }

    def blobs(self, parameter: str, kinds: tuple[str, ...], *, rank: int | None = None) -> list[Message]:
        """Constants in the weight file that operations of these kinds take as this parameter."""
        found = []
        for operation in self.block.operations:
            if operation.type not in kinds or parameter not in operation.inputs:
                continue
            constant = self.constants.get(operation.inputs[parameter].arguments[0].name)
            if constant is None or constant.attributes["val"].WhichOneof("value") != "blobFileValue":
                continue
            if rank in (None, len(constant.outputs[0].type.tensorType.dimensions)):
                found.append(constant)
        return found

    def change(self, constant: Message, how: Callable[[NDArray[Any]], None]) -> str:
        """Change a constant's numbers in the weight file."""
        value = constant.attributes["val"].blobFileValue
        path = self._package.blob_file(value.fileName)
        tensor = constant.outputs[0].type.tensorType
        shape = tuple(int(side.constant.size) for side in tensor.dimensions)
        dtype = declared_dtype(tensor)
        start, _ = locate_blob(path, value.offset, dtype, shape)
        mapped = np.memmap(path, dtype=dtype.lower(), mode="r+", offset=start, shape=shape)
        how(mapped)
        mapped.flush()
        return str(constant.outputs[0].name)

    def save(self) -> None:
        self._package.specification.write_bytes(self._model.SerializeToString())


def _middle(found: list[Message], what: str) -> Message:
    if not found:
        raise NotApplicableError(what)
    return found[len(found) // 2]


_LAYERS = ("conv", "linear")


def _zeroed_bias(copy: _Copy) -> str:
    def zero(numbers: NDArray[Any]) -> None:
        numbers[...] = 0

    return copy.change(_middle(copy.blobs("bias", _LAYERS), "no bias"), zero)


def _zeroed_block(copy: _Copy) -> str:
    def zero(numbers: NDArray[Any]) -> None:
        numbers.reshape(-1)[: min(BLOCK, numbers.size // 4)] = 0

    return copy.change(_middle(_large(copy), "no weights"), zero)


def _swapped_channels(copy: _Copy) -> str:
    def swap(numbers: NDArray[Any]) -> None:
        numbers[[0, 1]] = numbers[[1, 0]]

    return copy.change(_middle(_large(copy), "no weights"), swap)


def _large(copy: _Copy) -> list[Message]:
    def count(constant: Message) -> int:
        sides = constant.outputs[0].type.tensorType.dimensions
        return math.prod(int(side.constant.size) for side in sides)

    return [one for one in copy.blobs("weight", _LAYERS) if count(one) >= BLOCK // 4]


def _constant_of(copy: _Copy, kind: str, parameter: str, what: str) -> tuple[Message, Message]:
    operation = _middle([one for one in copy.block.operations if one.type == kind], what)
    constant = copy.constants[operation.inputs[parameter].arguments[0].name]
    return operation, constant.attributes["val"].immediateValue.tensor


def _approximated_gelu(copy: _Copy) -> str:
    # Constants are shared: the changed layer is given one of its own.
    operation = _middle([one for one in copy.block.operations if one.type == "gelu"], "no GELU")
    name = operation.inputs["mode"].arguments[0].name
    own = type(copy.constants[name])()
    own.CopyFrom(copy.constants[name])
    own.outputs[0].name = f"{name}_tanh"
    own.attributes["val"].immediateValue.tensor.strings.values[0] = "TANH_APPROXIMATION"
    operation.inputs["mode"].arguments[0].name = own.outputs[0].name
    output = str(operation.outputs[0].name)
    copy.block.operations.insert(0, own)
    return output


def _changed_eps(copy: _Copy) -> str:
    operation, tensor = _constant_of(copy, "layer_norm", "epsilon", "no LayerNorm")
    if tensor.WhichOneof("value") == "bytes":
        eps = np.frombuffer(tensor.bytes.values, "<f2") * np.float16(10)
        tensor.bytes.values = eps.astype("<f2").tobytes()
    else:
        tensor.floats.values[0] *= 10
    return str(operation.outputs[0].name)


def _missing_normalisation(copy: _Copy) -> str:
    operation = _middle([one for one in copy.block.operations if one.type == "real_div"], "no division")
    operation.type = "identity"
    del operation.inputs["y"]
    return str(operation.outputs[0].name)


def _bgr(copy: _Copy) -> str:
    def flip(numbers: NDArray[Any]) -> None:
        numbers[...] = numbers[:, ::-1].copy()

    stems = copy.blobs("weight", ("conv",), rank=4)
    if not stems or stems[0].outputs[0].type.tensorType.dimensions[1].constant.size != 3:
        raise NotApplicableError("no convolution of three channels")
    return copy.change(stems[0], flip)


def _writer(damage: Callable[[_Copy], str]) -> Callable[[Path, Path], str]:
    def write(source: Path, damaged: Path) -> str:
        copy = _Copy(source, damaged)
        changed = damage(copy)
        copy.save()
        return changed

    return write


COREML_MUTATIONS: tuple[Mutation, ...] = mutations(
    [
        _writer(damage)
        for damage in (
            _zeroed_bias, _zeroed_block, _swapped_channels, _approximated_gelu, _changed_eps,
            _missing_normalisation, _bgr,
        )
    ]
)  # fmt: skip
"""Damage to a file of this kind."""
