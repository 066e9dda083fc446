"""Every result of an ONNX file, computed by ONNX Runtime without its own rewriting of the graph."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed.embedders.onnx import parse_onnx
from cardembed.parity.trace import Recorder, Trace

__all__ = ["trace_onnx"]

AT_ONCE = 64
"""Results that one run hands out: all of a ConvNeXt-Base at 384 × 384 would take gigabytes."""


def trace_onnx(path: Path, batch: NDArray[np.float32], *, source: str) -> Trace:
    """Run a file and keep a summary of every result.

    Args:
        path: One file, with one input (N, 3, S, S) and one output (N, D), float32.
        batch: (N, 3, S, S) float32.
        source: For people.

    Raises:
        ReleaseError: No ONNX model.
    """
    import onnx

    model = onnx.shape_inference.infer_shapes(parse_onnx(path, path.read_bytes()))
    graph = model.graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in (*graph.value_info, *graph.output)}
    floats = {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE}
    graph_output = graph.output[0].name
    nodes = [
        (node, name)
        for node in graph.node
        if node.op_type != "Constant"
        for name in node.output
        if kinds.get(name) in floats
    ]
    recorder, entry = Recorder(), graph.input[0].name
    recorder.add(entry, "input", (), batch)
    held = {entry, *(name for _, name in nodes)}
    output: NDArray[np.floating] = np.zeros((0, 0))
    for start in range(0, len(nodes), AT_ONCE):
        part = nodes[start : start + AT_ONCE]
        results = _results(onnx, model, [name for _, name in part], batch)
        for node, name in part:
            recorder.add(name, node.op_type, [one for one in node.input if one in held], results[name])
        output = results.get(graph_output, output)
    return Trace(source, tuple(recorder.values), output.astype(np.float64))


def _results(
    onnx: Any,  # noqa: ANN401 - publishes no types
    model: Any,  # noqa: ANN401
    names: list[str],
    batch: NDArray[np.float32],
) -> dict[str, NDArray[np.floating]]:
    """Results by name; the model's own outputs are replaced by them for this run."""
    onnxruntime: Any = importlib.import_module("onnxruntime")
    graph = onnx.GraphProto()
    graph.CopyFrom(model.graph)
    known = {value.name: value for value in (*graph.value_info, *graph.output)}
    del graph.output[:]
    graph.output.extend([known[name] for name in names])
    asked = onnx.ModelProto()
    asked.CopyFrom(model)
    asked.graph.CopyFrom(graph)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3  # errors come as exceptions
    session = onnxruntime.InferenceSession(
        asked.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return dict(zip(names, session.run(names, {graph.input[0].name: batch}), strict=True))
