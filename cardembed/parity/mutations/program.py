"""ML Programs to be damaged: bytes of `weight.bin`, and constants and operations of the program."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from cardembed.coreml.description import open_artefact
from cardembed.coreml.limits import Limits
from cardembed.parity.mutations.copies import Copy, NotApplicableError, Numbers, middle
from cardembed.parity.mutations.pictures import declare_bgr
from cardembed.parity.mutations.program_numbers import StoredNumbers

__all__ = ["ProgramCopy"]

Message = Any
"""Of coremltools' protobufs, which publish no types."""

_LAYERS = ("conv", "linear")


class ProgramCopy(Copy):
    """Of an `.mlpackage`; numbers are changed where they lie in the weight file."""

    def __init__(self, source: Path, damaged: Path) -> None:
        if damaged.exists():
            shutil.rmtree(damaged)
        shutil.copytree(source, damaged)
        self._package, self._model = open_artefact(damaged, Limits())
        function = self._model.mlProgram.functions["main"]
        self._block: Message = function.block_specializations[function.opset]
        self._constants = {
            operation.outputs[0].name: operation
            for operation in self._block.operations
            if operation.type == "const" or operation.type.startswith("constexpr_")
        }
        self._stored = StoredNumbers(self._package)

    def biases(self) -> list[Numbers]:
        """Of layers whose biases lie in the weight file."""
        return self._blobs("bias", _LAYERS)

    def weights(self) -> list[Numbers]:
        """Of layers whose weights lie in the weight file."""
        return self._blobs("weight", _LAYERS)

    def scales(self) -> list[Numbers]:
        """Of layers whose weights are integers, and the palettes of others."""
        return self._beside("scale", "lut")

    def zero_points(self) -> list[Numbers]:
        """Of layers whose weights are integers."""
        return self._beside("zero_point")

    def stem(self) -> Numbers:
        """The first convolution's kernel."""
        kernels = self._blobs("weight", ("conv",))
        if not kernels:
            raise NotApplicableError("no convolution at the input")
        return kernels[0]

    def approximate_gelu(self) -> str:
        """Its mode becomes the approximation by tanh."""
        operation = middle(self._operations("gelu"), "no GELU")
        self._own(operation, "mode").strings.values[0] = "TANH_APPROXIMATION"
        return str(operation.outputs[0].name)

    def raise_eps(self, factor: float) -> str:
        """Its epsilon is multiplied."""
        operation = middle(self._operations("layer_norm")[:1], "no LayerNorm")
        tensor = self._own(operation, "epsilon")
        if tensor.WhichOneof("value") == "bytes":
            eps = np.frombuffer(tensor.bytes.values, "<f2") * np.float16(factor)
            tensor.bytes.values = eps.astype("<f2").tobytes()
        else:
            tensor.floats.values[0] *= factor
        return str(operation.outputs[0].name)

    def drop_normalisation(self) -> str:
        """The last division hands on what it would divide."""
        operation = middle(self._operations("real_div")[-1:], "no division")
        operation.type = "identity"
        del operation.inputs["y"]
        return str(operation.outputs[0].name)

    def swap_colours(self) -> str:
        """In the description; the program is left as it is."""
        return declare_bgr(self._model)

    def save(self) -> None:
        """Write the program; numbers were written before."""
        self._package.specification.write_bytes(self._model.SerializeToString())

    def _operations(self, kind: str) -> list[Message]:
        return [one for one in self._block.operations if one.type == kind]

    def _own(self, operation: Message, parameter: str) -> Message:
        """An argument's tensor, for this operation alone: constants are shared between layers."""
        if parameter not in operation.inputs:
            raise NotApplicableError(f"no {parameter}")
        argument = operation.inputs[parameter].arguments[0]
        constant = self._constants[argument.name]
        own = type(constant)()
        own.CopyFrom(constant)
        own.outputs[0].name = argument.name = f"{argument.name}_changed"
        self._block.operations.insert(0, own)
        # A repeated field holds a copy of what is inserted.
        return self._block.operations[0].attributes["val"].immediateValue.tensor

    def _blobs(self, parameter: str, kinds: tuple[str, ...]) -> list[Numbers]:
        """What operations of these kinds take as this parameter from the weight file."""
        found = []
        for operation in self._block.operations:
            if operation.type not in kinds or parameter not in operation.inputs:
                continue
            constant = self._constants.get(operation.inputs[parameter].arguments[0].name)
            numbers = None if constant is None else self._stored.of(constant)
            if numbers is not None:
                found.append(numbers)
        return found

    def _beside(self, *names: str) -> list[Numbers]:
        """What the compressed weights of layers have under one of these names."""
        layers = [one for one in self._block.operations if one.type in _LAYERS]
        constants = [self._constants.get(one.inputs["weight"].arguments[0].name) for one in layers]
        return [
            self._stored.argument(constant, name)
            for constant in constants
            if constant is not None
            for name in names
            if name in constant.attributes
            and constant.attributes[name].WhichOneof("value") == "blobFileValue"
        ]
