"""The constants of an ONNX graph, whether they are floats or integers behind a scale."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.parity.mutations.compressed import behind_scale
from cardembed.parity.mutations.copies import Numbers

__all__ = ["Constants"]

Node = Any
Tensor = Any
Graph = Any
"""Of onnx, which publishes no types."""

_AXIS = 1
"""What ONNX means where a DequantizeLinear states no axis."""


class Constants:
    """Initializers by the names that nodes read them by.

    Args:
        graph: An `onnx.GraphProto`; what is written goes into its initializers.
    """

    def __init__(self, graph: Graph) -> None:
        self._tensors: dict[str, Tensor] = {one.name: one for one in graph.initializer}
        self._made: dict[str, Node] = {name: node for node in graph.node for name in node.output}

    def of(self, names: Iterable[str]) -> list[Numbers]:
        """Those of these names that are initializers, or integers that are dequantised."""
        found = []
        for name in names:
            node = self._integers(name)
            if node is not None:
                found.append(self._dequantised(node))
            elif name in self._tensors:
                found.append(_numbers(self._tensors[name]))
        return found

    def scales(self, names: Iterable[str]) -> list[Numbers]:
        """The scales of those that are integers."""
        return self._beside(names, 1)

    def zero_points(self, names: Iterable[str]) -> list[Numbers]:
        """The zero points of those that are integers."""
        return self._beside(names, 2)

    def before_rounding(self, name: str) -> str:
        """What a result is called before it is quantised and dequantised."""
        while (node := self._made.get(name)) is not None and node.op_type in (
            "QuantizeLinear",
            "DequantizeLinear",
        ):
            name = str(node.input[0])
        return name

    def _integers(self, name: str) -> Node | None:
        """The node that dequantises an initializer, where that is what the name stands for."""
        node = self._made.get(name)
        if node is None or node.op_type != "DequantizeLinear" or len(node.input) != 3:
            return None
        return node if all(one in self._tensors for one in node.input) else None

    def _beside(self, names: Iterable[str], place: int) -> list[Numbers]:
        nodes = [self._integers(name) for name in names]
        return [_numbers(self._tensors[node.input[place]]) for node in nodes if node is not None]

    def _dequantised(self, node: Node) -> Numbers:
        stored, scale, zero = (_numbers(self._tensors[name]) for name in node.input)
        axis = next((one.i for one in node.attribute if one.name == "axis"), _AXIS)
        return behind_scale(stored, scale.read(), zero.read(), axis)


def _numbers(tensor: Tensor) -> Numbers:
    from onnx import numpy_helper

    def write(numbers: NDArray[Any]) -> None:
        tensor.CopyFrom(numpy_helper.from_array(numbers, tensor.name))

    return Numbers(
        str(tensor.name), tuple(tensor.dims), lambda: np.array(numpy_helper.to_array(tensor)), write
    )
