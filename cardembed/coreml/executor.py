"""Executes a graph on PyTorch; shapes are computed first, so that absurd ones cost nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cardembed.coreml.arithmetic import Arithmetic, Mode
from cardembed.coreml.graph import Graph, Name, Step
from cardembed.coreml.limits import Limits
from cardembed.coreml.operations.registry import Op, operations
from cardembed.coreml.problems import artefact_error
from cardembed.coreml.shapes import ShapeCheck

__all__ = ["Bound", "Executor"]

_SMALL = 64  # constants up to this length are kept as Python numbers: they are parameters


@dataclass(slots=True)
class Bound:
    """A step whose operation is known and whose constants stand in place."""

    step: Step
    op: Op
    fixed: dict[str, Any]
    """Arguments that are constants."""
    given: list[tuple[str, Any]]
    """Arguments that are computed: (parameter, name or tuple of names and constants)."""
    outputs: tuple[str, ...]
    half: bool
    """Whether the results are FLOAT16."""
    last_uses: tuple[str, ...] = ()
    """Values that nothing needs afterwards."""

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The operation's arguments, computed ones taken from `values`."""
        found = dict(self.fixed)
        for parameter, what in self.given:
            if isinstance(what, tuple):
                found[parameter] = tuple(values[i] if isinstance(i, Name) else i for i in what)
            else:
                found[parameter] = values[what]
        return found


class Executor:
    """A graph that is ready to run.

    Args:
        graph: What was parsed; its constants are taken out of it.
        mode: See `Mode`.
        limits: What it may ask for.
        thing: How errors call the artefact.

    Raises:
        ArtefactError: An unknown operation, a missing or unknown argument, a value that nothing gives, or
            shapes that do not fit or exceed the limits.
    """

    def __init__(self, graph: Graph, mode: Mode, limits: Limits, thing: str) -> None:
        self.graph = graph
        self.mode = mode
        self.limits = limits
        self.thing = thing
        self.constants = _constants(graph)
        self.wanted = frozenset(feature.name for feature in graph.outputs)
        self.bound = self._bind()
        self._arithmetic = Arithmetic(mode)
        self._checked: set[tuple[tuple[int, ...], ...]] = set()

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Compute the shapes of all values for these inputs, once for each set of inputs.

        Raises:
            ArtefactError: They do not fit together, or exceed the limits.
        """
        key = tuple(shapes[feature.name] for feature in self.graph.inputs)
        if key in self._checked:
            return
        found = ShapeCheck(self.limits, self.thing).run(self.bound, self.constants, shapes, self.graph)
        # Artefacts need not state their outputs' shapes; those for the default inputs are shown then.
        self.graph.outputs = [
            feature if feature.shape else replace(feature, shape=found[feature.name])
            for feature in self.graph.outputs
        ]
        if len(self._checked) < 1024:
            self._checked.add(key)

    def run(self, feeds: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The outputs by name.

        Args:
            feeds: Inputs by name, float32 or int32, of shapes that were checked.
        """
        values = self._given(feeds)
        for _ in self._results(values):
            pass
        return {feature.name: torch.as_tensor(values[feature.name]) for feature in self.graph.outputs}

    def trace(self, feeds: Mapping[str, Tensor]) -> Iterator[tuple[Step, dict[str, Tensor]]]:
        """Every step with its results by name, as soon as they exist; `feeds` as of `run`."""
        yield from self._results(self._given(feeds))

    def _given(self, feeds: Mapping[str, Tensor]) -> dict[str, Any]:
        values = {**self.constants, **feeds}
        if self.mode is not Mode.FLOAT32:
            for name in self.graph.half & feeds.keys():
                values[name] = feeds[name].half().float()
        return values

    def _results(self, values: dict[str, Any]) -> Iterator[tuple[Step, dict[str, Tensor]]]:
        for item in self.bound:
            with torch.inference_mode():  # not around the yield: it would reach the caller's code
                results = dict(zip(item.outputs, self._step(item, self._arithmetic, values), strict=True))
            values.update(results)
            yield item.step, results
            for name in item.last_uses:
                del values[name]

    def _step(self, item: Bound, arithmetic: Arithmetic, values: Mapping[str, Any]) -> tuple[Tensor, ...]:
        arithmetic.in_half = item.half
        arguments = item.arguments(values)
        try:
            result = item.op.function(arithmetic, **arguments)
        except Exception as error:  # whatever PyTorch says to arguments that no check foresaw
            raise step_error(self.thing, item.step, error) from error
        results: tuple[Tensor, ...] = result if isinstance(result, tuple) else (result,)
        if item.half and not item.op.exact and self.mode is not Mode.FLOAT32:
            given = {id(value) for value in arguments.values()}
            results = tuple(
                value.half().float() if id(value) in given else arithmetic.round(value) for value in results
            )
        return results

    def _bind(self) -> list[Bound]:
        table = operations()
        known = {*self.constants, *(feature.name for feature in self.graph.inputs)}
        bound = []
        for step in self.graph.steps:
            place = f"{self.thing}: {step.kind} {step.name}"
            row = table.get(step.kind)
            if row is None:
                raise artefact_error(
                    place,
                    expected="a supported operation",
                    found=step.kind,
                    action="judge this artefact where Core ML itself runs",
                )
            names = set(step.inputs)
            if not row.required <= names <= row.parameters:
                raise artefact_error(
                    place, expected=f"arguments {sorted(row.parameters)}", found=sorted(names)
                )
            item = Bound(step, row, {}, [], tuple(name for name, _ in step.outputs), False)
            for parameter, value in step.inputs.items():
                self._bind_argument(place, item, parameter, value, known)
            if known & set(item.outputs) or len(set(item.outputs)) < len(item.outputs):
                raise artefact_error(place, expected="new names for results", found=item.outputs)
            item.half = bool(step.outputs) and step.outputs[0][1].dtype == "FLOAT16"
            known.update(item.outputs)
            bound.append(item)
        missing = self.wanted - known
        if missing:
            raise artefact_error(
                self.thing, expected="every output computed", found=f"no {sorted(missing)[:9]}"
            )
        _free_early(bound, self.wanted, self.constants.keys())
        return bound

    def _bind_argument(self, place: str, item: Bound, parameter: str, value: Any, known: set[str]) -> None:  # noqa: ANN401
        parts = value if isinstance(value, tuple) else (value,)
        for part in parts:
            if isinstance(part, Name) and part not in known:
                raise artefact_error(place, expected="arguments computed before", found=str(part))
        resolved = tuple(
            self.constants[part] if isinstance(part, Name) and part in self.constants else _constant(part)
            for part in parts
        )
        what = resolved if isinstance(value, tuple) else resolved[0]
        if any(isinstance(part, Name) for part in resolved):
            item.given.append((parameter, what))
        else:
            item.fixed[parameter] = what


