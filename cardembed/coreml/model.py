"""A Core ML artefact that can be executed on any machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from cardembed._imports import require
from cardembed.coreml.description import Description, describe, open_artefact
from cardembed.coreml.feeds import prepare
from cardembed.coreml.graph import Feature, Step
from cardembed.coreml.limits import Limits
from cardembed.errors import UsageError

if TYPE_CHECKING:
    from cardembed.coreml.executor import Executor

__all__ = ["CoreMLModel"]


class CoreMLModel:
    """An ML Program or a NeuralNetwork, read from disk and executed with PyTorch.

    It proves the artefact's graph and weights, not the Neural Engine's arithmetic: fidelity `emulated`.

    Args:
        executor: The artefact's graph, ready to run.
        description: What the artefact says of itself.

    Example:
        >>> model = CoreMLModel.load("CardEmbedding.mlpackage")
        >>> model.predict({"input": images})["embedding"].shape
        (1, 768)
    """

    def __init__(self, executor: Executor, description: Description) -> None:
        self._executor = executor
        self.description = description
        """What the artefact says of itself."""

    @classmethod
    def load(cls, path: Path | str, mode: str = "float32", *, limits: Limits | None = None) -> CoreMLModel:
        """Read an artefact; its shapes are checked for the inputs' default shapes.

        Args:
            path: An `.mlpackage` folder or an `.mlmodel` file.
            mode: "float32", "float16-optimistic" or "float16-pessimistic", see `Mode`.
            limits: What the artefact may ask for.

        Raises:
            ArtefactError: It cannot be parsed, refers outside of itself, holds an unsupported operation, or
                has absurd shapes.
            UnavailableError: PyTorch (extra `train`) or coremltools' schemas (extra `coreml`) are missing.
            UsageError: No such mode.
        """
        require("torch", extra="train")
        from cardembed.coreml.arithmetic import Mode
        from cardembed.coreml.executor import Executor
        from cardembed.coreml.neural_network.reader import read_network
        from cardembed.coreml.program import read_program

        try:
            chosen = Mode(mode)
        except ValueError as error:
            raise UsageError(
                "mode", expected=", ".join(Mode), found=repr(mode), action="choose one of these"
            ) from error
        limits = limits or Limits()
        package, message = open_artefact(path, limits)
        description = describe(package, message, limits)
        read = read_program if description.kind == "mlProgram" else read_network
        executor = Executor(read(package, message, description, limits), chosen, limits, str(path))
        executor.check({feature.name: feature.shape for feature in description.inputs})
        return cls(executor, description)

    @property
    def inputs(self) -> tuple[Feature, ...]:
        """What it takes."""
        return self.description.inputs

    @property
    def outputs(self) -> tuple[Feature, ...]:
        """What it gives; with the shapes for the default inputs where the artefact states none."""
        return tuple(self._executor.graph.outputs)

    @property
    def mode(self) -> str:
        """The arithmetic that it is executed in."""
        return str(self._executor.mode)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Operations in order, constants left out; of a NeuralNetwork what its layers were turned into."""
        return tuple(self._executor.graph.steps)

    def predict(self, data: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        """Execute it.

        Args:
            data: Inputs by name, see `cardembed.coreml.feeds.prepare`.

        Returns:
            Outputs by name, float32 or int32. FLOAT16 outputs come as float32 too: mode float32 keeps their
            digits, the others' values are FLOAT16 values.

        Raises:
            EmbeddingError: Inputs that the model does not take.
            ArtefactError: Shapes that do not fit for these inputs.
        """
        return {name: _array(value).copy() for name, value in self._executor.run(self._feeds(data)).items()}

    def trace(self, data: Mapping[str, Any]) -> Iterator[tuple[Step, dict[str, NDArray[Any]]]]:
        """Execute it and yield every operation with its results by name, in the program's order.

        Values are freed as soon as no operation needs them; copy what is to be kept. Errors as of `predict`.
        """
        for step, results in self._executor.trace(self._feeds(data)):
            yield step, {name: _array(value) for name, value in results.items()}

    def _feeds(self, data: Mapping[str, Any]) -> dict[str, Any]:
        import torch

        feeds = {name: torch.from_numpy(value) for name, value in prepare(data, self.inputs).items()}
        self._executor.check({name: tuple(value.shape) for name, value in feeds.items()})
        return feeds


def _array(value: Any) -> NDArray[Any]:  # noqa: ANN401 - a tensor
    array: NDArray[Any] = value.numpy()
    return array
