"""A saved Core ML program, executed on PyTorch's kernels from what lies on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cardembed.coreml.arithmetic import Arithmetic
from cardembed.coreml.operations import OPERATIONS, Arguments
from cardembed.coreml.operations._registry import Value, as_tensor
from cardembed.coreml.package import bad
from cardembed.coreml.program import LARGEST_RESULT, Operation, Program, read_program
from cardembed.errors import ArtefactError, EmbeddingError
from cardembed.ports import Port

__all__ = ["CoreMLModel"]

_FAULTS = (
    RuntimeError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
    ZeroDivisionError,
)


class CoreMLModel:
    """An ML Program.

    It proves graph and weights, and not the Neural Engine's arithmetic: results are fidelity `emulated`.

    Args:
        program: As `read_program` gives it.
        mode: "float32", "float16-optimistic" or "float16-pessimistic": see `cardembed.coreml.arithmetic`.
        largest_result: Numbers that a constant or a result may have.

    Raises:
        ArtefactError: An operation that is not known, which the message names, or values that do not exist.
        UsageError: Another mode.
    """

    def __init__(
        self, program: Program, mode: str = "float32", *, largest_result: int = LARGEST_RESULT
    ) -> None:
        self.program = program
        self._largest = largest_result
        self.arithmetic = Arithmetic(mode)
        self._values: dict[str, Value] = {
            name: constant if isinstance(constant, str) else as_tensor(np.array(constant))
            for name, constant in program.constants.items()
        }
        self._steps: list[Operation] = []
        known = {feature.name for feature in program.inputs} | self._values.keys()
        for operation in program.operations:
            if operation.kind not in OPERATIONS:
                raise bad(program.path, "operations that this executor knows", operation.kind[:80])
            missing = {name for names in operation.inputs.values() for name in names} - known
            if missing:
                raise bad(program.path, "values that were computed before", f"{min(missing)[:80]!r}")
            known.update(operation.outputs)
            if operation.kind.startswith("constexpr_"):
                self._values.update(self._run(operation, self._values))
            else:
                self._steps.append(operation)
        self._last = self._last_uses()

    @classmethod
    def load(cls, path: Path | str, mode: str = "float32", *, largest_result: int = LARGEST_RESULT) -> Self:
        """Read an `.mlpackage`; `largest_result` as of the class.

        Raises:
            ArtefactError: It cannot be read or executed.
            UnavailableError: Core ML tools, whose protobufs are used, are not installed.
        """
        program = read_program(Path(path), largest_result=largest_result)
        return cls(program, mode, largest_result=largest_result)

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What it takes."""
        return self.program.inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What it gives."""
        return self.program.outputs

    def predict(self, data: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Inputs by name to outputs by name, as coremltools' `MLModel.predict`.

        Raises:
            EmbeddingError: Other names or shapes than the inputs have.
            ArtefactError: It cannot be executed on them.
        """
        found: dict[str, NDArray[Any]] = {}
        wanted = {feature.name for feature in self.outputs}
        for _, results in self._executed(data):
            found.update({name: value.numpy() for name, value in results.items() if name in wanted})
        return found

    def trace(self, data: Mapping[str, NDArray[Any]]) -> Iterator[tuple[Operation, dict[str, Tensor]]]:
        """Every operation with its results by name, as they are computed; errors as of `predict`."""
        yield from self._executed(data)

    @torch.inference_mode()
    def _executed(self, data: Mapping[str, NDArray[Any]]) -> Iterator[tuple[Operation, dict[str, Tensor]]]:
        values: dict[str, Value] = {**self._values, **self._given(data)}
        for place, operation in enumerate(self._steps):
            results = self._run(operation, values)
            values.update(results)
            yield operation, results
            for name in self._last.get(place, ()):
                del values[name]

    def _run(self, operation: Operation, values: Mapping[str, Value]) -> dict[str, Tensor]:
        given = {name: tuple(values[one] for one in names) for name, names in operation.inputs.items()}
        half = operation.half[0] if operation.half else False
        arguments = Arguments(given, self.arithmetic, half, self._largest)
        try:
            made = OPERATIONS[operation.kind](arguments)
        except ArtefactError:
            raise
        except _FAULTS as error:
            name = operation.outputs[0] if operation.outputs else ""
            found = f"{operation.kind} {name[:80]}: {type(error).__name__}: {str(error)[:200]}"
            raise bad(self.program.path, "operations that can be executed", found) from error
        results = made if isinstance(made, tuple) else (made,)
        if len(results) != len(operation.outputs):
            counts = f"{operation.kind} with {len(operation.outputs)} of {len(results)}"
            raise bad(self.program.path, "a name for every result", counts)
        return {
            name: self.arithmetic.result(value, half=half)
            for name, value, half in zip(operation.outputs, results, operation.half, strict=True)
        }

    def _given(self, data: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
        if data.keys() != {feature.name for feature in self.inputs}:
            raise _unfit(self.program.path, self.inputs, ", ".join(data) or "nothing")
        found = {}
        for feature in self.inputs:
            array = np.asarray(data[feature.name])
            shape = feature.shape if feature.dtype != "image" else (1, 3, *feature.shape)
            fits = len(shape) == array.ndim and all(
                side in (None, given) for side, given in zip(shape, array.shape, strict=True)
            )
            if not fits:
                raise _unfit(self.program.path, self.inputs, f"{feature.name} {array.shape}")
            found[feature.name] = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
        return found

    def _last_uses(self) -> dict[int, list[str]]:
        """By step, what no later step needs; outputs are handed out as they come."""
        last: dict[str, int] = {}
        for place, operation in enumerate(self._steps):
            for name in operation.outputs:
                last[name] = place
            for names in operation.inputs.values():
                last.update({name: place for name in names if name in last})
        ends: dict[int, list[str]] = {}
        for name, place in last.items():
            ends.setdefault(place, []).append(name)
        return ends


def _unfit(path: Path, inputs: tuple[Port, ...], found: str) -> EmbeddingError:
    wanted = ", ".join(map(str, inputs))
    return EmbeddingError(f"inputs of {path.name}", expected=wanted, found=found, action="pass these")
