"""An ONNX graph as steps: names, attributes and the few numbers that decide shapes, without the weights."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cardembed.onnx_graph.conversions import dtype_of
from cardembed.onnx_graph.values import FEW, ShapeProblem, Value

__all__ = ["Step", "attributes_of", "steps_of", "tensor_value"]

_RANK = 8
_LONG_LISTS = 1024

Message = Any
"""Of onnx, whose types are generated."""


@dataclass(frozen=True, slots=True)
class Step:
    """An operator, before anything is known about what it is given."""

    domain: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


def tensor_value(tensor: Message) -> Value:
    """A constant with its numbers, if they are few and lie in the file itself.

    Raises:
        ShapeProblem: Of a type that no export has, or of numbers that do not fit its shape.
    """
    from onnx import numpy_helper

    shape = tuple(tensor.dims)
    dtype = dtype_of(tensor.data_type)
    if len(shape) > _RANK:
        raise ShapeProblem(f"the tensor {tensor.name} of {len(shape)} dimensions")
    if tensor.external_data or math.prod(shape) > FEW:
        return Value(shape, dtype, constant=True)
    try:
        numbers = np.asarray(numpy_helper.to_array(tensor)).reshape(shape)
    except (ValueError, TypeError, OverflowError) as error:
        raise ShapeProblem(f"the tensor {tensor.name} of other numbers than it states") from error
    return Value(shape, dtype, numbers, constant=True)


def attributes_of(node: Message) -> dict[str, Any]:
    """Attributes by name: numbers, bytes, lists of numbers, tensors as values.

    Raises:
        ShapeProblem: A graph, or a list longer than any export has.
    """
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.HasField("g") or attribute.graphs:
            raise ShapeProblem("a graph of its own, which no export has")
        if attribute.name in found or attribute.ref_attr_name:
            raise ShapeProblem(f"the attribute {attribute.name} twice, or of a function")
        if max(len(attribute.ints), len(attribute.floats), len(attribute.strings)) > _LONG_LISTS:
            raise ShapeProblem(f"a long list as its attribute {attribute.name}")
        found[attribute.name] = _attribute(attribute)
    return found


def _attribute(attribute: Message) -> Any:  # noqa: ANN401 - of many types
    kinds = attribute.AttributeType
    kind = attribute.type
    if kind == kinds.INT:
        return int(attribute.i)
    if kind == kinds.INTS:
        return [int(number) for number in attribute.ints]
    if kind == kinds.FLOAT:
        return float(attribute.f)
    if kind == kinds.FLOATS:
        return [float(number) for number in attribute.floats]
    if kind == kinds.STRING:
        return bytes(attribute.s)
    if kind == kinds.TENSOR:
        return tensor_value(attribute.t)
    raise ShapeProblem(f"the attribute {attribute.name} of a type that no export has")


def steps_of(graph: Message) -> list[Step]:
    """The operators, each after those that give its inputs.

    Raises:
        ShapeProblem: Two results of one name, or inputs that nothing gives.
    """
    given = {"", *(port.name for port in graph.input), *(tensor.name for tensor in graph.initializer)}
    if len(graph.initializer) != len({tensor.name for tensor in graph.initializer}):
        raise ShapeProblem("two constants of one name")
    waiting: dict[str, list[int]] = {}
    missing: list[int] = []
    ready: list[int] = []
    steps: list[Step] = []
    made = set(given)
    for place, node in enumerate(graph.node):
        try:
            step = Step(node.domain, node.op_type, tuple(node.input), tuple(node.output), attributes_of(node))
        except ShapeProblem as problem:
            raise ShapeProblem(f"{node.op_type} with {problem}") from problem
        names = [name for name in step.outputs if name]
        if made & {*names} or len({*names}) != len(names) or not names:
            raise ShapeProblem(f"{node.op_type} whose results are named as others are, or not at all")
        made |= {*names}
        steps.append(step)
        open_inputs = {name for name in step.inputs if name not in given}
        for name in open_inputs:
            waiting.setdefault(name, []).append(place)
        missing.append(len(open_inputs))
        if not open_inputs:
            ready.append(place)
    order: list[Step] = []
    while ready:  # the file's order wherever it can be kept: what is freed when depends on it
        step = steps[heapq.heappop(ready)]
        order.append(step)
        for name in step.outputs:
            for later in waiting.get(name, ()):
                missing[later] -= 1
                if not missing[later]:
                    heapq.heappush(ready, later)
    if len(order) != len(steps):
        raise ShapeProblem("operators that wait for what nothing gives")
    return order