def step_error(thing: str, step: Step, error: Exception) -> Exception:
    """What becomes of an exception inside of an operation."""
    return artefact_error(
        f"{thing}: {step.kind} {step.name}", expected="arguments that fit together", found=error
    )


def _constants(graph: Graph) -> dict[str, Any]:
    seen: dict[int, tuple[Any, Any]] = {}
    made: dict[str, Any] = {}
    for name, value in graph.constants.items():
        if id(value) not in seen:
            seen[id(value)] = (value, _constant(value))
        made[name] = seen[id(value)][1]
    graph.constants = {}
    return made


def _constant(value: Any) -> Any:  # noqa: ANN401 - see Step.inputs
    if not isinstance(value, np.ndarray):
        return value
    if value.ndim == 0:
        return value.item()
    if value.ndim == 1 and value.size <= _SMALL and value.dtype.kind in "iub":
        return tuple(value.tolist())
    return torch.from_numpy(_plain(value))


def _plain(value: NDArray[Any]) -> NDArray[Any]:
    kind = {"f": np.float32, "u": np.int32 if value.dtype.itemsize > 1 else np.uint8}.get(
        value.dtype.kind, value.dtype.newbyteorder("=")
    )
    return np.array(value, dtype=kind, copy=True, order="C")


def _free_early(bound: list[Bound], wanted: frozenset[str], constants: Any) -> None:  # noqa: ANN401 - a key view
    seen: set[str] = set(wanted)
    for item in reversed(bound):
        names = {
            str(part)
            for _, what in item.given
            for part in (what if isinstance(what, tuple) else (what,))
            if isinstance(part, Name)
        }
        unused = {name for name in item.outputs if name not in seen}
        item.last_uses = tuple(sorted((names - seen - set(constants)) | unused))
        seen |= names
