"""The shapes of everything that an ONNX graph computes, and whether all of it stays within limits."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cardembed.onnx_graph import conversions, elementwise, fills, products, structure
from cardembed.onnx_graph.conversions import dtype_of
from cardembed.onnx_graph.limits import GraphLimits
from cardembed.onnx_graph.products import work_of
from cardembed.onnx_graph.reading import Step, steps_of, tensor_value
from cardembed.onnx_graph.values import Call, ShapeProblem, Value

__all__ = ["OPERATORS", "GraphBounds"]

Graph = Any
"""An `onnx.GraphProto`, whose types are generated."""
Port = tuple[tuple[int | None, ...], Any]
"""Sides, None where any will do, and the type of numbers."""

_RULES = {
    **elementwise.RULES, **conversions.RULES, **structure.RULES, **fills.RULES, **products.RULES
}  # fmt: skip

OPERATORS = frozenset(_RULES)
"""What a graph may hold, (domain, name): what our exports have, and what networks of images usually have."""


class GraphBounds:
    """What a graph would need at a number of images; holds none of its weights.

    Args:
        graph: An `onnx.GraphProto`, its tensors checked.
        limits: Per image.
        declared: Whether a runtime may rely on the types and shapes that the graph states of its values, so
            that they have to be there, and be right.

    Raises:
        ShapeProblem: Operators that no rule knows, or which do not form a graph.
    """

    def __init__(self, graph: Graph, limits: GraphLimits | None = None, *, declared: bool = False) -> None:
        self._limits = limits or GraphLimits()
        if len(graph.node) > self._limits.operators:
            raise ShapeProblem(f"{len(graph.node)} operators")
        _check_names([*graph.input, *graph.output])
        self.steps = steps_of(graph)
        """The operators, each after those that give its inputs."""
        self._rules = [_rule(step) for step in self.steps]
        self._constants = {tensor.name: tensor_value(tensor) for tensor in graph.initializer}
        self._stored = sum(value.elements for value in self._constants.values())
        self._inputs = {port.name: _port(port) for port in graph.input if port.name not in self._constants}
        self._declared = {port.name: _stated(port) for port in graph.value_info} if declared else None
        self._kept = {port.name for port in graph.output}
        self._checked: set[int] = set()

    def check(self, batch: int) -> None:
        """Refuse a run with this many images; one that was taken is not asked about again.

        Raises:
            ShapeProblem: A shape that cannot be known beforehand, does not fit, or needs too much.
        """
        if batch not in self._checked:
            self.shapes(batch)
            self._checked.add(batch)

    def shapes(self, batch: int) -> dict[str, Value]:
        """Every value by name, at a number of images.

        Raises:
            ShapeProblem: As `check`.
        """
        values: dict[str, Value] = dict(self._constants)
        for name, (sides, dtype) in self._inputs.items():
            values[name] = Value(tuple(batch if side is None else side for side in sides), dtype)
        for name, value in values.items():
            self._compare(name, value)
        tally = _Tally(self._limits, batch, self._stored)
        readers = Counter(name for step in self.steps for name in step.inputs)
        for name in self._inputs:
            tally.add(values[name])
        for step, rule in zip(self.steps, self._rules, strict=True):
            inputs = tuple(values[name] if name else None for name in step.inputs)
            call = Call(step.operator, inputs, step.attributes, step.outputs)
            try:
                made = rule(call)
                constant = all(value is None or value.constant for value in inputs)
                for name, value in zip(step.outputs, made, strict=True):
                    tally.add(one := Value(value.shape, value.dtype, value.numbers, constant))
                    if name:
                        values[name] = one
                        self._compare(name, one)
                tally.work(*work_of(call, made), constant=constant)
            except ShapeProblem as problem:
                raise ShapeProblem(f"{step.operator} with {problem}") from problem
            except (ValueError, IndexError, TypeError, OverflowError, MemoryError) as error:
                raise ShapeProblem(f"{step.operator} with what does not fit ({error})") from error
            for name in step.inputs:
                readers[name] -= 1
                if name and not readers[name] and name not in self._kept and name not in self._constants:
                    tally.free(values[name])
        absent = self._kept - values.keys()
        if absent:
            raise ShapeProblem(f"the outputs {sorted(absent)[:4]}, which nothing gives")
        return values

    def _compare(self, name: str, value: Value) -> None:
        if self._declared is None:
            return
        sides, dtype = self._declared.get(name, (None, None))
        fits = sides is None or (
            len(sides) == len(value.shape)
            and all(side in (None, found) for side, found in zip(sides, value.shape, strict=True))
        )
        if dtype != value.dtype or not fits:
            raise ShapeProblem(f"{name}, {value.dtype} {list(value.shape)}, stated as {dtype} {sides}")


class _Tally:
    """What a run needs at the same time, and altogether."""

    def __init__(self, limits: GraphLimits, batch: int, stored: int) -> None:
        self._limits, self._batch = limits, batch
        self._live = self._folded = self._work = self._numbers = self._folded_work = 0
        self._stored = stored

    def add(self, value: Value) -> None:
        limits, batch = self._limits, self._batch
        if len(value.shape) > limits.rank or value.elements > limits.tensor_elements * batch:
            raise ShapeProblem(f"a result of shape {list(value.shape)}")
        if not value.elements and value.dtype.kind == "f":
            raise ShapeProblem(f"a result without numbers, of shape {list(value.shape)}")
        if value.constant:  # ONNX Runtime computes it while it opens the file, and may keep it
            self._folded += value.elements
        else:
            self._live += value.elements
        # Constants may be turned and converted, which needs what they need once more.
        if (
            self._live > limits.live_elements * batch
            or self._folded > limits.live_elements + 2 * self._stored
        ):
            raise ShapeProblem(f"{self._live + self._folded} numbers at a time")

    def free(self, value: Value) -> None:
        if not value.constant:
            self._live -= value.elements

    def work(self, multiplications: int, numbers: int, *, constant: bool) -> None:
        limits, batch = self._limits, self._batch
        self._work += multiplications
        self._numbers += numbers
        self._folded_work += (multiplications + numbers) * constant
        if self._work > limits.work * batch or self._folded_work > limits.folded_work:
            raise ShapeProblem(f"{self._work} multiplications")
        if self._numbers > limits.numbers * batch:
            raise ShapeProblem(f"{self._numbers} numbers to read and write")


def _rule(step: Step) -> Any:  # noqa: ANN401 - a rule
    rule = _RULES.get(("" if step.domain == "ai.onnx" else step.domain, step.operator))
    if rule is None:
        name = f"{step.domain}.{step.operator}" if step.domain else step.operator
        raise ShapeProblem(f"the operator {name}, which no export has")
    return rule


def _check_names(ports: list[Any]) -> None:
    """Refuse names that are no UTF-8, which protobuf gives as bytes, and ONNX Runtime cannot say."""
    names = [axis.dim_param for port in ports for axis in port.type.tensor_type.shape.dim]
    if not all(isinstance(name, str) for name in [*names, *(port.name for port in ports)]):
        raise ShapeProblem("names that are no text")


def _stated(port: Any) -> tuple[tuple[int | None, ...] | None, Any]:  # noqa: ANN401 - generated types
    """Sides, None for those of any length or for all of them, and type of a value."""
    tensor = port.type.tensor_type
    sides = [axis.dim_value if axis.HasField("dim_value") else None for axis in tensor.shape.dim]
    return (tuple(sides) if tensor.HasField("shape") else None), dtype_of(tensor.elem_type)


def _port(port: Any) -> Port:  # noqa: ANN401 - generated types
    """Sides, None for the batch, and type of an input."""
    tensor = port.type.tensor_type
    if not port.type.HasField("tensor_type") or not tensor.HasField("shape"):
        raise ShapeProblem(f"the input {port.name} without a shape")
    sides = [axis.dim_value or None for axis in tensor.shape.dim]
    if None in sides[1:] or any(side is not None and side < 1 for side in sides):
        raise ShapeProblem(f"the input {port.name} of shape {sides}")
    return tuple(sides), dtype_of(tensor.elem_type)
