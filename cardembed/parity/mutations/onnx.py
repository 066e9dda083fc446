"""ONNX files to be damaged: initializers, attributes and nodes of the graph."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed._io import atomic_write_bytes
from cardembed.embedders.onnx_safety import parse_checked
from cardembed.parity.mutations.copies import Copy, NotApplicableError, Numbers, middle

__all__ = ["OnnxCopy"]

Node = Any
Tensor = Any
"""Of onnx, which publishes no types."""

_EPS = 1e-5
"""What ONNX means where a LayerNormalization states no epsilon."""


class OnnxCopy(Copy):
    """Of an `.onnx` whose weights lie inside of it."""

    def __init__(self, source: Path, damaged: Path) -> None:
        self._damaged = damaged
        self._model = parse_checked(source, source.read_bytes())
        self._graph = self._model.graph
        self._tensors: dict[str, Tensor] = {one.name: one for one in self._graph.initializer}

    def biases(self) -> list[Numbers]:
        """Third arguments of convolutions and products, and what is added to a product."""
        products = {name for node in self._nodes("MatMul") for name in node.output}
        names = []
        for node in self._nodes("Conv", "Gemm", "Add"):
            given = list(node.input)
            if node.op_type != "Add":
                names += given[2:3]
            elif products & set(given):
                names += given
        return [_numbers(self._tensors[name]) for name in names if name in self._tensors]

    def weights(self) -> list[Numbers]:
        """Second arguments of convolutions and products."""
        names = [node.input[1] for node in self._nodes("Conv", "Gemm", "MatMul")]
        return [_numbers(self._tensors[name]) for name in names if name in self._tensors]

    def stem(self) -> Numbers:
        """The kernel of the first convolution."""
        for node in self._nodes("Conv"):
            if node.input[1] in self._tensors:
                return _numbers(self._tensors[node.input[1]])
        raise NotApplicableError("no convolution at the input")

    def approximate_gelu(self) -> str:
        """By attribute; where it is written out by erf, its tanh takes erf's place."""
        from onnx import helper

        native = self._nodes("Gelu")
        if not native:
            return self._erf_by_tanh(middle(self._nodes("Erf"), "no GELU"))
        node = middle(native, "no GELU")
        del node.attribute[:]
        node.attribute.append(helper.make_attribute("approximate", "tanh"))
        return str(node.name)

    def raise_eps(self, factor: float) -> str:
        """Its epsilon is multiplied."""
        from onnx import helper

        node = middle(self._nodes("LayerNormalization")[:1], "no LayerNorm")
        for attribute in node.attribute:
            if attribute.name == "epsilon":
                attribute.f *= factor
                return str(node.name)
        node.attribute.append(helper.make_attribute("epsilon", _EPS * factor))
        return str(node.name)

    def drop_normalisation(self) -> str:
        """The division that gives the output hands on what it would divide."""
        from onnx import helper

        output = self._graph.output[0].name
        node = next(one for one in self._graph.node if output in one.output)
        if node.op_type != "Div":
            raise NotApplicableError("no division at the end")
        self._replace(node, [helper.make_node("Identity", [node.input[0]], [output])])
        return str(node.name)

    def save(self) -> None:
        """Write the file."""
        atomic_write_bytes(self._damaged, self._model.SerializeToString())

    def _nodes(self, *kinds: str) -> list[Node]:
        return [node for node in self._graph.node if node.op_type in kinds]

    def _replace(self, node: Node, nodes: list[Node]) -> None:
        place = list(self._graph.node).index(node)
        self._graph.node.remove(node)
        for one in reversed(nodes):
            self._graph.node.insert(place, one)

    def _erf_by_tanh(self, node: Node) -> str:
        """erf(z) becomes tanh(√(2/π)(√2 z + .044715 (√2 z)³)), as GELU's approximation has it."""
        from onnx import helper, numpy_helper

        name, root = str(node.name), f"{node.output[0]}/tanh"
        numbers = {"linear": 2 / math.sqrt(math.pi), "cubic": 4 * 0.044715 / math.sqrt(math.pi), "three": 3.0}
        for key, number in numbers.items():
            made = numpy_helper.from_array(np.array(number, np.float32), f"{root}/{key}")
            self._graph.initializer.append(made)
        z, out = node.input[0], node.output[0]
        steps = [
            ("Pow", [z, f"{root}/three"], "cube"),
            ("Mul", [f"{root}/cube", f"{root}/cubic"], "scaled"),
            ("Mul", [z, f"{root}/linear"], "first"),
            ("Add", [f"{root}/first", f"{root}/scaled"], "sum"),
        ]
        nodes = [helper.make_node(kind, inputs, [f"{root}/{key}"]) for kind, inputs, key in steps]
        self._replace(node, [*nodes, helper.make_node("Tanh", [f"{root}/sum"], [out])])
        return name


def _numbers(tensor: Tensor) -> Numbers:
    from onnx import numpy_helper

    def write(numbers: NDArray[np.floating]) -> None:
        tensor.CopyFrom(numpy_helper.from_array(numbers, tensor.name))

    return Numbers(
        str(tensor.name), tuple(tensor.dims), lambda: np.array(numpy_helper.to_array(tensor)), write
    )
