"""Mutations of ONNX files; each changes one thing in the middle of the network, unless it is about an end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.embedders.onnx_safety import parse_checked
from cardembed.parity.mutations._types import BLOCK, Mutation, NotApplicableError, mutations

__all__ = ["ONNX_MUTATIONS"]

Graph = Any
Node = Any
Tensor = Any
"""Of onnx, which publishes no types."""


def _middle(found: Sequence[Any], what: str) -> Any:  # noqa: ANN401 - as above
    if not found:
        raise NotApplicableError(what)
    return found[len(found) // 2]


def _array(tensor: Tensor) -> NDArray[Any]:
    from onnx import numpy_helper

    return np.array(numpy_helper.to_array(tensor))


def _replace(tensor: Tensor, array: NDArray[Any]) -> str:
    from onnx import numpy_helper

    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return str(tensor.name)


def _weights(graph: Graph) -> list[Tensor]:
    """Matrices and kernels with at least a few channels, as the graph names them."""
    return [one for one in graph.initializer if len(one.dims) >= 2 and math.prod(one.dims) >= BLOCK // 4]


def _zeroed_bias(graph: Graph) -> str:
    vectors = [
        one
        for one in graph.initializer
        if len(one.dims) == 1 and one.name.endswith("bias") and "norm" not in one.name and _array(one).any()
    ]
    tensor = _middle(vectors, "no bias")
    return _replace(tensor, np.zeros_like(_array(tensor)))


def _zeroed_block(graph: Graph) -> str:
    tensor = _middle(_weights(graph), "no weights")
    array = _array(tensor)
    array.reshape(-1)[: min(BLOCK, array.size // 4)] = 0
    return _replace(tensor, array)


def _swapped_channels(graph: Graph) -> str:
    tensor = _middle(_weights(graph), "no weights")
    array = _array(tensor)
    array[[0, 1]] = array[[1, 0]]
    return _replace(tensor, array)


def _approximated_gelu(graph: Graph) -> str:
    """erf(z) becomes tanh(√(2/π)(√2 z + .044715 (√2 z)³)), as GELU's approximation has it."""
    from onnx import helper, numpy_helper

    native = [node for node in graph.node if node.op_type == "Gelu"]
    if native:
        node = _middle(native, "no GELU")
        del node.attribute[:]
        node.attribute.append(helper.make_attribute("approximate", "tanh"))
        return str(node.name)
    node = _middle([node for node in graph.node if node.op_type == "Erf"], "no GELU")
    place, root = list(graph.node).index(node), f"{node.output[0]}/tanh"
    numbers = {"linear": 2 / math.sqrt(math.pi), "cubic": 4 * 0.044715 / math.sqrt(math.pi), "three": 3.0}
    for name, number in numbers.items():
        graph.initializer.append(numpy_helper.from_array(np.array(number, np.float32), f"{root}/{name}"))
    z, out = node.input[0], node.output[0]
    steps = [
        ("Pow", [z, f"{root}/three"], "cube"),
        ("Mul", [f"{root}/cube", f"{root}/cubic"], "scaled"),
        ("Mul", [z, f"{root}/linear"], "first"),
        ("Add", [f"{root}/first", f"{root}/scaled"], "sum"),
    ]
    nodes = [helper.make_node(kind, inputs, [f"{root}/{name}"]) for kind, inputs, name in steps]
    nodes.append(helper.make_node("Tanh", [f"{root}/sum"], [out]))
    name = str(node.name)
    graph.node.remove(node)
    for one in reversed(nodes):
        graph.node.insert(place, one)
    return name


def _changed_eps(graph: Graph) -> str:
    # The first alone: what it is given is small. Some blocks later, variances hide an eps in the output.
    first = [one for one in graph.node if one.op_type == "LayerNormalization"][:1]
    node = _middle(first, "no LayerNorm")
    for attribute in node.attribute:
        if attribute.name == "epsilon":
            attribute.f *= 10
    return str(node.name)


def _missing_normalisation(graph: Graph) -> str:
    from onnx import helper

    output = graph.output[0].name
    node = next(one for one in graph.node if output in one.output)
    if node.op_type != "Div":
        raise NotApplicableError("no division at the end")
    place = list(graph.node).index(node)
    graph.node.remove(node)
    graph.node.insert(place, helper.make_node("Identity", [node.input[0]], [output]))
    return str(node.name)


def _bgr(graph: Graph) -> str:
    entry = graph.input[0].name
    stem = next((node for node in graph.node if entry in node.input and node.op_type == "Conv"), None)
    if stem is None:
        raise NotApplicableError("no convolution at the input")
    tensor = next(one for one in graph.initializer if one.name == stem.input[1])
    return _replace(tensor, np.ascontiguousarray(_array(tensor)[:, ::-1]))


def _writer(change: Callable[[Graph], str]) -> Callable[[Path, Path], str]:
    def write(source: Path, damaged: Path) -> str:
        import onnx

        model = parse_checked(source, source.read_bytes())
        changed = change(model.graph)
        onnx.save(model, str(damaged))
        return changed

    return write


ONNX_MUTATIONS: tuple[Mutation, ...] = mutations(
    [
        _writer(damage)
        for damage in (
            _zeroed_bias, _zeroed_block, _swapped_channels, _approximated_gelu, _changed_eps,
            _missing_normalisation, _bgr,
        )
    ]
)  # fmt: skip
"""Damage to a file of this kind."""
