"""Files in ONNX Runtime's format to be damaged: numbers of a flatbuffer, in their place."""

from __future__ import annotations

import importlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed._io import atomic_write_bytes
from cardembed.embedders.onnx_safety import check_ort
from cardembed.parity.mutations.copies import Copy, NotApplicableError, Numbers, middle

__all__ = ["OrtCopy"]

Node = Any
Tensor = Any
"""Of onnxruntime's flatbuffers, which publish no types."""

_FLOAT = 1  # TensorDataType.FLOAT
_ATTRIBUTE_F = 10  # offset of `f` in the table Attribute of ort.fbs


class OrtCopy(Copy):
    """Of an `.ort`: its numbers can be changed, its nodes cannot without writing all of it anew."""

    def __init__(self, source: Path, damaged: Path) -> None:
        self._damaged = damaged
        self._data = bytearray(source.read_bytes())
        steps = check_ort(source, bytes(self._data)).steps
        # Puts the generated package beside it into the path of modules.
        importlib.import_module("onnxruntime.tools.ort_format_model")
        schema: Any = importlib.import_module("ort_flatbuffers_py.fbs.InferenceSession")
        graph = schema.InferenceSession.GetRootAs(self._data, 0).Model().Graph()
        self._tensors: dict[bytes, Tensor] = {}
        for place in range(graph.InitializersLength()):
            tensor = graph.Initializers(place)
            if tensor.DataType() == _FLOAT and tensor.RawDataLength():
                self._tensors[tensor.Name()] = tensor
        nodes = [graph.Nodes(place) for place in range(graph.NodesLength())]
        by_outputs = {tuple(node.Outputs(n) for n in range(node.OutputsLength())): node for node in nodes}
        # As they are computed: a node that was fused stands at the end of the file.
        self._all = [by_outputs[tuple(name.encode() for name in step.outputs)] for step in steps]

    def biases(self) -> list[Numbers]:
        """Of convolutions and products; those that were fused into a BiasGelu or a normalisation as well."""
        products = {node.Outputs(0) for node in self._nodes(b"MatMul", b"FusedMatMul")}
        names = []
        for node in self._nodes(b"Conv", b"FusedConv", b"Gemm", b"FusedGemm", b"Add", b"BiasGelu"):
            given = _inputs(node)
            if node.OpType() not in (b"Add", b"BiasGelu"):
                names += given[2:3]
            elif products & set(given):
                names += given
        return [self._numbers(name) for name in names if name in self._tensors]

    def weights(self) -> list[Numbers]:
        """Second arguments of convolutions and products."""
        nodes = self._nodes(b"Conv", b"FusedConv", b"Gemm", b"FusedGemm", b"MatMul", b"FusedMatMul")
        names = [node.Inputs(1) for node in nodes]
        return [self._numbers(name) for name in names if name in self._tensors]

    def stem(self) -> Numbers:
        """The kernel of the first convolution."""
        for node in self._nodes(b"Conv", b"FusedConv"):
            if node.Inputs(1) in self._tensors:
                return self._numbers(node.Inputs(1))
        raise NotApplicableError("no convolution at the input")

    def approximate_gelu(self) -> str:
        """Another node: not to be had by changing numbers."""
        raise NotApplicableError("no number says how a GELU is computed")

    def raise_eps(self, factor: float) -> str:
        """Its epsilon is multiplied."""
        found = self._nodes(b"LayerNormalization", b"SkipLayerNormalization")
        node = middle(found[:1], "no LayerNorm")
        for place in range(node.AttributesLength()):
            attribute = node.Attributes(place)
            offset = attribute._tab.Offset(_ATTRIBUTE_F)  # what the generated accessor does
            if attribute.Name() == b"epsilon" and offset:
                struct.pack_into("<f", self._data, offset + attribute._tab.Pos, attribute.F() * factor)
                return str(node.Name().decode())
        raise NotApplicableError("no LayerNorm that states its eps")

    def drop_normalisation(self) -> str:
        """Other nodes: not to be had by changing numbers."""
        raise NotApplicableError("no number says what a division's result is")

    def save(self) -> None:
        """Write the file."""
        atomic_write_bytes(self._damaged, bytes(self._data))

    def _nodes(self, *kinds: bytes) -> list[Node]:
        return [node for node in self._all if node.OpType() in kinds]

    def _numbers(self, name: bytes) -> Numbers:
        tensor = self._tensors[name]
        shape = tuple(int(side) for side in tensor.DimsAsNumpy()) if tensor.DimsLength() else ()

        def view() -> NDArray[np.floating]:
            numbers: NDArray[np.floating] = tensor.RawDataAsNumpy().view("<f4").reshape(shape)
            return numbers

        return Numbers(name.decode(), shape, view, lambda _: None)  # the view is the file's own memory


def _inputs(node: Node) -> list[bytes]:
    return [node.Inputs(place) for place in range(node.InputsLength())]
