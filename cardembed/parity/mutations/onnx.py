"""ONNX files to be damaged: initializers, attributes and nodes of the graph."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from cardembed._io import atomic_write_bytes
from cardembed.embedders.onnx_safety import parse_checked
from cardembed.parity.mutations.copies import Copy, NotApplicableError, Numbers, middle
from cardembed.parity.mutations.onnx_constants import Constants

__all__ = ["OnnxCopy"]

Node = Any
"""Of onnx, which publishes no types."""

_EPS = 1e-5
"""What ONNX means where a LayerNormalization states no epsilon."""

_LAYERS = ("Conv", "Gemm", "MatMul")


class OnnxCopy(Copy):
    """Of an `.onnx` whose weights lie inside of it."""

    def __init__(self, source: Path, damaged: Path) -> None:
        self._damaged = damaged
        self._model = parse_checked(source, source.read_bytes())
        self._graph = self._model.graph
        self._constants = Constants(self._graph)

    def biases(self) -> list[Numbers]:
        """Third arguments of convolutions and products, and what is added to a product."""
        products = {name for node in self._nodes("MatMul") for name in node.output}
        names = []
        for node in self._nodes("Conv", "Gemm", "Add"):
            given = list(node.input)
            if node.op_type != "Add":
                names += given[2:3]
            elif products & {self._constants.before_rounding(name) for name in given}:
                names += given
        return self._constants.of(names)

    def weights(self) -> list[Numbers]:
        """Second arguments of convolutions and products."""
        return self._constants.of(node.input[1] for node in self._nodes(*_LAYERS))

    def stem(self) -> Numbers:
        """The kernel of the first convolution."""
        found = self._constants.of(node.input[1] for node in self._nodes("Conv"))
        if not found:
            raise NotApplicableError("no convolution at the input")
        return found[0]

    def scales(self) -> list[Numbers]:
        """Of layers whose weights are integers."""
        return self._constants.scales(node.input[1] for node in self._nodes(*_LAYERS))

    def zero_points(self) -> list[Numbers]:
        """Of layers whose weights are integers."""
        return self._constants.zero_points(node.input[1] for node in self._nodes(*_LAYERS))

    def ranges(self) -> list[Numbers]:
        """The scales by which results are quantised; the same tensor dequantises them."""
        return self._constants.of(node.input[1] for node in self._nodes("QuantizeLinear"))

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
